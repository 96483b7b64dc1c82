"""The order of the stages: the only file that knows it.

A stage is a package `fpga_flow.<name>` whose module `stage` has `run(context) -> result`, where
`result` (JSON) is what the stage measured and decided. It is skipped when the digest of its inputs,
its parts of the recipe, its tools' versions and its own code is that of what stands in the run.
"""

import importlib
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fpga_flow import artifact, toolchain
from fpga_flow.boards import board
from fpga_flow.errors import FlowError, InputError
from fpga_flow.progress import say
from fpga_flow.recipe import ROOT, Recipe

RECIPE = "recipe.json"
MODEL = "model.onnx"
RUNS = ROOT / "build" / "out"
"""Where runs go unless `--out` says otherwise."""


@dataclass(frozen=True)
class Context:
    """What a stage is given."""

    recipe: Recipe
    folder: Path
    """Where the stage writes its artifact; keeps what a killed run of the same digest left."""
    inputs: Mapping[str, Path]
    """Folder of each input artifact, by stage name."""
    cache: Path
    """Results of tools, shared by all runs, addressed by their own digests."""
    model_file: Path | None = None
    """The ONNX file of a network from outside."""


@dataclass(frozen=True)
class Stage:
    """A stage: what it reads, what of the recipe it depends on, which code and tools it is made of."""

    name: str
    inputs: tuple[str, ...]
    parts: tuple[str, ...]
    """Dotted fields of the recipe."""
    code: tuple[str, ...]
    """Folders and files below the checkout; `{model}` is the recipe's model."""
    tools: tuple[str, ...] = ()
    needs_training: bool = False
    """Not run for a network from outside."""

    def run(self, context: Context) -> dict[str, Any]:
        """Run the stage; its package is imported only now."""
        module = importlib.import_module(f"fpga_flow.{self.name}.stage")
        result: dict[str, Any] = module.run(context)
        return result


_TRAINING = ("fpga_flow/train", "fpga_flow/data", "models/{model}")
STAGES: tuple[Stage, ...] = (
    Stage(
        "train",
        (),
        ("seed", "data", "model", "quant", "train"),
        _TRAINING,
        ("torch", "brevitas", "numpy"),
        needs_training=True,
    ),
    Stage(
        "prune",
        ("train",),
        ("seed", "data", "model", "quant", "train.batch", "prune"),
        ("fpga_flow/prune", *_TRAINING),
        ("torch", "brevitas", "numpy"),
        needs_training=True,
    ),
    Stage(
        "export",
        ("prune",),
        ("data", "model", "quant", "export"),
        ("fpga_flow/export", "fpga_flow/data", "models/{model}"),
        ("brevitas", "qonnx", "onnx", "onnxruntime", "numpy"),
    ),
    Stage(
        "hardware",
        ("export",),
        ("board", "hardware"),
        ("fpga_flow/hardware", "fpga_flow/boards.py"),
        ("finn-plus", "qonnx", "onnx"),
    ),
    Stage("rtl", ("hardware",), (), ("fpga_flow/rtl",), ("finn-plus",)),
    Stage("verify", ("rtl", "export"), ("verify",), ("fpga_flow/verify",), ("verilator", "g++")),
    Stage("synth", ("rtl",), ("board",), ("fpga_flow/synth",), ("yosys",)),
)
STAGE_NAMES = tuple(stage.name for stage in STAGES)


@dataclass(frozen=True)
class Outcome:
    """One line of the report's `stages`."""

    name: str
    seconds: float
    cached: bool


@dataclass
class Run:
    """A run's folder with the recipe it was made from."""

    folder: Path
    recipe: Recipe
    model_file: Path | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def stages(self) -> list[Stage]:
        """The stages of this run: a network from outside enters at export."""
        return [s for s in STAGES if not (self.model_file and s.needs_training)]

    def artifact(self, stage: str) -> Path | None:
        """Return the folder of a stage's artifact, or None where it has not been made."""
        folder = self.folder / stage
        return folder if artifact.read_manifest(folder) else None


def create_run(folder: Path, recipe: Recipe, model_file: Path | None) -> Run:
    """Make `folder` a run of `recipe`, or take up the run that is there."""
    board(recipe.board)
    if folder.exists() and any(folder.iterdir()) and not (folder / RECIPE).is_file():
        raise InputError(f"--out: {folder} is not empty and is no run of fpga_flow; name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    if model_file is not None:
        kept = folder / MODEL
        kept.with_suffix(".new").write_bytes(model_file.read_bytes())
        kept.with_suffix(".new").replace(kept)
        model_file = kept
    artifact.write_json(folder / RECIPE, recipe.model_dump(mode="json"))
    return Run(folder, recipe, model_file)


def open_run(folder: Path) -> Run:
    """Open an existing run; raises `InputError` where `folder` is none."""
    if not (folder / RECIPE).is_file():
        raise InputError(f"RUN: {folder} is no run of fpga_flow (it has no {RECIPE}); 'flow list' names the runs")
    recipe = Recipe.model_validate(artifact.read_json(folder / RECIPE))
    model = folder / MODEL
    return Run(folder, recipe, model if model.is_file() else None)


def execute(run: Run, until: str | None = None, force: str | None = None) -> None:
    """Run all stages of `run` up to `until`, in order; `force` names one that runs in any case."""
    with _locked(run.folder):
        for stage in run.stages:
            run.outcomes.append(_execute_stage(run, stage, force == stage.name))
            if stage.name == until:
                return


def _execute_stage(run: Run, stage: Stage, force: bool) -> Outcome:
    final = run.folder / stage.name
    tools = toolchain.versions(stage.tools)
    digest = _stage_digest(run, stage, tools)
    standing = artifact.read_manifest(final)
    if standing and standing.digest == digest and not force:
        say(f"{stage.name:9} kept ({standing.seconds:.1f} s when it was made)")
        return Outcome(stage.name, standing.seconds, True)
    say(f"{stage.name:9} ...")
    partial = artifact.open_partial(final, digest)
    context = Context(
        recipe=run.recipe,
        folder=partial,
        inputs={name: run.folder / name for name in _inputs(run, stage)},
        cache=RUNS / ".cache",
        model_file=run.model_file,
    )
    start = time.monotonic()
    with _logged(partial / artifact.LOG):
        try:
            result = stage.run(context)
        except FlowError:
            logging.getLogger(__name__).exception("stage %s failed", stage.name)
            raise
    seconds = time.monotonic() - start
    artifact.finish(partial, final, digest, result, seconds, tools)
    say(f"{stage.name:9} done in {seconds:.1f} s")
    return Outcome(stage.name, round(seconds, 3), False)


def _inputs(run: Run, stage: Stage) -> list[str]:
    present = {s.name for s in run.stages}
    return [name for name in stage.inputs if name in present]


def _stage_digest(run: Run, stage: Stage, tools: Mapping[str, str]) -> str:
    inputs = {}
    for name in _inputs(run, stage):
        manifest = artifact.read_manifest(run.folder / name)
        assert manifest is not None, f"{stage.name} before its input {name}"
        inputs[name] = manifest.content
    if not stage.inputs or inputs.keys() != set(stage.inputs):
        inputs["model_file"] = artifact.digest_files(ROOT, []) if run.model_file is None else (
            artifact.digest_files(run.model_file.parent, [run.model_file])
        )
    return artifact.digest_json(
        {
            "stage": stage.name,
            "inputs": inputs,
            "recipe": {part: _recipe_part(run.recipe, part) for part in stage.parts},
            "tools": dict(tools),
            "code": _code_digest([entry.format(model=run.recipe.model.name) for entry in stage.code]),
        }
    )


def _recipe_part(recipe: Recipe, dotted: str) -> Any:
    value: Any = recipe.model_dump(mode="json")
    for key in dotted.split("."):
        value = value[key]
    return value


def _code_digest(entries: list[str]) -> str:
    files: list[Path] = []
    for entry in entries:
        path = ROOT / entry
        files += [path] if path.is_file() else [
            p for p in path.rglob("*") if p.suffix in (".py", ".sv", ".cpp", ".h", ".j2")
        ]
    return artifact.digest_files(ROOT, files)


@contextmanager
def _locked(folder: Path) -> Any:
    lock = FileLock(folder / ".lock")
    try:
        with lock.acquire(timeout=0):
            yield
    except Timeout:
        raise InputError(f"{folder}: another flow is working on this run; wait for it or use --out") from None


@contextmanager
def _logged(path: Path) -> Any:
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    level = root.level
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        handler.close()


