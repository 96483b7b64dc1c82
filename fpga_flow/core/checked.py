"""TOML files that a pydantic model checks, with messages that say where, what it must be and what it is."""

import json
import re
import reprlib
import sys
import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts.base import TAGS, Part, part_in

Kind = TypeVar("Kind", bound=Part)


def read_toml(path: Path) -> dict[str, Any]:
    """Return what stands in the TOML file `path`; raises `InputError` that names it."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from None
    except ValueError:  # Python reads no numbers of more digits
        most = sys.get_int_max_str_digits()
        raise InputError(f"{path}: a number must have at most {most} digits") from None
    except RecursionError:
        raise InputError(f"{path}: holds tables or lists that are nested too deep") from None


def checked(
    kind: type[Kind], what: str, table: dict[str, Any], origin: str, place: Callable[[str], str] | None = None
) -> Kind:
    """Return `table` as a `kind`, which messages call `what` ("a recipe").

    `origin` names the table in messages, `place` says how they name a dotted key of it. Raises `InputError`.
    """
    place = place or (lambda key: f"{origin}: {key}")
    try:
        text = json.dumps(table, default=str)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{origin}: holds a number of too many digits, or too deep a list ({error})"
        ) from None
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        problems = error.errors()
        places = [place(".".join(_location(kind, problem["loc"]))) for problem in problems]
        more = f" (and {len(set(places)) - 1} more)" if len(set(places)) > 1 else ""
        raise InputError(f"{places[0]} {_must(kind, what, problems[0])}{more}") from None


def _location(kind: type[Part], where: Iterable[str | int]) -> list[str]:
    """Return the keys of pydantic's `where`, less the type that was tried, which may stand at its end."""
    return [str(entry) for entry, _ in _parts_at(kind, where)]


def _parts_at(kind: type[Part], where: Iterable[str | int]) -> Sequence[tuple[str | int, type[Part] | None]]:
    """Return each key of `where` with the part of `kind` that has it; None for a name of the user's."""
    found: list[tuple[str | int, type[Part] | None]] = []
    part: type[Part] | None = kind
    named = False
    for entry in where:
        if entry in TAGS:
            continue
        if named:
            found.append((entry, None))
            named = False
            continue
        if part is None and isinstance(entry, str):
            break
        found.append((entry, part))
        field = part.model_fields.get(str(entry)) if part else None
        part, named = part_in(field.annotation) if field else (None, False)
    return found


def _must(kind: type[Part], what: str, problem: Any) -> str:
    if problem["type"] == "extra_forbidden":
        part = _parts_at(kind, problem["loc"])[-1][1]
        assert part is not None
        return f"is no key of {what}; it must be one of {', '.join(part.model_fields)}"
    if problem["type"] == "missing":
        return "is missing"
    must = re.sub(r"^\w+ should ", "must ", problem["msg"])
    return f"{must}, not {reprlib.repr(problem['input'])}"
