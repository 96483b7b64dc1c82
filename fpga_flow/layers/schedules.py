"""Schedules: when a layer takes and gives words, whatever they hold; `fifos.tokens` plays them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

PORTS = 16
"""Most inputs, and most outputs, of a layer."""
Table = NDArray[np.int32]
Integers = NDArray[np.int64]


class Pattern(IntEnum):
    """The forms of a schedule, each a class in `fifos/tokens.h`, which is compiled with these numbers."""

    STEPS = 0
    REPLAY = 1
    WINDOW = 2
    PARALLEL = 3
    WIDTH = 4
    SOURCE = 5
    SINK = 6
    WIRE = 7
    RING = 8
    SUMS = 9
    LISTS = 10
    DIGITS = 11


@dataclass(frozen=True)
class Schedule:
    """When a layer takes and gives words, whatever they hold."""

    pattern: Pattern
    values: tuple[int, ...]
    tables: tuple[Table, ...] = ()
    """One entry per step, fetch or window of the schedule's period."""


def steps(
    takes: Sequence[int] | Integers,
    gives: Sequence[int] | Integers,
    *,
    latency: int = 1,
    places: int = 1,
    burst: int = 1,
    early: bool = True,
    rigid: bool = False,
    skid: bool = False,
    joint: bool = False,
) -> Schedule:
    """Return a schedule of one step a cycle.

    `takes`, `gives` (steps,): bit k says that the step takes a word of input k, or gives one to output
    k. A word comes out `latency` cycles later; `places` words may be on the way, else the step waits.
    `burst`: words that a step gives. `early`: a place is free in the cycle in which its word leaves.
    `rigid`: nothing on the way moves while the last word waits. `skid`: one word is taken ahead.
    `joint`: a step waits until it could give a word to every output.
    """
    table = (np.asarray(takes, np.int64) | np.asarray(gives, np.int64) << PORTS).astype(np.int32)
    return Schedule(
        Pattern.STEPS,
        (len(table), latency, places, burst, int(early), int(rigid), int(skid), int(joint)),
        (table,),
    )


def replay(length: int, passes: int, *, latency: int, places: int) -> Schedule:
    """Return a schedule that keeps `length` words and goes over them `passes` times, a word a cycle.

    The last step of each pass gives a word `latency` cycles later; the buffer, of a power of two of
    words, takes the next vector's as it empties in the last pass.
    """
    if passes == 1:
        gives = np.zeros(length, np.int64)
        gives[-1] = 1
        return steps(np.ones(length, np.int64), gives, latency=latency, places=places, early=False)
    buffer = 1 << max(1, math.ceil(math.log2(length)))
    return Schedule(Pattern.REPLAY, (length, passes, buffer, latency, places))


def wire(gives: Sequence[int] | Integers) -> Schedule:
    """Return a schedule without a register: `gives` (steps,) says where each word that comes goes at once."""
    table = (1 | np.asarray(gives, np.int64) << PORTS).astype(np.int32)
    return Schedule(Pattern.WIRE, (len(table),), (table,))


def ring(reads: Integers, frees: Integers, words: int, places: int) -> Schedule:
    """Return a schedule that reads words from a ring of `places`, one a step.

    `reads` (steps,): which of the period's `words` a step gives; `frees` (steps,): how many of them nobody
    reads any more after it.
    """
    tables = (reads.astype(np.int32), frees.astype(np.int32))
    return Schedule(Pattern.RING, (len(reads), words, places), tables)


def width(taken: int, given: int) -> Schedule:
    """Return the schedule of a converter from words of `taken` units to words of `given`."""
    common = math.gcd(taken, given)
    taken, given = taken // common, given // common
    if taken == given:
        return wire((1,))
    return Schedule(Pattern.WIDTH, (taken, given, taken * given))


def once(length: int) -> NDArray[np.int64]:
    """Return (length,) zeros with a one at the end: a word given with the last of so many that are taken."""
    found = np.zeros(length, np.int64)
    found[-1] = 1
    return found
