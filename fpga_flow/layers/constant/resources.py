"""What a layer of adders takes, by its structure: adders, what waits between them, the streams around."""

import math
from collections import defaultdict
from functools import lru_cache

from fpga_flow.layers.constant.schedule import SHIFTED, Schedule
from fpga_flow.layers.constant.unit import Unit
from fpga_flow.target.resources import Resources

ADDED = 0.85
"""LUTs for each bit of a sum that is added at once: Yosys adds three numbers in one place where it can."""


def resources(unit: Unit) -> Resources:
    """Return what `unit` takes of a part of any family."""
    if unit.whole:
        return _network(unit.schedule) + Resources(lut=2)
    graph, digits, words = unit.graph, unit.digits, unit.words
    inputs, in_bits = graph.inputs_used, words.in_bits + words.bipolar
    # Bits of all sums: where they are whole, the highest ones are one register; those that are always 0 none.
    held = [words.out_bits if digits.serial else own.bits for own in graph.output_ranges if own.bits]
    word = sum(held) / unit.words_out
    before = (unit.words_in - 1) / unit.words_in  # share of the values that come before the last word
    cut = digits.count * digits.width - words.out_bits if digits.serial else 0
    streams = Resources(
        # A value is loaded or shifted; words are chosen.
        lut=inputs * max(0, in_bits - digits.width) + word * math.ceil((unit.words_out - 1) / 3),
        ff=inputs * (in_bits + words.in_bits * before)
        + len(held) * ((digits.count - 1) * digits.width - cut)
        + word,
    )
    counters = [(count - 1).bit_length() for count in (unit.interval, unit.words_in, unit.words_out)]
    steps = digits.count + unit.words_out - 2
    # Each word that waits for the last one has an enable.
    control = Resources(
        lut=8 + steps / 2 + sum(counters) + 2 * (unit.words_in - 1) + 1.5 * unit.words_out,
        ff=2 + steps + sum(counters),
    )
    return _network(unit.schedule, cut) + streams + control


class _Waiting:
    """The registers in which values wait: those that one bit is wanted behind are a chain."""

    def __init__(self) -> None:
        self.wanted: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        """Value -> delay -> which of its bits are wanted then, as a mask."""
        self.zeroed: dict[tuple[int, int, int, int], int] = defaultdict(int)
        """Value, delay, zeros, time -> bits of a register of its own, which puts zeros in."""
        self.keeps: dict[int, int] = {}
        """Zeros -> the longest delay of the signal that says that they are over."""

    def keep(self, zeros: int, time: int) -> None:
        """Want the signal that the first `zeros` digits of values of `time` are over."""
        self.keeps[zeros] = max(time, self.keeps.get(zeros, 0))

    def want(self, value: int, delay: int, mask: int, zeros: int, time: int) -> None:
        """Want bits of `value` `delay` cycles later, its first digits 0."""
        if zeros:
            self.keep(zeros, time)
            self.zeroed[value, delay, zeros, time] |= mask
            delay -= 1
        self.wanted[value][delay] |= mask

    def chains(self, value: int) -> tuple[int, int]:
        """Return the registers, and the shift registers in LUTs, of a value's bits."""
        registers = shifted = 0
        delays = sorted(self.wanted[value])
        left = 0
        for mask in self.wanted[value].values():
            left |= mask
        while left:
            bit = left & -left
            left ^= bit
            last = 0
            for delay in delays:
                if self.wanted[value][delay] & bit:
                    length, last = delay - last, delay
                    registers += length if length < SHIFTED else 0
                    shifted += length >= SHIFTED
        return registers, shifted


@lru_cache(maxsize=256)
def _network(timed: Schedule, cut: int = 0) -> Resources:
    """Return what the adders take, and the delays between them.

    `cut` bits of the outputs' last digit are nobody's. A register of each is counted here: it is one of the
    chain that the digits before them leave in.
    """
    return _in_digits(timed, cut) if timed.digits.serial else _at_once(timed)


def _in_digits(timed: Schedule, cut: int) -> Resources:
    graph, width = timed.graph, timed.digits.width
    whole, waiting = (1 << width) - 1, _Waiting()

    def want(
        value: int, delay: int, zeros: int, bits: int, time: int, masked: bool = False, without: int = 0
    ) -> None:
        low = whole >> bits
        waiting.want(value, delay, low & ~without, 0 if masked else zeros, time)
        if bits:
            waiting.want(value, delay + 1, whole ^ low, 0 if masked else zeros + 1, time)

    for place, adder in enumerate(graph.adders):
        time = timed.times[len(graph.inputs) + place]
        left, right = timed.operands(place)
        if left is not None and width == 1 and timed.digits.masks_left(adder):
            left, right = right, left
        masked = width == 1 and right.zeros > 0
        waiting.keep(1, time)
        if masked:
            waiting.keep(right.zeros, time + 1)
        if left is not None:
            want(left.value, left.delay, left.zeros, left.bits, time)
        want(right.value, right.delay, right.zeros, right.bits, time, masked)
    for place, use in enumerate(timed.outputs()):
        if use is not None:
            time, low = timed.output_time(place), whole >> use.bits
            behind = low ^ low >> cut
            want(use.value, use.delay, use.zeros, use.bits, time, without=behind)
            waiting.want(use.value, use.delay + 1, behind, use.zeros, time)
    chains = [waiting.chains(value) for value in list(waiting.wanted)]
    zeroed = sum(mask.bit_count() for mask in waiting.zeroed.values())
    control = max(timed.latency, timed.digits.count - 1) + sum(waiting.keeps.values())
    adders = len(graph.adders)
    return Resources(
        lut=sum(shifted for _, shifted in chains) + adders * width + 2 * len(waiting.keeps),
        ff=sum(registers for registers, _ in chains) + zeroed + adders + control,
    )


def _at_once(timed: Schedule) -> Resources:
    graph, waiting = timed.graph, _Waiting()
    lut = 0.0
    for place, adder in enumerate(graph.adders):
        left, right = timed.operands(place)
        held = graph.ranges[len(graph.inputs) + place].bits
        # Bits below the other operand's lowest one are not added.
        low = right.bits or (0 if adder.subtract or left is None else left.bits)
        lut += ADDED * max(0, held - (low if low < held else 0))
        for use in (left, right):
            if use is not None:
                waiting.want(use.value, use.delay, 1, 0, 0)
    for use in timed.outputs():
        if use is not None:
            waiting.want(use.value, use.delay, 1, 0, 0)
    ff = 0
    for value in list(waiting.wanted):
        registers, shifted = waiting.chains(value)
        ff += graph.ranges[value].bits * registers
        lut += graph.ranges[value].bits * shifted
    return Resources(lut=lut, ff=ff + timed.latency)
