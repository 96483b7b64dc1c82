"""One vector of symbols through a layer of one stream in and one out, between vectors that are unknown."""

import random
from dataclasses import dataclass

from fpga_flow.prove.cells import Bits
from fpga_flow.prove.forms import UNKNOWN, UnreadError
from fpga_flow.prove.machine import Machine

RESET_CYCLES = 2
WAIT = 1_000
"""Cycles without any transfer that are taken for the end."""
IN, OUT = "in0_V_", "out0_V_"
CLOCK, RESET = "ap_clk", "ap_rst_n"


@dataclass(frozen=True)
class Rests:
    """When the sides rest: each with a chance, by a seed."""

    chance: float = 0.0
    seed: int = 0


def outputs(machine: Machine, words: list[Bits], given: int, before: int, rests: Rests) -> list[Bits]:
    """Return the words that come out for the vector `words`, which has `given` of them.

    As many unknown vectors go in `before` and behind it, after a reset. Raises `UnreadError` where words do
    not come, where there are more of them, and where a handshake depends on data.
    """
    draw = random.Random(rests.seed)
    count = len(words)
    unknown: list[Bits] = [[]] * (before * count)
    sent = unknown + words + unknown
    total = (2 * before + 1) * given
    _reset(machine)
    found: list[Bits] = []
    at, offered, idle = 0, False, 0
    while idle < WAIT and len(found) <= total and (len(found) < total or idle < WAIT // 10):
        offered = at < len(sent) and (offered or draw.random() >= rests.chance)
        machine.set(f"{IN}TVALID", [int(offered)])
        machine.set(f"{IN}TDATA", sent[at] if offered else [])
        taken = draw.random() >= rests.chance
        machine.set(f"{OUT}TREADY", [int(taken)])
        machine.settle()
        goes, comes = offered and machine.flag(f"{IN}TREADY"), machine.flag(f"{OUT}TVALID") and taken
        if comes:
            found.append(machine.get(f"{OUT}TDATA"))
        if goes:
            at, offered = at + 1, False
        idle = 0 if goes or comes else idle + 1
        machine.clock()
    if len(found) != total:
        raise UnreadError(f"{len(found)} words come out for {2 * before + 1} vectors, not {total}")
    return found[before * given : (before + 1) * given]


def _reset(machine: Machine) -> None:
    machine.set(RESET, [0])
    machine.set(f"{IN}TVALID", [0])
    machine.set(f"{IN}TDATA", [])
    machine.set(f"{OUT}TREADY", [UNKNOWN])
    for _ in range(RESET_CYCLES):
        machine.settle()
        machine.clock()
    machine.set(RESET, [1])
