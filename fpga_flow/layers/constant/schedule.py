"""When each value of a network of adders is there: cycles, and adders between two registers.

A vector is worked on in digits of some bits, the least significant one first, a digit a cycle. A value has
a time: the cycle, counted from that of the inputs' first digit, in which its own first digit is there. A
digit that is wanted later is delayed; a value shifted by whole digits is one that is wanted later by so many
cycles, with zeros before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from fpga_flow.layers.constant.adders import Adder, AdderGraph
from fpga_flow.target.family import MOST_LEVELS

MOST_PACKED = 4
"""Most bits of a digit that `df_digit_adder.sv` adds without a carry chain."""
SHIFTED = 3
"""Registers in a row, with nothing between, of which Yosys makes a shift register in a LUT, at least."""


@dataclass(frozen=True)
class Digits:
    """How numbers are cut."""

    width: int
    """Bits of a digit, which is all of a number where `count` is 1."""
    count: int
    """Digits of a number, and cycles of a vector."""

    @classmethod
    def of(cls, bits: int, width: int) -> "Digits":
        """Return what `width` bits a cycle make of numbers of `bits` bits: those of the inputs and outputs.

        Values between may have more bits: what is cut off there is nobody's, for all shifts are to the left.
        """
        if width < 1:
            raise ValueError(f"a digit must have at least 1 bit, not {width}")
        return cls(min(width, bits), -(-bits // width))

    @property
    def serial(self) -> bool:
        """Whether a number has more than one digit."""
        return self.count > 1

    def zeros(self, shift: int) -> int:
        """Return the whole digits of 0 that a shift by so many bits puts in front of a number."""
        return shift // self.width if self.serial else 0

    def masks_left(self, adder: Adder) -> bool:
        """Return whether it is for `a`, rather than for `b`, that the LUT of `adder` puts the zeros in.

        It does so one bit at a time, and for one operand: `df_digit_adder.sv`'s second, which is `b` of a
        difference; a sum may be turned round.
        """
        return adder.a is not None and not adder.subtract and self.zeros(adder.a_shift) > 0

    @property
    def levels(self) -> int:
        """Levels of logic that an adder adds to those before it.

        A carry chain is one, behind a LUT; Yosys may add three whole numbers at once, with a LUT more.
        """
        return 3 if not self.serial else 1 if self.width <= MOST_PACKED else 2

    @property
    def read(self) -> int:
        """Levels of a read in a shift register. The three of an adder of whole numbers hold it already."""
        return int(self.serial)

    @property
    def ripple(self) -> int:
        """Levels that the last adder before a register adds besides, from its lowest bits to its highest."""
        return (self.width - 1) // 2 if self.serial and self.width <= MOST_PACKED else 0

    @property
    def least(self) -> int:
        """Levels of an adder alone between two registers, whatever it reads."""
        return self.read + self.levels + self.ripple


class Use(NamedTuple):
    """A value as it is wanted somewhere: `delay` cycles later, behind `zeros` digits of 0, shifted."""

    value: int
    delay: int
    zeros: int
    bits: int


@dataclass(frozen=True)
class Schedule:
    """The times of a network's values."""

    graph: AdderGraph
    digits: Digits
    levels: int
    """Most levels of logic between two registers."""
    times: tuple[int, ...]
    """Of each value."""
    words: int = 1
    """The outputs leave in so many groups, each a cycle later than the one before it."""
    held: bool = True
    """Outputs leave a register; else an adder, and there is a register before it at least."""

    @cached_property
    def latency(self) -> int:
        """Cycles from the inputs' first digit to that of the outputs' first group."""
        ends = [0 if self.held else 1]
        for place, (value, shift) in enumerate(self.graph.outputs):
            if value is not None:
                zeros = self.digits.zeros(shift)
                # A register behind each, whatever comes before it; also the one that puts zeros in.
                ends.append(self.times[value] + self.held - zeros - self.group(place))
        return max(ends)

    def group(self, output: int) -> int:
        """Return the group of `output`."""
        return output * self.words // len(self.graph.outputs)

    def output_time(self, output: int) -> int:
        """Return when the first digit of `output` leaves."""
        return self.latency + self.group(output)

    def use(self, value: int, shift: int, time: int) -> Use:
        """Return `value << shift` as it is wanted at `time`."""
        if not self.digits.serial:
            return Use(value, time - self.times[value], 0, shift)
        zeros, bits = divmod(shift, self.digits.width)
        return Use(value, time - self.times[value] + zeros, zeros, bits)

    def operands(self, place: int) -> tuple[Use | None, Use]:
        """Return what adder `place` adds; None is 0."""
        adder = self.graph.adders[place]
        time = self.times[len(self.graph.inputs) + place]
        left = None if adder.a is None else self.use(adder.a, adder.a_shift, time)
        return left, self.use(adder.b, adder.b_shift, time)

    def outputs(self) -> Iterator[Use | None]:
        """Return the outputs as they are wanted at their times."""
        for place, (value, shift) in enumerate(self.graph.outputs):
            yield None if value is None else self.use(value, shift, self.output_time(place))


class _Want(NamedTuple):
    """An operand of an adder that has no time yet."""

    value: int
    time: int
    """At which its first digit is there, zeros before it counted."""
    late: int
    """1 where a register puts the zeros in."""

    def level(self, at: int, used: list[int], digits: Digits) -> int:
        """Return the levels before the adder since the last register, where it adds at `at`."""
        if self.late:
            return 0
        if at == self.time:
            return used[self.value]
        # The register in which the value itself is may be the first of the row.
        return digits.read if at - self.time + 1 >= SHIFTED else 0


@lru_cache(maxsize=256)  # many foldings of a layer have the same one
def schedule(
    graph: AdderGraph, digits: Digits, *, words: int = 1, levels: int = MOST_LEVELS, held: bool = True
) -> Schedule:
    """Return the schedule in which every value is there as soon as it can be; see `Schedule`."""
    if levels < digits.least:
        raise ValueError(f"an adder has {digits.least} levels of logic, more than {levels}")
    if len(graph.outputs) % words:
        raise ValueError(f"{len(graph.outputs)} outputs must fall into {words} equal groups")
    times = [0] * len(graph.inputs)
    used = [0] * len(graph.inputs)  # levels since the last register
    for adder in graph.adders:
        left = digits.masks_left(adder)
        operands = [(adder.b, adder.b_shift, not left)]
        if adder.a is not None:
            operands.append((adder.a, adder.a_shift, left))
        wants = []
        for value, shift, masked in operands:
            zeros = digits.zeros(shift)
            # The register that puts the zeros in, where the adder's own LUT does not.
            late = int(zeros > 0 and not (masked and digits.width == 1))
            wants.append(_Want(value, times[value] - zeros, late))
        time = max(0, *(want.time + want.late for want in wants))

        def level(at: int, wants: list[_Want] = wants) -> int:
            return max(want.level(at, used, digits) for want in wants) + digits.levels

        if level(time) + digits.ripple > levels:
            time += 1
        times.append(time)
        used.append(level(time))
    return Schedule(graph, digits, levels, tuple(times), words, held)
