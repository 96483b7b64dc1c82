"""Between what the truth lies, where a layer or a network is estimated to take so much.

Estimates are compared with synthesis layer by layer (`tests/bench/bench_estimate.py`); `spread.csv` has, by
operator and resource, between which shares of the estimate nine of ten layers lie, and by how much those
are off that are too small for shares. A kind of layer that was not among them has the row `OTHERS`.
"""

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from fpga_flow.target.resources import LIMITED, Resources

FILE = Path(__file__).with_name("spread.csv")
OTHERS = "others"
"""The row of all operators together."""


class Range(NamedTuple):
    """Between what an amount lies."""

    low: float
    high: float

    def whole(self) -> tuple[int, int]:
        """Return it in whole numbers, not narrower."""
        return math.floor(self.low), math.ceil(self.high)


@dataclass(frozen=True)
class Spread:
    """How far estimates of a resource by one operator were off."""

    operator: str
    resource: str
    layers: int
    """That were compared and large enough for shares."""
    low: float
    """Share of the estimate above which 19 of 20 layers lie; 1 where that is more."""
    high: float
    """Share of the estimate below which 19 of 20 layers lie; 1 where that is less."""
    least: float
    """By so much nine of ten smaller layers are off at most, one way or the other."""

    def around(self, amount: float) -> Range:
        """Return between what the truth lies where `amount` is estimated."""
        return Range(
            max(0.0, min(amount * self.low, amount - self.least)),
            max(amount * self.high, amount + self.least),
        )


@cache
def spreads() -> Mapping[tuple[str, str], Spread]:
    """Return the table, by operator and resource."""
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = [
            Spread(
                row["operator"],
                row["resource"],
                int(row["layers"]),
                *(float(row[key]) for key in ("low", "high", "least")),
            )
            for row in csv.DictReader(file)
        ]
    return {(row.operator, row.resource): row for row in rows}


def spread_of(operator: str, resource: str) -> Spread:
    """Return how far estimates of `resource` by `operator` were off, or by all, where it is not known."""
    known = spreads()
    return known.get((operator, resource)) or known[OTHERS, resource]


def layer_ranges(operator: str, taken: Resources) -> dict[str, Range]:
    """Return, by resource, between what lies what a layer of `operator` takes."""
    return {key: spread_of(operator, key).around(amount) for key, amount in taken.limited().items()}


def total_ranges(layers: Iterable[tuple[str, Resources]]) -> dict[str, Range]:
    """Return, by resource, between what the sum of `layers` lies: operators and estimates.

    Layers are taken to be off independently of each other, but for `COMMON` of the sum.
    """
    pairs = [(operator, taken.limited()) for operator, taken in layers]
    return {key: _combined([(operator, taken[key]) for operator, taken in pairs], key) for key in LIMITED}


def _combined(amounts: Iterable[tuple[str, float]], key: str) -> Range:
    whole = below = above = 0.0
    common = 0.0
    for operator, amount in amounts:
        here = spread_of(operator, key)
        around = here.around(amount)
        whole += amount
        below += (amount - around.low) ** 2
        above += (around.high - amount) ** 2
        common += COMMON * amount * (here.low < 1 or here.high > 1)
    return Range(max(0.0, whole - math.sqrt(below) - common), whole + math.sqrt(above) + common)


COMMON = 0.02
"""Share of the layers that are off at all by which all of them may be off alike."""
