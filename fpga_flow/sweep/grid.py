"""The points of a sweep: every combination of the values on its axes, each a recipe with a name."""

import itertools
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import Change, parse_setting
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.pruning import PruneRecipe
from fpga_flow.core.settings import bits_changes, from_here

MOST = 10_000
"""Points of a sweep; more are a slip of the pen."""
METHODS = get_args(PruneRecipe.model_fields["method"].annotation)
_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)")


@dataclass(frozen=True)
class Value:
    """One value on an axis: what it changes in the recipe, and its part of a point's name."""

    name: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Point:
    """One build of a sweep."""

    name: str
    recipe: Recipe
    model: Path | None = None
    """The file of its network, where that is one from outside."""


def grid(
    make: Callable[[Sequence[Change]], Recipe],
    changes: Sequence[Change] = (),
    bits: str | None = None,
    prune: str | None = None,
    over: Sequence[str] = (),
    model: Path | None = None,
) -> list[Point]:
    """Return the points of a recipe (with `changes`) over all combinations of the axes, the last one fastest.

    `make` returns the recipe with some changes; `model` is the file of the network, where that is one from
    outside.
    `bits` is as in "4..8" or "4,6,8", `prune` as in "none,imp,fmp", `over` as in "prune.criterion=a,b" or
    "seed=1..3". A point keeps its name when values are added to an axis, so what was built stays its own.

    Raises `InputError` that names the option, the value and what it must be.
    """
    axes = [] if bits is None else [_bits(bits)]
    if prune is not None:
        axes.append(_methods(prune))
    axes += [_axis(text) for text in over]
    keys = [change.key for axis in axes for change in axis[0].changes] + [change.key for change in changes]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise InputError(f"{twice}: is set twice in this sweep; leave one of the options out")
    points = [
        _point(
            make([*changes, *(change for value in values for change in value.changes)]), values, bits, model
        )
        for values in itertools.islice(itertools.product(*axes), MOST + 1)
    ]
    if len(points) > MOST:
        raise InputError(f"the axes make more than {MOST:,} points; take fewer values")
    names = [point.name for point in points]
    same = next((name for name in names if names.count(name) > 1), None)
    if same is not None:
        raise InputError(f"two points of this sweep are called {same}; values of an axis must differ")
    return points


def _point(recipe: Recipe, values: Sequence[Value], bits: str | None, model: Path | None) -> Point:
    first = [recipe.name]
    if bits is None and model is None:  # of a network from outside its recipe does not know the bits
        first.append(f"w{recipe.quant.weight_bits}")
    return Point("-".join([*first, *(value.name for value in values)]), recipe, model)


def _bits(text: str) -> list[Value]:
    numbers = _values("--bits", text)
    if not all(isinstance(number, int) for number in numbers):
        raise InputError(f"--bits: must be numbers of bits as in 4..8 or 4,6,8, not {text!r}")
    return [Value(f"w{number}", tuple(bits_changes(number))) for number in numbers]


def _methods(text: str) -> list[Value]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in METHODS:
            raise InputError(f"--prune: must be some of {', '.join(METHODS)}, not {name!r}")
    return [Value(name, (Change("prune.method", name, "--prune"),)) for name in names]


def _axis(text: str) -> list[Value]:
    key, _, values = text.partition("=")
    if not values or not all(re.fullmatch(r"\w+", part) for part in key.split(".")):
        raise InputError(f"--over: must be key=value,value,... as in prune.rate=0.1,0.2, not {text!r}")
    leaf = key.rpartition(".")[2]
    return [
        Value(f"{leaf}_{_word(value)}", (from_here(Change(key, value, f"--over {key}:")),))
        for value in _values(f"--over {key}", values)
    ]


def _values(option: str, text: str) -> list[Any]:
    """Return the values in `text`: a range of integers, TOML values or bare words, between commas."""
    if found := _RANGE.fullmatch(text.strip()):
        first, last = int(found[1]), int(found[2])
        step = 1 if first <= last else -1
        if abs(last - first) >= MOST:
            raise InputError(f"{option}: {text} are more than {MOST:,} values")
        return list(range(first, last + step, step))
    try:
        values = tomllib.loads(f"values = [{text}]")["values"]
    except tomllib.TOMLDecodeError:
        values = [parse_setting(f"value={word.strip()}").value for word in text.split(",")]
    if not values or "" in values:
        raise InputError(f"{option}: must be values with commas between them, not {text!r}")
    return list(values)


def _word(value: Any) -> str:
    """Return `value` as a part of a file's name."""
    text = Path(value).stem if isinstance(value, str) and "/" in value else str(value)
    return re.sub(r"[^A-Za-z0-9.]+", "_", text).strip("_.") or "_"
