"""Plays layers' schedules against each other (`tokens.cpp`): when every word moves, without any data."""

import ctypes
import functools
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fpga_flow.core import toolchain
from fpga_flow.core.artifact import digest_json
from fpga_flow.core.progress import bar
from fpga_flow.layers.schedules import PORTS, Integers, Pattern, Schedule, Table

SOURCE = Path(__file__).with_name("tokens.cpp")
FLAGS = (
    "-std=c++17",
    "-O2",
    "-shared",
    "-fPIC",
    *(f"-DPATTERN_{pattern.name}={pattern.value}" for pattern in Pattern),
)
UNLIMITED = 1 << 40
"""A depth that no stream fills."""


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
            program += [layer.schedule.pattern, len(layer.inputs), len(layer.outputs)]
            program += [*layer.inputs, *layer.outputs, len(values), *values]
        self._fifos = fifos
        self._sinks = sum(layer.schedule.pattern is Pattern.SINK for layer in layers)
        self._library = _library()
        code = np.array(program, np.int64)
        joined = np.concatenate(tables) if tables else np.zeros(1, np.int32)
        self._handle = self._library.tokens_open(
            ctypes.c_int64(fifos), _place(code), ctypes.c_int64(len(code)), _place(joined),
            ctypes.c_int64(len(joined)),
        )  # fmt: skip
        if not self._handle:
            raise ValueError("a layer has an unknown kind of schedule, or words come back to a layer")

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.tokens_close(ctypes.c_void_p(self._handle))

    def run(
        self, depths: Sequence[int] | Integers, frames: int, *, period: int = 0, limit: int | None = None
    ) -> Play:
        """Play `frames` frames with FIFOs of `depths` words (at least 1), for at most `limit` cycles.

        A run ends by itself: with its last frame, or where nothing moves any more.

        With `period` the sources spread the words of a frame evenly over that many cycles; else they
        offer a word whenever it is taken.
        """
        given = np.array(depths, np.int64)
        if given.shape != (self._fifos,) or given.min(initial=1) < 1:
            raise ValueError(f"depths must be {self._fifos} numbers of at least 1")
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
    with (
        bar("compiling the model of the FIFOs"),
        tempfile.TemporaryDirectory(prefix="fpga_flow_tokens_") as folder,
    ):
        target = Path(folder) / f"tokens_{digest_json([compiler.version, *FLAGS])[:8]}.so"
        toolchain.run_tool(
            compiler, [*FLAGS, "-o", str(target), str(SOURCE)], Path(folder), Path(folder) / "log.txt"
        )
        library = ctypes.CDLL(str(target))
    library.tokens_open.restype = ctypes.c_void_p
    library.tokens_close.restype = None
    library.tokens_run.restype = ctypes.c_int64
    return library
