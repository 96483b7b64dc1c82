"""Whole numbers to multiply the sides of a sum by, so that the quantiser behind it is right for every pair.

`quantiser(chain(scale_1 * a + scale_2 * b + ...))` never decreases with the real sum. The hardware has
`multiple_1 * a + multiple_2 * b + ...` and thresholds instead: these exist where, level by level, every
tuple of integers that reaches it gives a larger sum than every tuple that does not. Whether that holds is
found for all tuples: all integers of all sides but one are gone through, and of the last side it is searched
for each of them from which integer on a level is reached, with the function that the golden model evaluates.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fpga_flow.export.chain import Chain, Floats, Integers
from fpga_flow.export.operations import Side
from fpga_flow.export.tensors import Quantiser

MULTIPLIER_BITS = 16
"""Of the widest multiplier."""
MOST_TUPLES = 2**22
"""Of integers of all sides but the widest, times the quantiser's levels: beyond that it takes too long."""
TRIED = 4
"""Candidates of one width, where there are three sides or more."""
_FAR = 2**62


@dataclass(frozen=True)
class Found:
    """Of one channel."""

    multiples: Integers
    """(sides,)"""
    thresholds: Integers
    """(levels,), of the sum, as `thresholds.find_thresholds` has them."""


def tuples(sides: tuple[Side, ...], levels: int) -> int:
    """Return how many places the search for multipliers of one channel has to look at."""
    sizes = sorted(int((side.tensor.high - side.tensor.low).max()) + 1 for side in sides)
    return int(np.prod(sizes[:-1], dtype=object)) * levels


def multipliers(sides: tuple[Side, ...], chain: Chain, quantiser: Quantiser) -> Found | None:
    """Return the narrowest multipliers of a sum of one channel, None where none of 16 bits do.

    `chain` must not decrease. They are proven right for all integers between the sides' bounds; with two
    sides none of fewer bits are, with more of them such may exist.
    """
    edges = Edges(sides, chain, quantiser)
    for candidate in _candidates(sides):
        thresholds = edges.thresholds(candidate)
        if thresholds is not None:
            return Found(candidate, thresholds)
    return None


def _candidates(sides: tuple[Side, ...]) -> Iterator[Integers]:
    """Yield multipliers, the narrow first: for each width those whose ratios are nearest to the scales'.

    Which ratios of two sides do is an interval around that of their scales, so the nearest below and
    above it decide for all of their width.
    """
    scales = np.array([float(side.line.mul) for side in sides])
    if not scales.any():
        yield np.zeros(len(sides), dtype=np.int64)
        return
    signs, ratios = np.sign(scales).astype(np.int64), np.abs(scales) / np.abs(scales).max()
    reach = np.array([float(side.tensor.high[0] - side.tensor.low[0]) for side in sides])
    two = np.count_nonzero(scales) <= 2
    for bits in range(1, MULTIPLIER_BITS + 1):
        largest = np.arange(2 ** (bits - 1), 2**bits)
        exact = largest[:, None] * ratios
        for rounded in (np.floor(exact), np.ceil(exact)) if two else (np.rint(exact),):
            wrong = (np.abs(rounded - exact) * reach).max(axis=1) / largest
            for place in np.argsort(wrong, kind="stable")[: 1 if two else TRIED]:
                yield signs * rounded[place].astype(np.int64)


class Edges:
    """From which integer of the widest side on each level is reached, for all integers of the others."""

    def __init__(self, sides: tuple[Side, ...], chain: Chain, quantiser: Quantiser) -> None:
        self.bounds = [(int(side.tensor.low[0]), int(side.tensor.high[0])) for side in sides]
        self.widest = max(range(len(sides)), key=lambda i: self.bounds[i][1] - self.bounds[i][0])
        self.sign = -1 if float(sides[self.widest].line.mul) < 0 else 1
        ranges = [
            np.array([0]) if i == self.widest else np.arange(low, high + 1)
            for i, (low, high) in enumerate(self.bounds)
        ]
        self.others = [axis.reshape(-1, 1) for axis in np.meshgrid(*ranges, indexing="ij")]
        self.low, self.high = sorted(self.sign * end for end in self.bounds[self.widest])
        wanted = quantiser.low + quantiser.step * np.arange(1, quantiser.levels + 1)
        shape = (len(self.others[0]), len(wanted))
        low, high = np.full(shape, self.low), np.full(shape, self.high + 1)
        while np.any(low < high):
            middle = (low + high) >> 1
            values = [self.sign * middle if i == self.widest else o for i, o in enumerate(self.others)]
            reached = quantiser.apply(chain.apply(_sum(sides, values))) >= wanted
            high = np.where(reached & (low < high), middle, high)
            low = np.where(reached, low, np.minimum(middle + 1, high))
        self.first = high

    def thresholds(self, multiples: Integers) -> Integers | None:
        """Return from which sum on each level is reached, None where no number separates them."""
        step = abs(int(multiples[self.widest]))
        rest = sum(int(m) * other for m, other in zip(multiples, self.others, strict=True))
        sums = rest + step * self.first
        reached: Integers = np.where(self.first <= self.high, sums, _FAR).min(axis=0)
        missed = np.where(self.first > self.low, sums - step, -_FAR).max(axis=0)
        if not np.all(missed < reached):
            return None
        most = sum(max(m * low, m * high) for m, (low, high) in zip(multiples, self.bounds, strict=True))
        return np.minimum(reached, int(most) + 1)


def _sum(sides: tuple[Side, ...], values: list[NDArray[np.int64]]) -> Floats:
    """Return the real sum, in the order in which the golden model adds."""
    total: Floats = np.zeros(())
    for index, (side, value) in enumerate(zip(sides, values, strict=True)):
        term = side.line.apply(value.astype(np.float64))
        total = term if index == 0 else total + term
    return total
