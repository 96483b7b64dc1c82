"""Estimates against another tool's counts of the same layers, and what they must be multiplied by.

One factor for each operator and resource: the ratio of the sums. How far estimates are off with it is judged
by leaving out each layer in turn, since a factor of one layer alone would be right by itself.
"""

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fpga_flow.target.resources import Resources

FITTED = ("lut", "ff")
SMALL = 50
"""From so many on a layer's error counts."""


@dataclass(frozen=True)
class Compared:
    """A layer: what is expected, and what the tool found."""

    name: str
    operator: str
    expected: Resources
    found: Resources


@dataclass(frozen=True)
class Errors:
    """How far estimates are off, as shares: of the sum, with its sign, and of layers in the median."""

    total: float
    median: float


def factors(layers: Sequence[Compared]) -> dict[str, dict[str, float]]:
    """Return, by operator and resource, what the estimates of `layers` must be multiplied by."""
    groups: dict[str, list[Compared]] = defaultdict(list)
    for layer in layers:
        groups[layer.operator].append(layer)
    found = {}
    for operator, group in sorted(groups.items()):
        sums = {key: _sums(group, key) for key in FITTED}
        known = {key: round(b / a, 4) for key, (a, b) in sums.items() if a >= SMALL and b > 0}
        if known:
            found[operator] = known
    return found


def errors(layers: Sequence[Compared], by: Mapping[str, Mapping[str, float]], key: str) -> Errors:
    """Return how far the estimates of `key`, multiplied by `by`, are off."""
    pairs = [(_factor(by, one, key) * getattr(one.expected, key), getattr(one.found, key)) for one in layers]
    return _errors(pairs)


def errors_left_out(layers: Sequence[Compared], key: str) -> Errors:
    """Return how far they are off where the factors of each layer are those of the others."""
    pairs = []
    for place, one in enumerate(layers):
        others = factors([*layers[:place], *layers[place + 1 :]])
        pairs.append((_factor(others, one, key) * getattr(one.expected, key), getattr(one.found, key)))
    return _errors(pairs)


def _factor(by: Mapping[str, Mapping[str, float]], one: Compared, key: str) -> float:
    return by.get(one.operator, {}).get(key, 1.0)


def _sums(layers: Sequence[Compared], key: str) -> tuple[float, float]:
    return sum(getattr(one.expected, key) for one in layers), sum(getattr(one.found, key) for one in layers)


def _errors(pairs: Sequence[tuple[float, float]]) -> Errors:
    expected, found = (sum(pair[side] for pair in pairs) for side in (0, 1))
    shares = [abs(a / b - 1) for a, b in pairs if b >= SMALL]
    return Errors(expected / found - 1 if found else 0.0, statistics.median(shares) if shares else 0.0)
