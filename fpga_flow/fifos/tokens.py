"""Plays layers' schedules against each other (`tokens.cpp`): when every word moves, without any data."""

import ctypes
import functools
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fpga_flow.core import toolchain
from fpga_flow.core.artifact import digest_json

SOURCE = Path(__file__).with_name("tokens.cpp")
FLAGS = ("-std=c++17", "-O2", "-shared", "-fPIC")
UNLIMITED = 1 << 40
"""A depth that no stream fills."""
PORTS = 16
"""Most inputs, and most outputs, of a layer."""
Table = NDArray[np.int32]
Integers = NDArray[np.int64]


class Kind(IntEnum):
    """What `tokens.cpp` knows; a `Schedule` is one of them with its numbers."""

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


@dataclass(frozen=True)
class Schedule:
    """When a layer takes and gives words, whatever they hold."""

    kind: Kind
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
        Kind.STEPS,
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
    return Schedule(Kind.REPLAY, (length, passes, buffer, latency, places))


def wire(gives: Sequence[int] | Integers) -> Schedule:
    """Return a schedule without a register: `gives` (steps,) says where each word that comes goes at once."""
    table = (1 | np.asarray(gives, np.int64) << PORTS).astype(np.int32)
    return Schedule(Kind.WIRE, (len(table),), (table,))


def ring(reads: Integers, frees: Integers, words: int, places: int) -> Schedule:
    """Return a schedule that reads words from a ring of `places`, one a step.

    `reads` (steps,): which of the period's `words` a step gives; `frees` (steps,): how many of them nobody
    reads any more after it.
    """
    tables = (reads.astype(np.int32), frees.astype(np.int32))
    return Schedule(Kind.RING, (len(reads), words, places), tables)


def width(taken: int, given: int) -> Schedule:
    """Return the schedule of a converter from words of `taken` units to words of `given`."""
    common = math.gcd(taken, given)
    taken, given = taken // common, given // common
    if taken == given:
        return wire((1,))
    return Schedule(Kind.WIDTH, (taken, given, taken * given))


@dataclass(frozen=True)
class Placed:
    """A layer in a network: its schedule and the numbers of the FIFOs on both sides."""

    schedule: Schedule
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class FifoState:
    """A FIFO at the end of a run."""

    depth: int
    held: int
    """Words in it."""
    words: int
    """Words that ever went in."""
    offered: bool
    """The layer before it has a word for it."""


@dataclass(frozen=True)
class Play:
    """What a run of the schedules gave. Arrays are per FIFO unless said otherwise."""

    cycles: int
    stuck: bool
    """Nothing moved any more, though frames were still to come."""
    first: int
    """Cycle of the first word in."""
    ends: Integers
    """Cycle of each frame's last word (sinks, frames); -1 for what did not come."""
    depths: Integers
    count: Integers
    """Words held at the end."""
    most: Integers
    """Most words ever held."""
    pushes: Integers
    """Words that went in."""
    offered: NDArray[np.bool_]
    """Whether a word is offered to it at the end."""

    @property
    def states(self) -> list[FifoState]:
        """Each FIFO at the end."""
        rows = zip(self.depths, self.count, self.pushes, self.offered, strict=True)
        return [FifoState(int(depth), int(held), int(words), bool(last)) for depth, held, words, last in rows]

    @property
    def words(self) -> int:
        """Words that went into the FIFOs, all of them together."""
        return int(self.pushes.sum())

    @property
    def fills(self) -> list[int]:
        """Most words ever held in each FIFO."""
        return [int(fill) for fill in self.most]

    @property
    def period(self) -> float:
        """Cycles per frame in the later half of the frames; infinite where not all of them came."""
        if self.ends.min() < 0:
            return math.inf
        ends = self.ends.max(axis=0)
        half = ends[len(ends) // 2 :] if len(ends) > 3 else ends
        return float(half[-1] - half[0]) / max(len(half) - 1, 1)

    @property
    def latency(self) -> int:
        """Cycles from the first word in to the first frame's last word out."""
        return int(self.ends[:, 0].max()) - self.first


class Tokens:
    """A network of layers between FIFOs, ready to be played with any depths."""

    def __init__(self, fifos: int, layers: Sequence[Placed]) -> None:
        """`layers` hold sources and sinks too; every FIFO has one layer on each side."""
        program: list[int] = []
        tables: list[Table] = []
        length = 0
        for layer in layers:
            offsets = []
            for table in layer.schedule.tables:
                offsets.append(length)
                tables.append(np.ascontiguousarray(table, np.int32))
                length += len(table)
            values = [*offsets, *layer.schedule.values]
            if max(len(layer.inputs), len(layer.outputs)) > PORTS:
                raise ValueError(f"a layer must have at most {PORTS} inputs and outputs")
            program += [layer.schedule.kind, len(layer.inputs), len(layer.outputs)]
            program += [*layer.inputs, *layer.outputs, len(values), *values]
        self._fifos = fifos
        self._sinks = sum(layer.schedule.kind is Kind.SINK for layer in layers)
        self._library = _library()
        code = np.array(program, np.int64)
        joined = np.concatenate(tables) if tables else np.zeros(1, np.int32)
        self._handle = self._library.tokens_open(
            ctypes.c_int64(fifos), _place(code), ctypes.c_int64(len(code)), _place(joined),
            ctypes.c_int64(len(joined)),
        )  # fmt: skip
        if not self._handle:
            raise ValueError("a layer has an unknown kind of schedule")

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.tokens_close(ctypes.c_void_p(self._handle))

    def run(
        self, depths: Sequence[int] | Integers, frames: int, *, period: int = 0, limit: int | None = None
    ) -> Play:
        """Play `frames` frames with FIFOs of `depths` words (at least 2), for at most `limit` cycles.

        A run ends by itself: with its last frame, or where nothing moves any more.

        With `period` the sources spread the words of a frame evenly over that many cycles; else they
        offer a word whenever it is taken.
        """
        given = np.array(depths, np.int64)
        if given.shape != (self._fifos,) or given.min(initial=2) < 2:
            raise ValueError(f"depths must be {self._fifos} numbers of at least 2")
        first = np.zeros(1, np.int64)
        ends = np.zeros((self._sinks, frames), np.int64)
        states = np.zeros((self._fifos, 4), np.int64)
        most = UNLIMITED if limit is None else limit
        cycles = self._library.tokens_run(
            ctypes.c_void_p(self._handle), _place(given), ctypes.c_int64(frames), ctypes.c_int64(period),
            ctypes.c_int64(most), _place(first), _place(ends), _place(states),
        )  # fmt: skip
        count, filled, pushes, offered = states.T
        stuck = cycles < 0
        return Play(
            -cycles - 1 if stuck else cycles, stuck, int(first[0]), ends, given, count, filled, pushes,
            offered != 0,
        )  # fmt: skip


def _place(array: NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


@functools.cache
def _library() -> ctypes.CDLL:
    """Compile `tokens.cpp` for this process (about two seconds) and load it."""
    compiler = toolchain.compiler()
    with tempfile.TemporaryDirectory(prefix="fpga_flow_tokens_") as folder:
        target = Path(folder) / f"tokens_{digest_json([compiler.version, *FLAGS])[:8]}.so"
        toolchain.run_tool(
            compiler, [*FLAGS, "-o", str(target), str(SOURCE)], Path(folder), Path(folder) / "log.txt"
        )
        library = ctypes.CDLL(str(target))
    library.tokens_open.restype = ctypes.c_void_p
    library.tokens_close.restype = None
    library.tokens_run.restype = ctypes.c_int64
    return library
