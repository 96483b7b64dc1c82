"""The recipe: one TOML file that says everything about a build, validated.

A recipe is read from `build/<name>.toml`; `--bits`, `--fps`, `--board` and `--set key=value`
change single values on top. Each stage depends on the parts of the recipe it names in `stages.py`
and on nothing else, so a change re-runs only what it must.
"""

import json
import re
import reprlib
import sys
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import ValidationError

from fpga_flow.core import places
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import Recipe

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
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from None
    except ValueError:  # Python reads no numbers of more digits
        most = sys.get_int_max_str_digits()
        raise InputError(f"{path}: a number must have at most {most} digits") from None
    except RecursionError:
        raise InputError(f"{path}: holds tables or lists that are nested too deep") from None
    table.setdefault("name", path.stem)
    for key in FILE_KEYS:
        _find_file(table, key.split("."), path)
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
    try:
        text = json.dumps(table, default=str)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{origin}: holds a number of too many digits, or too deep a list ({error})"
        ) from None
    try:
        return Recipe.model_validate_json(text)
    except ValidationError as error:
        problems = error.errors()
        places = [_place(_location(problem["loc"]), applied, origin) for problem in problems]
        more = f" (and {len(set(places)) - 1} more)" if len(set(places)) > 1 else ""
        raise InputError(f"{places[0]} {_must(problems[0])}{more}") from None


def _location(where: Sequence[str | int]) -> list[str]:
    """Return the keys of pydantic's `where`, less the type that was tried, which may stand at its end."""
    keys: list[str] = []
    part: Any = Recipe
    for entry in where:
        if part is None and isinstance(entry, str):
            break
        keys.append(str(entry))
        part = _inside(part, entry)
    return keys


def _inside(part: Any, key: str | int) -> Any:
    """Return what stands at `key` of a part: a part, a dictionary of parts by free names, or None."""
    if get_origin(part) is dict:
        inner = get_args(part)[1]
    else:
        field = part.model_fields.get(key) if part else None
        inner = field.annotation if field else None
    return inner if hasattr(inner, "model_fields") or get_origin(inner) is dict else None


def _place(location: Sequence[str], changes: Sequence[Change], origin: str) -> str:
    key = ".".join(location)
    for change in reversed(changes):
        if key == change.key or f"{key}.".startswith(f"{change.key}."):
            return change.option if change.option else f"--set {key}:"
    return f"{origin}: {key}"


def _must(problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        part: Any = Recipe
        for name in _location(problem["loc"])[:-1]:
            part = _inside(part, name)
        return f"is no key of a recipe; it must be one of {', '.join(part.model_fields)}"
    if problem["type"] == "missing":
        return "is missing"
    must = re.sub(r"^\w+ should ", "must ", problem["msg"])
    return f"{must}, not {reprlib.repr(problem['input'])}"


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
