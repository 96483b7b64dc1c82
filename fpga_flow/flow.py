"""The order of the stages: the only file that knows it.

A stage is a package `fpga_flow.<name>` whose module `stage` has `run(context) -> result`, where
`result` (JSON) is what the stage measured and decided. It is skipped when the digest of its inputs,
its parts of the recipe, its tools' versions and its own code is that of what stands in the run.
"""

import importlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from fpga_flow import artifact, toolchain, verdict
from fpga_flow.boards import Board, board
from fpga_flow.errors import FlowError, InputError
from fpga_flow.progress import say
from fpga_flow.recipe import ROOT, Part, Recipe, make_recipe, model_names

RECIPE = "recipe.json"
MODEL = "model.onnx"
Kind = TypeVar("Kind", bound=Part)
RUNS = ROOT / "build" / "out"
"""Where runs go unless `--out` says otherwise."""


@dataclass(frozen=True)
class Context:
    """What a stage is given."""

    recipe: Recipe
    """With the parts that the stage declares in `STAGES` and no others: reading another one is an error."""
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
    summary: str
    """One sentence for `flow --help` and `flow list`."""
    inputs: tuple[str, ...]
    parts: tuple[str, ...]
    """Dotted fields of the recipe."""
    code: tuple[str, ...]
    """Folders and files below the checkout; `{model}` is the recipe's model."""
    tools: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Dotted fields of the recipe that name a file whose content the stage depends on."""
    needs_training: bool = False
    """Not run for a network from outside."""
    judge: Callable[[Mapping[str, Any], Board], FlowError | None] | None = None
    """Whether the finished stage's result ends the command with an error."""

    def run(self, context: Context) -> dict[str, Any]:
        """Run the stage; its package is imported only now."""
        module = importlib.import_module(f"fpga_flow.{self.name}.stage")
        result: dict[str, Any] = module.run(context)
        return result


_TRAINING = ("fpga_flow/train", "fpga_flow/data", "models/{model}")
_TRAINING_TOOLS = ("torch", "brevitas", "numpy", "g++")
STAGES: tuple[Stage, ...] = (
    Stage(
        "train",
        "Train the quantised network.",
        (),
        ("seed", "data", "model", "quant", "train"),
        _TRAINING,
        _TRAINING_TOOLS,
        files=("data.file", "train.checkpoint"),
        needs_training=True,
    ),
    Stage(
        "prune",
        "Prune it in rounds, as far as its accuracy allows.",
        ("train",),
        ("seed", "data", "model", "quant", "train.batch", "prune"),
        ("fpga_flow/prune", *_TRAINING),
        _TRAINING_TOOLS,
        files=("data.file",),
        needs_training=True,
    ),
    Stage(
        "export",
        "Make a QONNX graph and golden vectors of it, or take in a network from outside.",
        ("prune",),
        ("data", "model", "quant", "export"),
        ("fpga_flow/export", "fpga_flow/golden.py", *_TRAINING),
        ("torch", "brevitas", "qonnx", "onnx", "onnxruntime", "numpy"),
        files=("data.file",),
    ),
    Stage(
        "hardware",
        "Turn the graph into folded dataflow layers.",
        ("export",),
        ("board", "hardware"),
        ("fpga_flow/hardware", "fpga_flow/finn_adapter", "fpga_flow/boards.py"),
        ("finn-plus", "qonnx", "onnx"),
        files=("hardware.folding",),
    ),
    Stage(
        "estimate",
        "Estimate the hardware's resources, before any tool runs.",
        ("hardware",),
        ("board",),
        (
            "fpga_flow/estimate",
            "fpga_flow/synth/estimate.py",
            "fpga_flow/finn_adapter",
            "fpga_flow/boards.py",
        ),
        ("finn-plus", "qonnx"),
    ),
    Stage(
        "rtl",
        "Generate the accelerator's RTL.",
        ("hardware",),
        (),
        ("fpga_flow/rtl", "fpga_flow/finn_adapter", "fpga_flow/design.py"),
        ("finn-plus",),
    ),
    Stage(
        "verify",
        "Simulate the whole accelerator and compare it with onnxruntime.",
        ("rtl", "export"),
        ("verify",),
        ("fpga_flow/verify", "fpga_flow/design.py", "fpga_flow/golden.py"),
        ("verilator", "g++", "onnxruntime"),
        judge=verdict.verified,
    ),
    Stage(
        "synth",
        "Synthesise every layer and add up its resources.",
        ("rtl",),
        ("board",),
        ("fpga_flow/synth", "fpga_flow/design.py", "fpga_flow/boards.py"),
        ("yosys",),
        judge=verdict.fits,
    ),
)
STAGE_NAMES = tuple(stage.name for stage in STAGES)
FILE_KEYS = frozenset(key for stage in STAGES for key in stage.files)
"""Keys of the recipe that name files."""


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
    def stages(self) -> list[Stage]:
        """The stages of this run: a network from outside enters at export."""
        return [s for s in STAGES if not (self.model_file and s.needs_training)]


def new_run(folder: Path, recipe: Recipe, model_file: Path | None = None) -> Run:
    """Return the run of `recipe` in `folder`, which may be a run already.

    Raises `InputError` for a folder that is something else, and for what the recipe names but is not there.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out: {folder} is a file; name a folder")
    if folder.exists() and any(folder.iterdir()) and not (folder / RECIPE).is_file():
        raise InputError(f"--out: {folder} is not empty and is no run of fpga_flow; name another folder")
    board(recipe.board)
    if model_file is None and recipe.model.name not in model_names():
        raise InputError(f"model.name: must be one of {', '.join(model_names())}, not {recipe.model.name!r}")
    run = Run(folder, recipe, model_file)
    for key in {key for stage in run.stages for key in stage.files}:
        path = _named_file(recipe, key)
        if path is not None and not path.is_file():
            raise InputError(f"{key}: must be a file, not {str(path)!r}")
    return run


def open_run(folder: Path) -> Run:
    """Open an existing run; raises `InputError` where `folder` is none."""
    if not (folder / RECIPE).is_file():
        raise InputError(
            f"RUN: {folder} is no run of fpga_flow (it has no {RECIPE}); 'flow list' names the runs"
        )
    recipe = make_recipe(artifact.read_json(folder / RECIPE), origin=str(folder / RECIPE))
    model = folder / MODEL
    return new_run(folder, recipe, model if model.is_file() else None)


def execute(run: Run, until: str | None = None, force: str | None = None) -> None:
    """Run all stages of `run` up to `until`, in order; `force` names one that runs in any case.

    Every tool is looked for before the first stage starts. Raises what a stage raises, and
    `DifferenceError` or `FitError` where a finished stage's result says so.
    """
    stages = run.stages
    names = [stage.name for stage in stages]
    if until is not None:
        if until not in names:
            raise InputError(f"stage: must be one of {', '.join(names)} in this run, not {until!r}")
        stages = stages[: names.index(until) + 1]
    tools = {stage.name: toolchain.versions(stage.tools) for stage in stages}
    with _locked(run.folder):
        _take_up(run)
        for stage in stages:
            run.outcomes.append(_execute_stage(run, stage, tools[stage.name], force == stage.name))
            problem = _judge(run, stage)
            if problem:
                raise problem


def current(run: Run) -> dict[str, Path]:
    """Return the folders of the artifacts that belong together and to the run's recipe, by stage name.

    An artifact that was made from inputs or a recipe that have since been replaced is left out.
    """
    found: dict[str, Path] = {}
    for stage in run.stages:
        manifest = artifact.read_manifest(run.folder / stage.name)
        if manifest is None or not found.keys() >= set(_inputs(run, stage)):
            continue
        if manifest.inputs == _input_digests(run, stage) and manifest.recipe == _recipe_digest(run, stage):
            found[stage.name] = run.folder / stage.name
    return found


def _take_up(run: Run) -> None:
    kept = run.folder / MODEL
    if run.model_file is None:
        kept.unlink(missing_ok=True)
    elif run.model_file != kept:
        scratch = kept.with_suffix(".new")
        scratch.write_bytes(run.model_file.read_bytes())
        scratch.replace(kept)
        run.model_file = kept
    artifact.write_json(run.folder / RECIPE, run.recipe.model_dump(mode="json"))


def _execute_stage(run: Run, stage: Stage, tools: dict[str, str], force: bool) -> Outcome:
    final = run.folder / stage.name
    artifact.recover(final)
    inputs, recipe = _input_digests(run, stage), _recipe_digest(run, stage)
    digest = artifact.digest_json(
        {
            "stage": stage.name,
            "inputs": inputs,
            "recipe": recipe,
            "files": {key: _file_digest(_named_file(run.recipe, key)) for key in stage.files},
            "tools": tools,
            "code": _code_digest([entry.format(model=run.recipe.model.name) for entry in stage.code]),
        }
    )
    standing = artifact.read_manifest(final)
    if standing and standing.digest == digest and not force:
        say(f"{stage.name:9} kept ({standing.seconds:.1f} s when it was made)")
        return Outcome(stage.name, standing.seconds, True)
    say(f"{stage.name:9} ...")
    partial = artifact.open_partial(final, digest)
    context = Context(
        recipe=_only(run.recipe, stage.parts),
        folder=partial,
        inputs={name: run.folder / name for name in _inputs(run, stage)},
        cache=RUNS / ".cache",
        model_file=run.model_file,
    )
    start = time.monotonic()
    with _logged(partial / artifact.LOG, stage.name):
        result = stage.run(context)
    seconds = time.monotonic() - start
    artifact.finish(
        partial, final, result, digest=digest, inputs=inputs, recipe=recipe, seconds=seconds, tools=tools
    )
    say(f"{stage.name:9} done in {seconds:.1f} s")
    return Outcome(stage.name, round(seconds, 3), False)


def _judge(run: Run, stage: Stage) -> FlowError | None:
    if stage.judge is None:
        return None
    return stage.judge(artifact.read_result(run.folder / stage.name), board(run.recipe.board))


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
        digests[MODEL] = artifact.digest_files(run.model_file.parent, [run.model_file])
    return digests


def _only(part: Kind, keys: Iterable[str]) -> Kind:
    """Return a copy of `part` that has just the dotted `keys`.

    A stage that reads a part it does not declare would stand when that part changes: so it fails instead.
    """
    view = part.model_copy()
    wanted: dict[str, set[str]] = {}
    for key in keys:
        name, _, rest = key.partition(".")
        wanted.setdefault(name, set()).add(rest)
    for name, value in list(vars(view).items()):
        if name not in wanted:
            del vars(view)[name]
        elif "" not in wanted[name]:
            vars(view)[name] = _only(value, wanted[name])
    return view


def _recipe_digest(run: Run, stage: Stage) -> str:
    return artifact.digest_json({key: _recipe_value(run.recipe, key) for key in stage.parts})


def _recipe_value(recipe: Recipe, dotted: str) -> Any:
    value: Any = recipe.model_dump(mode="json")
    for key in dotted.split("."):
        value = value[key]
    return value


def _named_file(recipe: Recipe, key: str) -> Path | None:
    name = _recipe_value(recipe, key)
    return None if name is None else ROOT / name


def _file_digest(path: Path | None) -> str | None:
    """Return a digest of the file at `path`; of a data set of gigabytes only size and time are looked at."""
    if path is None:
        return None
    status = path.stat()
    if status.st_size > 1 << 28:
        return artifact.digest_json([path.name, status.st_size, status.st_mtime_ns])
    return artifact.digest_files(path.parent, [path])


def _code_digest(entries: list[str]) -> str:
    files: list[Path] = []
    for entry in entries:
        path = ROOT / entry
        if path.is_file():
            files.append(path)
        else:
            files += [
                p for p in path.rglob("*") if p.suffix in (".py", ".sv", ".svh", ".v", ".cpp", ".h", ".j2")
            ]
    return artifact.digest_files(ROOT, files)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(f"{folder}: another flow is working on this run; wait for it or use --out") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _logged(path: Path, stage: str) -> Iterator[None]:
    """Send the log records, warnings and stray prints of a stage, and its failure, to the file `path`."""
    root = logging.getLogger()
    level = root.level
    with path.open("a", encoding="utf-8") as stream:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        logging.captureWarnings(True)
        try:
            with redirect_stdout(stream):
                yield
        except Exception as error:
            logging.getLogger(__name__).exception("stage %s failed", stage)
            if not isinstance(error, InputError):
                error.add_note(f"log: {path}")
            raise
        finally:
            logging.captureWarnings(False)
            root.setLevel(level)
            root.removeHandler(handler)
