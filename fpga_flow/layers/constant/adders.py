"""A network of adders that multiplies vectors with a constant matrix: plain data, exact in Python.

Every value in it is a sum of the inputs, each times a constant. So what it does to the unit vectors says what
it does to every vector, and the extremes of every value follow from those of the inputs.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]


class Range(NamedTuple):
    """All integers from `low` to `high`, both included."""

    low: int
    high: int

    @property
    def signed(self) -> bool:
        """Whether it takes a sign."""
        return self.low < 0

    @property
    def bits(self) -> int:
        """Bits that hold it: two's complement where it takes a sign; none where it is only 0."""
        if self.low >= 0:
            return self.high.bit_length()
        return 1 + max((-self.low - 1).bit_length(), max(self.high, 0).bit_length())


class Adder(NamedTuple):
    """`(a << a_shift) + (b << b_shift)`, or the difference.

    Operands are values: the inputs come first, then the adders, in their order. `a` None is 0, which makes
    the difference a negation.
    """

    a: int | None
    b: int
    a_shift: int = 0
    b_shift: int = 0
    subtract: bool = False


class Output(NamedTuple):
    """`value << shift`, or 0 where `value` is None."""

    value: int | None
    shift: int = 0


@dataclass(frozen=True)
class AdderGraph:
    """A network of adders.

    Raises `ValueError` where an adder reads a value that does not stand before it, or a shift is negative.
    """

    inputs: tuple[Range, ...]
    adders: tuple[Adder, ...]
    outputs: tuple[Output, ...]

    def __post_init__(self) -> None:
        for place, adder in enumerate(self.adders):
            known = len(self.inputs) + place
            operands = (adder.b,) if adder.a is None else (adder.a, adder.b)
            if any(not 0 <= value < known for value in operands):
                raise ValueError(f"adder {place} must read values from 0 to {known - 1}, not {operands}")
            if min(adder.a_shift, adder.b_shift) < 0:
                raise ValueError(f"adder {place}: shifts must not be negative")
            if adder.a is None and not adder.subtract:
                raise ValueError(f"adder {place}: 0 plus a value is that value")
        for place, output in enumerate(self.outputs):
            if output.value is not None and not 0 <= output.value < self.values:
                raise ValueError(f"output {place} must be a value from 0 to {self.values - 1}")
            if output.shift < 0:
                raise ValueError(f"output {place}: the shift must not be negative")

    @property
    def values(self) -> int:
        """How many values there are: inputs and adders."""
        return len(self.inputs) + len(self.adders)

    def evaluate(self, vectors: Integers) -> tuple[Integers, Integers]:
        """Return (all values, outputs) for `vectors` (n, inputs); shapes (n, values), (n, outputs)."""
        vectors = np.asarray(vectors, np.int64)
        count = len(self.inputs)
        values = np.zeros((self.values, len(vectors)), np.int64)
        values[:count] = vectors.T
        for place, (a, b, a_shift, b_shift, subtract) in enumerate(self.adders, count):
            left = 0 if a is None else values[a] << a_shift
            right = values[b] << b_shift
            values[place] = left - right if subtract else left + right
        outputs = np.zeros((len(self.outputs), len(vectors)), np.int64)
        for place, (value, shift) in enumerate(self.outputs):
            if value is not None:
                outputs[place] = values[value] << shift
        return values.T, outputs.T

    @cached_property
    def ranges(self) -> tuple[Range, ...]:
        """What each value can be; both ends are reached."""
        factors = self.evaluate(np.eye(len(self.inputs), dtype=np.int64))[0].T  # (values, inputs)
        low, high = np.array(self.inputs, np.int64).reshape(-1, 2).T
        both, reach = factors @ (low + high), np.abs(factors) @ (high - low)
        ends = zip((both - reach) // 2, (both + reach) // 2, strict=True)
        return tuple(Range(int(least), int(most)) for least, most in ends)

    @cached_property
    def output_ranges(self) -> tuple[Range, ...]:
        """What each output can be; both ends are reached."""
        return tuple(
            Range(0, 0) if value is None else Range(*(end << shift for end in self.ranges[value]))
            for value, shift in self.outputs
        )

    @property
    def sums(self) -> Range:
        """What any output can be: the range that one type for all of them must hold."""
        ranges = self.output_ranges or (Range(0, 0),)
        return Range(min(low for low, _ in ranges), max(high for _, high in ranges))

    @cached_property
    def inputs_used(self) -> int:
        """How many inputs an adder or an output reads."""
        ends = {value for value, _ in self.outputs} | {value for a, b, *_ in self.adders for value in (a, b)}
        return sum(value in ends for value in range(len(self.inputs)))

    @cached_property
    def depth(self) -> int:
        """Most adders in a row."""
        depths = [0] * len(self.inputs)
        for adder in self.adders:
            depths.append(1 + max(0 if adder.a is None else depths[adder.a], depths[adder.b]))
        return max((depths[value] for value, _ in self.outputs if value is not None), default=0)

    @property
    def digest(self) -> str:
        """Of all that it is."""
        return hashlib.sha256(json.dumps(self.table()).encode()).hexdigest()

    def table(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {name: [list(row) for row in getattr(self, name)] for name in ("inputs", "adders", "outputs")}

    @classmethod
    def of_table(cls, table: dict[str, Any]) -> "AdderGraph":
        """Return what `table` made a table of."""
        return cls(
            tuple(Range(*row) for row in table["inputs"]),
            tuple(Adder(*row) for row in table["adders"]),
            tuple(Output(*row) for row in table["outputs"]),
        )


def pruned(graph: AdderGraph) -> AdderGraph:
    """Return `graph` without the adders that no output needs and without equal ones, in the same order."""
    count = len(graph.inputs)
    needed = {value for value, _ in graph.outputs if value is not None}
    for place in range(len(graph.adders) - 1, -1, -1):
        if count + place in needed:
            adder = graph.adders[place]
            needed |= {adder.b} if adder.a is None else {adder.a, adder.b}
    new = {value: value for value in range(count)}
    known: dict[Adder, int] = {}
    adders: list[Adder] = []
    for place, adder in enumerate(graph.adders, count):
        if place not in needed:
            continue
        moved = adder._replace(a=None if adder.a is None else new[adder.a], b=new[adder.b])
        if moved not in known:
            known[moved] = count + len(adders)
            adders.append(moved)
        new[place] = known[moved]
    outputs = tuple(Output(None if value is None else new[value], shift) for value, shift in graph.outputs)
    return AdderGraph(graph.inputs, tuple(adders), outputs)
