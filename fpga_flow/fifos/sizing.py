"""The least FIFOs with which a network runs as fast as with unlimited ones.

Two runs with unlimited FIFOs tell how fast the network can be, and how full each FIFO gets when the
input comes at just that rate. These depths are enough: a FIFO that never fills up never makes its
producer wait, and a source that is sooner makes nothing later. They are more than needed, because a
layer that could wait does not; so each FIFO in turn, the largest first, is made as shallow as the
rate of frames allows, which is checked by running the network with it.

A FIFO of one word takes no LUT for a bit of it, but its ready depends on that of the layer behind it in the
same cycle. So a FIFO of two words becomes one of one word where the rate allows it and no such path gets too
long (`single`).

What is on its way through a layer stands in for places in a FIFO, but only while the input comes without
gaps. So where paths part and join again, depths must also do for an input with long gaps, which leave
each layer empty: no more words than a FIFO holds may then be needed before the join can go on.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fpga_flow.core.progress import bar
from fpga_flow.fifos.tokens import UNLIMITED

LEAST = 1
"""The least depth of `fifo.sv`."""
SHALLOW = 2
"""The least depth with a register between the readies of both sides."""
SPARSE = 16
"""Times the cycles of a frame that an input with long gaps takes."""
EXACT_BELOW = 64
"""Depths above are searched in steps of 1/16 of them."""


class State(Protocol):
    """What a FIFO is like at the end of a run."""

    @property
    def depth(self) -> int:
        """Words it can hold."""

    @property
    def held(self) -> int:
        """Words in it."""

    @property
    def words(self) -> int:
        """Words that ever went in."""

    @property
    def offered(self) -> bool:
        """Whether the layer before it has a word for it."""


class Played(Protocol):
    """What a run tells."""

    @property
    def stuck(self) -> bool:
        """Whether it ended in a deadlock."""

    @property
    def period(self) -> float:
        """Cycles per frame once the FIFOs have filled."""

    @property
    def latency(self) -> int:
        """Cycles from the first word in to the first frame's last word out."""

    @property
    def fills(self) -> Sequence[int]:
        """Most words ever in each FIFO."""

    @property
    def words(self) -> int:
        """Words that went into the FIFOs, all of them together."""

    @property
    def states(self) -> Sequence[State]:
        """Of each FIFO."""


class Player(Protocol):
    """A network that can be run with any depths: schedules without data, or the RTL."""

    @property
    def pace(self) -> int:
        """Words that go into FIFOs in a second of running it, about."""

    def play(
        self, depths: Sequence[int], *, frames: int, period: int = 0, limit: int | None = None
    ) -> Played:
        """Run `frames` frames; with `period` the input spreads each over so many cycles.

        A run that is not done in `limit` cycles is stopped, and its period is infinite.
        """


@dataclass(frozen=True)
class Sizing:
    """Depths of all FIFOs and what they cost."""

    depths: tuple[int, ...]
    filled: tuple[int, ...]
    """Depths that unlimited FIFOs would have used."""
    period: float
    """Cycles per frame with `depths`."""
    fastest: float
    """Cycles per frame with unlimited FIFOs."""
    latency: int
    """Cycles with `depths`."""
    runs: int
    """How often the network was run."""
    finished: bool
    """Whether every FIFO was tried; else the search had taken long enough."""


def frames_for(latency: int, period: float) -> int:
    """Return how many frames to run so that the later half shows the steady rate."""
    return 4 + 2 * math.ceil(latency / max(period, 1.0))


def size(
    player: Player,
    bits: Sequence[int],
    *,
    joins: bool,
    single: Sequence[bool] = (),
    seconds: float = 20.0,
    latency: int | None = None,
) -> Sizing:
    """Return the least depths with the fastest rate; `bits` are those of a word in each FIFO.

    `joins`: some paths part and join again, so that shallow FIFOs may lock each other. `single`: which FIFOs
    may have one word only; none unless given. `seconds` is the time to search in, about: it is counted in
    words moved and not by the clock, so that equal networks get equal depths. `latency`, in cycles, must not
    be exceeded where given (nor, if unlimited FIFOs need more than that, theirs).
    """
    search = _Search(player, len(bits), latency, joins)
    filled = search.enough()
    depths = list(filled)
    order = [i for i in range(len(bits)) if depths[i] > SHALLOW]
    order.sort(key=lambda i: (SHALLOW - depths[i]) * bits[i])
    most = search.words + seconds * player.pace
    finished = True
    with bar("making FIFOs as small as the rate allows", len(order), "FIFOs") as advance:
        for number in order:
            if search.words >= most:
                finished = False
                break
            depths[number] = search.least(depths, number)
            advance()
    narrow = [i for i, may in enumerate(single) if may and depths[i] == SHALLOW]
    depths = search.narrowed(depths, narrow, most)
    played = search.confirm(depths)
    if played is None:  # what is slower by very little shows only after many frames
        depths, finished = list(filled), False
        played = search.play(depths, frames=search.frames)
    return Sizing(tuple(depths), filled, played.period, search.fastest, played.latency, search.runs, finished)


class _Search:
    """Runs a network with other depths again and again, and says which are good."""

    def __init__(self, player: Player, count: int, latency: int | None, joins: bool) -> None:
        unlimited = [UNLIMITED] * count
        self.player, self.runs, self.words = player, 0, 0
        first = self.play(unlimited, frames=4)
        self.frames = frames_for(first.latency, first.period)
        free = self.play(unlimited, frames=self.frames)
        self.fastest = free.period
        self._paced = self.play(unlimited, frames=self.frames, period=math.ceil(free.period))
        self._joins = joins
        self._bound = None if latency is None else max(latency, free.latency)
        self._limit: int | None = None

    def play(
        self, depths: Sequence[int], *, frames: int, period: int = 0, limit: int | None = None
    ) -> Played:
        """Run the network, and count runs and words."""
        played = self.player.play(depths, frames=frames, period=period, limit=limit)
        self.runs += 1
        self.words += played.words
        return played

    def _good(self, depths: Sequence[int], played: Played) -> bool:
        in_time = self._bound is None or played.latency <= self._bound
        fast = not played.stuck and played.period <= self.fastest and in_time
        return fast and not self._locks(depths)

    def _locks(self, depths: Sequence[int]) -> bool:
        """Return whether the network stops when its input has long gaps."""
        if not self._joins:
            return False
        return self.play(depths, frames=2, period=SPARSE * math.ceil(self.fastest)).stuck

    def enough(self) -> tuple[int, ...]:
        """Return depths that are good: what unlimited FIFOs were filled with, where that is enough."""
        depths = [max(SHALLOW, fill) for fill in self._paced.fills]
        played = self.play(depths, frames=self.frames)
        while not self._good(depths, played):
            # A word on its way to the output register, or a latency asked for, needs a place more.
            depths = [depth + 1 if depth == SHALLOW else depth + math.ceil(depth / 8) for depth in depths]
            played = self.play(depths, frames=self.frames)
        # Shallower FIFOs may make the first frame later, but not by more than all that a frame takes.
        self._limit = played.latency + math.ceil((self.frames + 1) * played.period)
        return tuple(depths)

    def least(self, depths: Sequence[int], number: int) -> int:
        """Return the least good depth of FIFO `number`, the others as in `depths`, which are good."""
        low, high = SHALLOW - 1, depths[number]  # low is too shallow, high is good
        candidate = SHALLOW
        while high - low > max(1, high // 16 if high > EXACT_BELOW else 1):
            trial = [*depths[:number], candidate, *depths[number + 1 :]]
            played = self.play(trial, frames=self.frames, limit=self._limit)
            low, high = (low, candidate) if self._good(trial, played) else (candidate, high)
            candidate = (low + high) // 2
        return high

    def narrowed(self, depths: Sequence[int], numbers: Sequence[int], most: float) -> list[int]:
        """Return `depths`, which are good, with `LEAST` for as many of `numbers` as were found to do with it.

        The search goes on until `most` words have been moved.
        """
        if not numbers or self.words >= most:
            return list(depths)
        trial = [LEAST if i in numbers else depth for i, depth in enumerate(depths)]
        if self._good(trial, self.play(trial, frames=self.frames, limit=self._limit)):
            return trial
        if len(numbers) == 1:
            return list(depths)
        half = len(numbers) // 2
        return self.narrowed(self.narrowed(depths, numbers[:half], most), numbers[half:], most)

    def confirm(self, depths: Sequence[int]) -> Played | None:
        """Run `depths` for twice as many frames; None where they are not good."""
        played = self.play(depths, frames=2 * self.frames)
        return played if self._good(depths, played) else None
