"""Operands of the modules that multiply: their types, random values, and their codes."""

from dataclasses import dataclass

import numpy as np

from tests.rtl.modules import Integers, integers


@dataclass(frozen=True)
class Operand:
    """An integer type: "UINT4", "INT3", "BIPOLAR" and so on."""

    name: str

    @property
    def bipolar(self) -> bool:
        return self.name == "BIPOLAR"

    @property
    def signed(self) -> bool:
        return self.name.startswith("INT")

    @property
    def bits(self) -> int:
        return 1 if self.bipolar else int(self.name.removeprefix("U").removeprefix("INT"))

    @property
    def most(self) -> int:
        """The greatest magnitude."""
        return 1 if self.bipolar else 1 << (self.bits - 1) if self.signed else (1 << self.bits) - 1

    def draw(self, seed: int, shape: tuple[int, ...]) -> Integers:
        """Return random values."""
        values = integers(seed, self.bits, shape, signed=self.signed)
        return 2 * values - 1 if self.bipolar else values

    def code(self, values: Integers) -> Integers:
        """Return what stands for `values` on a stream or in a memory."""
        return (values + 1) // 2 if self.bipolar else values


@dataclass(frozen=True)
class Operands:
    """Types of activations and weights, and of their sums."""

    act: Operand
    weight: Operand
    popcount: bool = False
    in_luts: bool = False

    @classmethod
    def of(cls, act: str, weight: str, *, popcount: bool = False, in_luts: bool = False) -> "Operands":
        return cls(Operand(act), Operand(weight), popcount, in_luts)

    def sum_bits(self, terms: int) -> int:
        """Return the least bits that hold every sum of `terms` products."""
        most = terms * self.act.most * self.weight.most
        signed = not self.popcount and any(
            operand.signed or operand.bipolar for operand in (self.act, self.weight)
        )
        return most.bit_length() + signed

    def parameters(self, terms: int) -> dict[str, int]:
        """Return the modules' parameters."""
        return {
            "ActWidth": self.act.bits,
            "ActSigned": int(self.act.signed),
            "ActBipolar": int(self.act.bipolar),
            "WeightWidth": self.weight.bits,
            "WeightSigned": int(self.weight.signed),
            "WeightBipolar": int(self.weight.bipolar),
            "Popcount": int(self.popcount),
            "InLuts": int(self.in_luts),
            "OutWidth": self.sum_bits(terms),
        }

    def result(self, sums: Integers, terms: int) -> Integers:
        """Return what a module must give as its code for `sums` of `terms` products, as unsigned numbers."""
        values = (sums + terms) // 2 if self.popcount else sums
        return values & ((1 << self.sum_bits(terms)) - 1)


def words(values: Integers, lanes: int, bits: int) -> list[int]:
    """Return `values` (codes) as words of `lanes`, the first one lowest."""
    mask = (1 << bits) - 1
    return [
        sum((int(value) & mask) << bits * i for i, value in enumerate(row))
        for row in np.asarray(values).reshape(-1, lanes)
    ]


def memory(values: Integers, lanes: int, bits: int) -> str:
    """Return the same as the text of a memory's file."""
    digits = -(-lanes * bits // 4)
    return "".join(f"{word:0{digits}x}\n" for word in words(values, lanes, bits))


TYPES = [
    Operands.of("UINT4", "INT4"),
    Operands.of("INT4", "UINT3"),
    Operands.of("INT8", "INT8"),
    Operands.of("UINT8", "UINT8"),
    Operands.of("UINT5", "INT2"),
    Operands.of("UINT1", "INT3"),
    Operands.of("INT1", "INT3"),
    Operands.of("UINT1", "UINT1"),
    Operands.of("UINT3", "UINT1"),
    Operands.of("INT3", "UINT1"),
    Operands.of("BIPOLAR", "INT4"),
    Operands.of("BIPOLAR", "UINT2"),
    Operands.of("BIPOLAR", "UINT1"),
    Operands.of("UINT4", "BIPOLAR"),
    Operands.of("INT3", "BIPOLAR"),
    Operands.of("UINT1", "BIPOLAR"),
    Operands.of("BIPOLAR", "BIPOLAR"),
    Operands.of("BIPOLAR", "BIPOLAR", popcount=True),
    Operands.of("INT4", "INT4", in_luts=True),
    Operands.of("INT3", "UINT5", in_luts=True),
]
"""One of each way of multiplying, and the widest."""


def name(operands: Operands) -> str:
    """Return a test's name."""
    way = "-count" * operands.popcount + "-luts" * operands.in_luts
    return f"{operands.act.name}x{operands.weight.name}{way}"
