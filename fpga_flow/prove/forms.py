"""Bits of which is known which sum of the unknowns they are a digit of.

A bit is 0, 1, `UNKNOWN`, which may be either at any time, or a symbol: a place of a node, maybe inverted. A
node is an unknown, or the sum or difference of two lists of bits. Its form says what it is: an integer
combination of the unknowns and a constant. Nothing is assumed of how many bits a sum needs: the low bits of
a sum are those of the integers' sum, whatever is cut off above them, and a list that goes on with its highest
bit, or with 0, is taken for a number only where the form's range says that it is that number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fpga_flow.core.errors import FlowError

Integers = NDArray[np.int64]
Range = tuple[int, int]
"""The least and the greatest."""
Bit = int
UNKNOWN: Bit = 2
INVERTED = 1
PLACES = 1 << 7
"""More than any number has bits."""
MOST = 1 << 40
"""Factors must be below it, so that their sums fit 64 bits."""


class UnreadError(FlowError):
    """Bits that are no number whose form is known."""


def symbol(node: int, place: int) -> Bit:
    """Return bit `place` of `node`."""
    if place >= PLACES:
        raise UnreadError(f"a number must have at most {PLACES} bits")
    return ((node + 1) * PLACES + place) << 1


def is_symbol(bit: Bit) -> bool:
    """Return whether `bit` is a symbol."""
    return bit > UNKNOWN


@dataclass
class Sum:
    """A node that adds; a number that comes digit by digit grows at the end."""

    a: list[Bit]
    b: list[Bit]
    subtract: bool


class Form(NamedTuple):
    """The integer `floor(factors . (unknowns, 1) / 2**dropped)`."""

    factors: Integers
    """Of each unknown, and the constant."""
    dropped: int


@dataclass
class Forms:
    """The nodes of a circuit, the unknowns first."""

    unknowns: Sequence[Range]
    sums: list[Sum] = field(default_factory=list)
    _known: dict[tuple[tuple[Bit, ...], tuple[Bit, ...], bool], int] = field(default_factory=dict)
    _forms: dict[int, Form] = field(default_factory=dict)
    _ranges: dict[int, Range] = field(default_factory=dict)

    def add(self, a: Sequence[Bit], b: Sequence[Bit], subtract: bool) -> list[Bit]:
        """Return the bits of a sum, as many as `a` and `b` have each."""
        key = (tuple(a), tuple(b), subtract)
        if key not in self._known:
            self._known[key] = self.begin(subtract, key[0], key[1])
        return [symbol(self._known[key], place) for place in range(len(a))]

    def begin(self, subtract: bool, a: Sequence[Bit] = (), b: Sequence[Bit] = ()) -> int:
        """Return a new node whose operands may still grow; nobody must ask for its form before."""
        self.sums.append(Sum([*a], [*b], subtract))
        return len(self.unknowns) + len(self.sums) - 1

    def sum_of(self, node: int) -> Sum:
        """Return the sum that `node` is."""
        return self.sums[node - len(self.unknowns)]

    def form(self, node: int) -> Form:
        """Return what `node` is; raises `UnreadError` where its operands are no numbers."""
        if node not in self._forms:
            self._forms[node] = self._form(node)
        return self._forms[node]

    def _form(self, node: int) -> Form:
        if node < len(self.unknowns):
            factors = np.zeros(len(self.unknowns) + 1, np.int64)
            factors[node] = 1
            return Form(factors, 0)
        found = self.sum_of(node)
        left, right = self.number(found.a), self.number(found.b)
        if right.dropped and (left.dropped or found.subtract):
            raise UnreadError("a sum of numbers whose low bits were dropped")
        dropped = left.dropped or right.dropped
        a, b = left.factors << dropped - left.dropped, right.factors << dropped - right.dropped
        factors = a - b if found.subtract else a + b
        if np.abs(factors).max() >= MOST:
            raise UnreadError(f"a factor must be below {MOST}")
        return Form(factors, dropped)

    def range_of(self, factors: Integers) -> Range:
        """Return what `factors . (unknowns, 1)` can be."""
        ends = np.array([*self.unknowns, (1, 1)], np.int64) * factors[:, None]
        return int(ends.min(axis=1).sum()), int(ends.max(axis=1).sum())

    def _range_of(self, node: int) -> Range:
        if node not in self._ranges:
            self._ranges[node] = self.range_of(self.form(node).factors)
        return self._ranges[node]

    def number(self, bits: Sequence[Bit]) -> Form:
        """Return the number of which `bits`, the lowest first, are the lowest ones.

        What was cut off above them is not asked for: the form is right modulo 2 to the power of their number.
        Raises `UnreadError` where there is no such form, or it is not found.
        """
        low = next((place for place, bit in enumerate(bits) if is_symbol(bit)), len(bits))
        if UNKNOWN in bits:
            raise UnreadError("a bit is not known")
        constant = sum(bit << place for place, bit in enumerate(bits[:low]))
        if low == len(bits):
            factors = np.zeros(len(self.unknowns) + 1, np.int64)
            factors[-1] = constant
            return Form(factors, 0)
        end = max(place for place, bit in enumerate(bits) if bit) + 1
        factors, dropped = self._variable(bits[low:end], end < len(bits))
        if dropped and low:
            raise UnreadError("a number whose low bits were dropped is shifted")
        if low:
            factors = factors << low
            factors[-1] += constant
        return Form(factors, dropped)

    def _variable(self, bits: Sequence[Bit], zeros: bool) -> Form:
        """Return the number of `bits`, none of them 0 at an end; `zeros`: there are zeros above them."""
        top = bits[-1]
        if not is_symbol(top) or top & INVERTED:
            raise UnreadError("the highest bit is that of no sum")
        node, place = divmod(top >> 1, PLACES)
        node -= 1
        factors, dropped = self.form(node)
        first = bits.index(top)
        base = place + dropped - first
        if base < 0:
            raise UnreadError(f"bit {place + dropped} of a number stands at place {first}")
        for at, bit in enumerate(bits[:first]):
            self._check(bit, base + at, node, factors)
        signs = len(bits) - 1 - first
        if any(bit != top for bit in bits[first:]):
            raise UnreadError("bits above the sign are not the sign")
        if signs or zeros:
            low, high = self._range_of(node)
            size = base + first + 1
            told = f"a number from {low} to {high} goes on"
            if signs and (zeros or low < -(1 << size - 1) or high >= 1 << size - 1):
                raise UnreadError(f"{told} with bit {size - 1}")
            if zeros and (low < 0 or high >= 1 << size):
                raise UnreadError(f"{told} with 0 behind {size} bits")
        if base and not (factors & (1 << base) - 1).any():
            return Form(factors >> base, 0)
        return Form(factors, base)

    def _check(self, bit: Bit, place: int, node: int, factors: Integers) -> None:
        """Raise `UnreadError` where `bit` is not known to be bit `place` of `factors . (unknowns, 1)`."""
        if not is_symbol(bit) or bit & INVERTED:
            raise UnreadError("a bit between others is that of no sum")
        owner, own = divmod(bit >> 1, PLACES)
        owner -= 1
        found = self.form(owner)
        if own + found.dropped != place:
            raise UnreadError(f"bit {own + found.dropped} of a number stands at place {place}")
        if owner != node and ((found.factors - factors) & (1 << place + 1) - 1).any():
            raise UnreadError(f"bit {place} is of another number than those above it")
