"""The recipe: one TOML file that says everything about a build, validated.

A recipe is read from `build/<name>.toml`; `--bits`, `--fps`, `--board` and `--set key=value`
change single values on top. Each stage depends on the parts of the recipe it names in `pipeline/order.py`
and on nothing else, so a change re-runs only what it must.
"""

import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fpga_flow.core import places
from fpga_flow.core.checked import checked, read_toml
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.board import BoardRecipe

FILE_KEYS = frozenset(
    (
        "data.file",
        "model.file",
        "train.checkpoint",
        "train.distil.file",
        "hardware.folding",
        "hardware.fifos.file",
    )
)
"""Keys that name files."""
BOARD = "board"
"""Key that may name a board's file, which is read when the recipe is."""
ROOT = places.CODE
"""The folder that `fpga_flow/` stands in."""


class Change(NamedTuple):
    """One value that an option sets on top of the recipe's file."""

    key: str
    """Dotted, as in `quant.weight_bits`."""
    value: Any
    option: str | None = None
    """The option that said so, for messages; None means `--set key`."""


def find_recipe(name: str) -> Path:
    """Return the file of recipe `name`: a path to a TOML file, or a name in `build/`."""
    path = Path(name)
    if path.suffix == ".toml":
        if path.is_file():
            return path
        raise InputError(f"recipe: no file {name!r}")
    known = recipe_names()
    if name not in known:
        raise InputError(f"recipe: must be a .toml file or one of {', '.join(known)}, not {name!r}")
    return places.SHIPPED / "build" / f"{name}.toml"


def recipe_names() -> list[str]:
    """Return the names of the recipes in `build/`."""
    return sorted(path.stem for path in (places.SHIPPED / "build").glob("*.toml"))


def model_names() -> list[str]:
    """Return the names of the network architectures in `models/`."""
    return sorted(path.parent.name for path in (places.SHIPPED / "models").glob("*/model.py"))


def load_recipe(path: Path, changes: Iterable[tuple[Any, ...]] = ()) -> Recipe:
    """Read the recipe in `path` and apply `changes` (see `Change`; the option may be left out).

    Files that it names are looked for from its own folder on first. Raises `InputError` that names the file
    or the option, the key, the value and what it must be.
    """
    table = read_toml(path)
    table.setdefault("name", path.stem)
    for key in FILE_KEYS:
        _find_file(table, key.split("."), path)
    if BOARD in table:
        table[BOARD] = board_in(table[BOARD], path.resolve().parent)
    return make_recipe(table, changes, str(path))


def _find_file(table: dict[str, Any], keys: Sequence[str], recipe: Path) -> None:
    """Make the file absolute that `table`, read from `recipe`, names at `keys`, where it names one.

    What a recipe of the project names and is not beside it is found as `places.named` does.
    """
    part: Any = table
    for key in keys[:-1]:
        part = part.get(key) if isinstance(part, dict) else None
    name = part.get(keys[-1]) if isinstance(part, dict) else None
    if not isinstance(name, str):
        return
    folder = recipe.resolve().parent
    if folder != (places.SHIPPED / "build").resolve() or (folder / name).exists():
        part[keys[-1]] = places.resolved(name, folder)


def make_recipe(
    table: dict[str, Any], changes: Iterable[tuple[Any, ...]] = (), origin: str = "recipe"
) -> Recipe:
    """Validate `table` with `changes` applied; `origin` names it in messages."""
    applied = [Change(*change) for change in changes]
    for change in applied:
        _assign(table, change)
    return checked(Recipe, "a recipe", table, origin, lambda key: _place(key, applied, origin))


def _place(key: str, changes: Sequence[Change], origin: str) -> str:
    for change in reversed(changes):
        if key == change.key or f"{key}.".startswith(f"{change.key}."):
            return change.option if change.option else f"--set {key}:"
    return f"{origin}: {key}"


def board_in(value: Any, folder: Path) -> Any:
    """Return what stands for `value` of the key `board`: what a TOML file says, where `value` names one.

    So a run knows its board, whatever becomes of the file. It is looked for from `folder` on; raises
    `InputError` where it is not there, or is no board's.
    """
    if not (isinstance(value, str) and value.endswith(".toml")):
        return value
    path = places.named(places.resolved(value, folder))
    if not path.is_file():
        raise InputError(f"{BOARD}: must be a TOML file, not {str(path)!r}, which does not exist")
    return read_board(path).model_dump(mode="json")


def read_board(path: Path) -> BoardRecipe:
    """Return the board in the TOML file `path`; raises `InputError` that names it."""
    return checked(BoardRecipe, "a board", read_toml(path), str(path))


def _assign(table: dict[str, Any], change: Change) -> None:
    *parents, leaf = change.key.split(".")
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise InputError(f"--set {change.key}: {parent!r} is a value, not a section")
    table[leaf] = change.value


def parse_setting(text: str) -> Change:
    """Split `key=value` of `--set`; the value is TOML, `null`, or else a string."""
    key, found, value = text.partition("=")
    if not found or not all(re.fullmatch(r"\w+", part) for part in key.split(".")):
        raise InputError(f"--set must be key=value, as in --set prune.rate=0.1, not {text!r}")
    if value == "null":
        return Change(key, None)
    try:
        return Change(key, tomllib.loads(f"value = {value}")["value"])
    except tomllib.TOMLDecodeError:
        return Change(key, value)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"--set {key}: holds a number of too many digits, or too deep a list ({error})"
        ) from None
