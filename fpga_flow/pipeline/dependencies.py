"""What a stage of a run depends on, as digests: inputs, parts of the recipe, files, tools and code."""

from pathlib import Path
from typing import Any

from fpga_flow.core import artifact, own_code
from fpga_flow.core.digests import code_digest, file_digest, named_file, recipe_digest
from fpga_flow.core.stage import Stage
from fpga_flow.pipeline.run import MODEL, Run
from fpga_flow.target.board import board

DATA_FILE = "data.file"
"""Key of the recipe that may name one of several files."""


def digest_of(run: Run, stage: Stage, tools: dict[str, str]) -> str:
    """Return the digest of all that `stage` depends on."""
    return artifact.digest_json(depends_on(run, stage, tools))


def depends_on(run: Run, stage: Stage, tools: dict[str, str]) -> dict[str, Any]:
    """Return what `stage` depends on, each as a digest (`artifact.Manifest` keeps them)."""
    read = _read_files(run, stage)
    return {
        "stage": stage.name,
        "inputs": input_digests(run, stage),
        "recipe": recipe_digest(run.recipe, stage.parts),
        "board": board(run.recipe.board).digest if "board" in stage.parts else None,
        "files": {key: _files_digest(paths) for key, paths in read.items()},
        "tools": tools,
        "code": _code_digest(run, stage, read),
    }


def code_of(run: Run, stage: Stage) -> str:
    """Return the digest of the code of `stage`, and of what it loads by name."""
    return _code_digest(run, stage, _read_files(run, stage))


def _code_digest(run: Run, stage: Stage, read: dict[str, list[Path]]) -> str:
    return code_digest(
        f"fpga_flow.stages.{stage.name}",
        *stage.modules,
        folders=[folder.format(model=run.recipe.model.name) for folder in stage.folders],
        files=read.get(own_code.KEY, ()),
    )


def named_files(run: Run, stage: Stage) -> dict[str, Path | None]:
    """Return the files that the recipe names for `stage`, by key; None where it names none."""
    return {key: named_file(run.recipe, key) for key in stage.files}


def _read_files(run: Run, stage: Stage) -> dict[str, list[Path]]:
    """Return the files that are read where a key of the recipe names one: it, and others that go with it."""
    found = {key: [path] if path else [] for key, path in named_files(run, stage).items()}
    if found.get(own_code.KEY):
        found[own_code.KEY] = [file for path in found[own_code.KEY] for file in own_code.sources(path)]
    if DATA_FILE in found:
        from fpga_flow import data  # takes a while to import

        found[DATA_FILE] = data.files(run.recipe.data)
    return found


def _files_digest(paths: list[Path]) -> str | None:
    digests = [file_digest(path) for path in paths]
    return artifact.digest_json(digests) if len(digests) > 1 else next(iter(digests), None)


def inputs_of(run: Run, stage: Stage) -> list[str]:
    """Return the names of the artifacts that `stage` takes in this run."""
    present = {s.name for s in run.stages}
    return [name for name in stage.inputs if name in present]


def input_digests(run: Run, stage: Stage) -> dict[str, str]:
    """Return the content digest of each of these artifacts; where it enters, of the network from outside."""
    digests = {}
    for name in inputs_of(run, stage):
        manifest = artifact.read_manifest(run.folder / name)
        assert manifest is not None, f"{stage.name} before its input {name}"
        digests[name] = manifest.content
    if run.model_file is not None and digests.keys() != set(stage.inputs):
        digests[MODEL] = file_digest(run.model_file)
    return digests
