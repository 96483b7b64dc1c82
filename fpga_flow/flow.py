"""A run: its stages in their order, each made where what it depends on has changed.

A stage is a package `fpga_flow.<name>` whose module `stage` has `run(context) -> result`, where
`result` (JSON) is what the stage measured and decided. It is skipped when the digest of its inputs,
its parts of the recipe, its tools' versions and its own code is that of what stands in the run.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from fpga_flow import artifact, interrupt, toolchain
from fpga_flow.boards import board
from fpga_flow.digests import code_digest, file_digest, named_file, recipe_digest
from fpga_flow.errors import FlowError, InputError
from fpga_flow.log import logged
from fpga_flow.progress import say
from fpga_flow.recipe import ROOT, make_recipe, model_names
from fpga_flow.recipe_parts import Recipe
from fpga_flow.stage import Context as Context
from fpga_flow.stage import Stage, only
from fpga_flow.stages import FILE_KEYS as FILE_KEYS
from fpga_flow.stages import STAGE_NAMES as STAGE_NAMES
from fpga_flow.stages import STAGES as STAGES

RECIPE = "recipe.json"
MODEL = "model.onnx"
DATA_FILE = "data.file"
"""Key of the recipe that may name one of several files."""
RUNS = ROOT / "build" / "out"
"""Where runs go unless `--out` says otherwise."""


@dataclass(frozen=True)
class Outcome:
    """One line of the report's `stages`."""

    name: str
    seconds: float
    cached: bool


@dataclass
class Run:
    """A run's folder with the recipe it is made from; nothing is written before `execute`."""

    folder: Path
    recipe: Recipe
    model_file: Path | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def made(self) -> list[str]:
        """The stages that were made, not kept, since this object has been there."""
        return [outcome.name for outcome in self.outcomes if not outcome.cached]

    @property
    def stages(self) -> list[Stage]:
        """The stages of this run: a network from outside enters at export."""
        return [s for s in STAGES if not (self.model_file and s.needs_training)]


def new_run(folder: Path, recipe: Recipe, model_file: Path | None = None) -> Run:
    """Return the run of `recipe` in `folder`, which may be a run already.

    Raises `InputError` for a folder that is something else and for an unknown board.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out: {folder} is a file; name a folder")
    if folder.exists() and any(folder.iterdir()) and not (folder / RECIPE).is_file():
        raise InputError(f"--out: {folder} is not empty and is no run of fpga_flow; name another folder")
    board(recipe.board)
    return Run(folder, recipe, model_file)


def open_run(folder: Path) -> Run:
    """Open an existing run; raises `InputError` where `folder` is none."""
    if not (folder / RECIPE).is_file():
        raise InputError(
            f"RUN: {folder} is no run of fpga_flow (it has no {RECIPE}); 'flow list' names the runs"
        )
    recipe = make_recipe(artifact.read_json(folder / RECIPE), origin=str(folder / RECIPE))
    model = folder / MODEL
    return new_run(folder, recipe, model if model.is_file() else None)


def execute(
    run: Run,
    until: str | None = None,
    force: str | None = None,
    relatives: Sequence[Path] = (),
    wait: float = 0.0,
) -> None:
    """Run all stages of `run` up to `until`, in order; `force` names one that runs in any case.

    Without `until` those are left out that run on demand. A stage that one of the runs in `relatives` has
    made of the same inputs, recipe, tools and code is taken from there. `wait` is how many seconds another
    flow that works on this run is waited for; -1: as long as it takes.

    Every file and tool is looked for before the first stage starts. Raises what a stage raises, and
    `DifferenceError` or `FitError` where a finished stage's result says so.
    """
    _check_names(run)
    stages = run.stages
    names = [stage.name for stage in stages]
    if until is not None:
        if until not in names:
            raise InputError(f"stage: must be one of {', '.join(names)} in this run, not {until!r}")
        stages = stages[: names.index(until) + 1]
    else:
        stages = [stage for stage in stages if not stage.on_demand]
    tools = {stage.name: toolchain.versions(stage.tools) for stage in stages}
    with locked(run.folder, wait):
        say(f"run       {run.folder}")
        before = _take_up(run)
        try:
            for stage in stages:
                run.outcomes.append(
                    _execute_stage(run, stage, tools[stage.name], force == stage.name, relatives)
                )
                problem = _judge(run, stage)
                if problem:
                    raise problem
        except InputError:
            if not run.made:
                _give_back(run, before)
            raise


def current(run: Run) -> dict[str, Path]:
    """Return the folders of the artifacts that belong together and to the run's recipe, by stage name.

    An artifact that was made from inputs or a recipe that have since been replaced is left out.
    """
    found: dict[str, Path] = {}
    for stage in run.stages:
        manifest = artifact.read_manifest(run.folder / stage.name)
        if manifest is None or not found.keys() >= set(_inputs(run, stage)):
            continue
        if manifest.inputs == _input_digests(run, stage) and manifest.recipe == recipe_digest(
            run.recipe, stage.parts
        ):
            found[stage.name] = run.folder / stage.name
    return found


def _check_names(run: Run) -> None:
    recipe = run.recipe
    if run.model_file is None and recipe.model.name not in model_names():
        raise InputError(f"model.name: must be one of {', '.join(model_names())}, not {recipe.model.name!r}")
    for stage in run.stages:
        for key, path in _named_files(run, stage).items():
            if path is not None and not path.is_file():
                raise InputError(f"{key}: must be a file, not {str(path)!r}")


def _take_up(run: Run) -> dict[Path, bytes]:
    """Write recipe and model into the run; returns what stood there before, by path."""
    kept = run.folder / MODEL
    before = {path: path.read_bytes() for path in (run.folder / RECIPE, kept) if path.is_file()}
    if run.model_file is None:
        kept.unlink(missing_ok=True)
    elif run.model_file != kept:
        scratch = kept.with_suffix(".new")
        scratch.write_bytes(run.model_file.read_bytes())
        scratch.replace(kept)
    artifact.write_json(run.folder / RECIPE, run.recipe.model_dump(mode="json"))
    return before


def _give_back(run: Run, before: dict[Path, bytes]) -> None:
    """Leave the run as it was before wrong input; a new one disappears."""
    for path, content in before.items():
        path.write_bytes(content)
    if not before:
        shutil.rmtree(run.folder)


def _execute_stage(
    run: Run, stage: Stage, tools: dict[str, str], force: bool, relatives: Sequence[Path]
) -> Outcome:
    final = run.folder / stage.name
    artifact.recover(final)
    inputs, recipe = _input_digests(run, stage), recipe_digest(run.recipe, stage.parts)
    digest = artifact.digest_json(
        {
            "stage": stage.name,
            "inputs": inputs,
            "recipe": recipe,
            "files": {key: _digest_of(paths) for key, paths in _read_files(run, stage).items()},
            "tools": tools,
            "code": code_digest([entry.format(model=run.recipe.model.name) for entry in stage.code]),
        }
    )
    standing = artifact.read_manifest(final)
    if standing and standing.digest == digest and not force:
        say(f"{stage.name:9} kept ({standing.seconds:.1f} s when it was made)")
        return Outcome(stage.name, standing.seconds, True)
    for other in relatives if not force else ():
        taken = artifact.adopt(other / stage.name, final, digest)
        if taken is not None:
            say(f"{stage.name:9} taken from {other} ({taken.seconds:.1f} s when it was made)")
            return Outcome(stage.name, taken.seconds, True)
    say(f"{stage.name:9} ...")
    partial = artifact.open_partial(final, digest)
    context = Context(
        recipe=only(run.recipe, stage.parts),
        folder=partial,
        inputs={name: run.folder / name for name in _inputs(run, stage)},
        cache=RUNS / ".cache",
        model_file=run.model_file,
    )
    start = time.monotonic()
    with logged(partial / artifact.LOG, stage.name):
        result = stage.run(context)
    interrupt.check()
    seconds = time.monotonic() - start
    artifact.finish(
        partial,
        final,
        result,
        digest=digest,
        inputs=inputs,
        recipe=recipe,
        seconds=seconds,
        tools=tools,
        parts=stage.parts,
    )
    say(f"{stage.name:9} done in {seconds:.1f} s")
    return Outcome(stage.name, round(seconds, 3), False)


def _judge(run: Run, stage: Stage) -> FlowError | None:
    if stage.judge is None:
        return None
    return stage.judge(artifact.read_result(run.folder / stage.name), board(run.recipe.board))


def _named_files(run: Run, stage: Stage) -> dict[str, Path | None]:
    return {key: named_file(run.recipe, key) for key in stage.files}


def _read_files(run: Run, stage: Stage) -> dict[str, list[Path]]:
    """Return the files that are read where a key of the recipe names one: it, and others that go with it."""
    found = {key: [path] if path else [] for key, path in _named_files(run, stage).items()}
    if DATA_FILE in found:
        from fpga_flow import data  # takes a while to import

        found[DATA_FILE] = data.files(run.recipe.data)
    return found


def _digest_of(paths: list[Path]) -> str | None:
    digests = [file_digest(path) for path in paths]
    return artifact.digest_json(digests) if len(digests) > 1 else next(iter(digests), None)


def _inputs(run: Run, stage: Stage) -> list[str]:
    present = {s.name for s in run.stages}
    return [name for name in stage.inputs if name in present]


def _input_digests(run: Run, stage: Stage) -> dict[str, str]:
    digests = {}
    for name in _inputs(run, stage):
        manifest = artifact.read_manifest(run.folder / name)
        assert manifest is not None, f"{stage.name} before its input {name}"
        digests[name] = manifest.content
    if run.model_file is not None and digests.keys() != set(stage.inputs):
        digests[MODEL] = file_digest(run.model_file)
    return digests


@contextmanager
def locked(folder: Path, wait: float = 0.0) -> Iterator[None]:
    """Hold `folder`, which is made where it is missing, against other flows; see `execute` for `wait`.

    Raises `InputError` where another one has it, or it cannot be written.
    """
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if not wait:
                raise
            say(f"waiting   for another flow that works on {folder}")
            lock.acquire(timeout=wait)
    except Timeout:
        raise InputError(f"{folder}: another flow is working on this run; wait for it or use --out") from None
    except OSError as error:
        raise InputError(f"--out: {folder} must be a folder that can be written: {error}") from None
    try:
        yield
    finally:
        lock.release()
