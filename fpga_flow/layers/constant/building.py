"""Builds networks of adders from terms with signs and shifts, as solvers think of them."""

from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from fpga_flow.layers.constant.adders import Adder, AdderGraph, Output, Range, pruned


class Term(NamedTuple):
    """`sign * (value << shift)`; while a network is built the shift may be negative."""

    value: int
    shift: int = 0
    negative: bool = False


class Builder:
    """A network that grows. Equal adders are made once; an adder's operands are never both shifted."""

    def __init__(self, inputs: Sequence[Range]) -> None:
        """`inputs` are the first values."""
        self.inputs = tuple(inputs)
        self.adders: list[Adder] = []
        self.depths = [0] * len(self.inputs)
        self._known: dict[Adder, int] = {}

    def _adder(self, adder: Adder) -> int:
        if adder not in self._known:
            self._known[adder] = len(self.inputs) + len(self.adders)
            self.adders.append(adder)
            below = [self.depths[value] for value in (adder.a, adder.b) if value is not None]
            self.depths.append(1 + max(below))
        return self._known[adder]

    def add(self, x: Term, y: Term) -> Term:
        """Return the sum of two terms."""
        if x.negative and not y.negative:
            x, y = y, x
        base = min(x.shift, y.shift)
        subtract = x.negative != y.negative
        if not subtract and (y.value, y.shift) < (x.value, x.shift):
            x, y = y, x
        value = self._adder(Adder(x.value, y.value, x.shift - base, y.shift - base, subtract))
        return Term(value, base, x.negative)

    def total(self, terms: Iterable[Term]) -> Term | None:
        """Return the sum of `terms` in as few adders in a row as there can be; None where there are none."""
        queue = [(self.depths[term.value], place, term) for place, term in enumerate(terms)]
        heapify(queue)
        place = len(queue)
        while len(queue) > 1:
            (_, _, x), (_, _, y) = heappop(queue), heappop(queue)
            found = self.add(x, y)
            heappush(queue, (self.depths[found.value], place, found))
            place += 1
        return queue[0][2] if queue else None

    def _positive(self, term: Term) -> Term:
        """Return `term` without its sign: a difference the other way round, or an adder more."""
        if not term.negative:
            return term
        place = term.value - len(self.inputs)
        if place >= 0 and self.adders[place].subtract and self.adders[place].a is not None:
            a, b, a_shift, b_shift, _ = self.adders[place]
            assert a is not None
            return Term(self._adder(Adder(b, a, b_shift, a_shift, True)), term.shift)
        return Term(self._adder(Adder(None, term.value, subtract=True)), term.shift)

    def graph(self, outputs: Iterable[Term | None]) -> AdderGraph:
        """Return the network with these outputs; None is 0."""
        found = [None if term is None else self._positive(term) for term in outputs]
        ends = tuple(Output(None) if term is None else Output(term.value, term.shift) for term in found)
        return pruned(AdderGraph(self.inputs, tuple(self.adders), ends))


Part = tuple[Sequence[int], Sequence[int], AdderGraph]
"""Of a network: numbers of the outputs and of the inputs that are those of a smaller one."""


def assembled(inputs: Sequence[Range], outputs: int, parts: Iterable[Part]) -> AdderGraph:
    """Return the network with these `inputs` and so many outputs; those that are in no part are 0."""
    adders: list[Adder] = []
    ends = [Output(None)] * outputs
    for rows, columns, part in parts:
        first = len(inputs) + len(adders)
        new = [*columns, *range(first, first + len(part.adders))]
        adders += [
            adder._replace(a=None if adder.a is None else new[adder.a], b=new[adder.b])
            for adder in part.adders
        ]
        for row, (value, shift) in zip(rows, part.outputs, strict=True):
            ends[row] = Output(None if value is None else new[value], shift)
    return AdderGraph(tuple(inputs), tuple(adders), tuple(ends))
