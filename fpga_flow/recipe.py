"""The recipe: one TOML file that says everything about a build, validated.

A recipe is read from `build/<name>.toml`; `--bits`, `--fps`, `--board` and `--set key=value`
change single values on top. Each stage depends on the parts of the recipe it names in `flow.py`
and on nothing else, so a change re-runs only what it must.
"""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fpga_flow.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
"""The checkout: `build/`, `models/` and `fpga_flow/` stand side by side in it."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Bits = Annotated[int, Field(ge=1, le=8)]
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class Part(BaseModel):
    """Base of all parts of a recipe: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataRecipe(Part):
    """Which frames the network is trained, verified and scored on."""

    name: Literal["signals", "radioml2018", "digits"] = "signals"
    file: str | None = None
    """The data set's own file, for those that the user brings (radioml2018)."""
    length: Count = 1024
    """Complex samples per frame."""
    frames_per_block: Count = 128
    """Generated frames per class and SNR (all splits together)."""
    snr_db: tuple[int, ...] = tuple(range(-20, 31, 2))
    validation_share: Share = 0.1
    """Part of the training frames that is kept for validation."""
    seed: int = 2018


class ModelRecipe(Part):
    """The network's architecture: a folder of `models/` and what its `build` takes."""

    name: Name = "vgg10"
    width: Count = 64
    """Filters per convolution."""
    dense: Count = 128
    """Neurons per hidden dense layer."""


class QuantRecipe(Part):
    """Bits per weight, activation and input sample."""

    weight_bits: Bits = 4
    act_bits: Bits = 4
    input_bits: Annotated[int, Field(ge=2, le=8)] = 8


class TrainRecipe(Part):
    """The training run of the unpruned network."""

    checkpoint: str | None = None
    """A committed checkpoint to start from, relative to the checkout; None trains from scratch."""
    epochs: Count = 30
    float_epochs: Annotated[int, Field(ge=0)] = 0
    """Epochs of the float network that the quantised one then starts from."""
    batch: Count = 256
    learning_rate: Annotated[float, Field(gt=0)] = 0.005
    patience: Count = 3
    """Epochs without a better validation loss before the learning rate is reduced."""
    factor: Share = 0.3
    """What the learning rate is multiplied by then."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0


class PruneRecipe(Part):
    """What is pruned, and when pruning stops."""

    method: Literal["none", "imp", "fmp"] = "fmp"
    rate: Share = 0.2
    """Part of the remaining weights that a prune removes."""
    decay: Annotated[float, Field(gt=1)] = 2.0
    """FMP: what the rate is divided by after a failure."""
    min_rate: Share = 0.05
    """FMP: stop when the rate falls below this."""
    target: Annotated[float, Field(gt=0, lt=100)] = 1.0
    """Percentage points below the unpruned network (relative), or accuracy in per cent (absolute)."""
    target_is: Literal["relative", "absolute"] = "relative"
    rounds: Count = 20
    """At most this many successful prunes."""
    epochs: Count = 4
    """Epoch budget of a round."""
    patience: Count = 4
    """Epochs without improvement after which a round counts as failed."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.002


class ExportRecipe(Part):
    """Golden vectors."""

    vectors: Count = 1024
    """Test frames with golden outputs kept in the run."""


class HardwareRecipe(Part):
    """Folding target and clock."""

    fps: Annotated[float, Field(gt=0)] = 5_000.0
    """Frames per second the folding aims at."""
    clock_mhz: Annotated[float, Field(gt=0, le=1000)] | None = None
    """None: the board's default clock."""
    folding: str | None = None
    """A folding file (JSON, as written by an earlier run) that is taken instead of `fps`."""


class VerifyRecipe(Part):
    """How much is simulated."""

    frames: Annotated[int, Field(ge=2)] = 256
    stalls: bool = True
    """Simulate a second time with random stalls on both sides."""
    seed: int = 1


class Recipe(Part):
    """Everything about a build."""

    name: Name
    board: str = "pynq-z1"
    seed: int = 1
    data: DataRecipe = DataRecipe()
    model: ModelRecipe = ModelRecipe()
    quant: QuantRecipe = QuantRecipe()
    train: TrainRecipe = TrainRecipe()
    prune: PruneRecipe = PruneRecipe()
    export: ExportRecipe = ExportRecipe()
    hardware: HardwareRecipe = HardwareRecipe()
    verify: VerifyRecipe = VerifyRecipe()


def find_recipe(name: str) -> Path:
    """Return the file of recipe `name`: a path to a TOML file, or a name in `build/`."""
    path = Path(name)
    if path.suffix == ".toml":
        if path.is_file():
            return path
        raise InputError(f"recipe: no file {name!r}")
    known = recipe_names()
    if name not in known:
        raise InputError(
            f"recipe: must be a .toml file or one of {', '.join(known)}, not {name!r}"
        )
    return ROOT / "build" / f"{name}.toml"


def recipe_names() -> list[str]:
    """Return the names of the recipes in `build/`."""
    return sorted(path.stem for path in (ROOT / "build").glob("*.toml"))


def load_recipe(path: Path, changes: Iterable[tuple[str, Any]] = ()) -> Recipe:
    """Read the recipe in `path` and apply `changes`, pairs of a dotted key and a value.

    Raises `InputError` that names the file, the key, the value and what it must be.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: {error}") from None
    table.setdefault("name", path.stem)
    return make_recipe(table, changes, str(path))


def make_recipe(
    table: dict[str, Any], changes: Iterable[tuple[str, Any]] = (), origin: str = "recipe"
) -> Recipe:
    """Validate `table` with `changes` applied; `origin` names it in messages."""
    for key, value in changes:
        _assign(table, key, value)
    try:
        return Recipe.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise InputError(
            f"{origin}: {place}: {first['msg']}, not {first['input']!r}{more}"
        ) from None


def _assign(table: dict[str, Any], key: str, value: Any) -> None:
    *parents, leaf = key.split(".")
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise InputError(f"--set {key}: {parent!r} is a value, not a section")
    table[leaf] = value


def parse_setting(text: str) -> tuple[str, Any]:
    """Split `key=value` of `--set`; the value is read as TOML, and as a string where it is none."""
    key, found, value = text.partition("=")
    if not found or not key:
        raise InputError(f"--set: must be key=value, not {text!r}")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value
