"""The least FIFOs with which a network runs as fast as with unlimited ones.

Two runs with unlimited FIFOs tell how fast the network can be, and how full each FIFO gets when the
input comes at just that rate. These depths are enough: a FIFO that never fills up never makes its
producer wait, and a source that is sooner makes nothing later. They are more than needed, because a
layer that could wait does not; so each FIFO in turn, the largest first, is made as shallow as the
rate of frames allows, which is checked by running the network with it.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fpga_flow.fifos.tokens import UNLIMITED
from fpga_flow.progress import bar

SHALLOW = 2
"""The least depth of `fifo.sv`."""
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
    def states(self) -> Sequence[State]:
        """Of each FIFO."""


class Player(Protocol):
    """A network that can be run with any depths: schedules without data, or the RTL."""

    def play(self, depths: Sequence[int], *, frames: int, period: int = 0) -> Played:
        """Run `frames` frames; with `period` the input spreads each over so many cycles."""


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
    """Whether every FIFO was tried; else the time was up."""


def frames_for(latency: int, period: float) -> int:
    """Return how many frames to run so that the later half shows the steady rate."""
    return 4 + 2 * math.ceil(latency / max(period, 1.0))


def size(player: Player, bits: Sequence[int], *, seconds: float = 20.0, latency: int | None = None) -> Sizing:
    """Return the least depths with the fastest rate; `bits` are those of a word in each FIFO.

    `seconds` is the time to search in; `latency`, in cycles, must not be exceeded where given (nor, if
    unlimited FIFOs need more than that, theirs).
    """
    count = len(bits)
    unlimited = [UNLIMITED] * count
    first = player.play(unlimited, frames=4)
    frames = frames_for(first.latency, first.period)
    free = player.play(unlimited, frames=frames)
    paced = player.play(unlimited, frames=frames, period=math.ceil(free.period))
    runs = 3
    bound = None if latency is None else max(latency, free.latency)

    def good(played: Played) -> bool:
        in_time = bound is None or played.latency <= bound
        return not played.stuck and played.period <= free.period and in_time

    depths = [max(SHALLOW, fill) for fill in paced.fills]
    played = player.play(depths, frames=frames)
    runs += 1
    while not good(played):
        # A word on its way to the output register, or a latency asked for, needs a place more.
        depths = [depth + 1 if depth == SHALLOW else depth + math.ceil(depth / 8) for depth in depths]
        played = player.play(depths, frames=frames)
        runs += 1
    filled = tuple(depths)

    end = time.monotonic() + seconds
    order = sorted(range(count), key=lambda i: (SHALLOW - depths[i]) * bits[i])
    order = [i for i in order if depths[i] > SHALLOW]
    tried = 0
    with bar("FIFOs made as small as the rate allows", len(order)) as advance:
        for number in order:
            low, high = SHALLOW - 1, depths[number]  # low is too shallow, high is good
            candidate = SHALLOW
            while high - low > max(1, high // 16 if high > EXACT_BELOW else 1):
                if time.monotonic() > end:
                    break
                trial = [*depths[:number], candidate, *depths[number + 1 :]]
                attempt = player.play(trial, frames=frames)
                runs += 1
                if good(attempt):
                    high, played = candidate, attempt
                else:
                    low = candidate
                candidate = (low + high) // 2
            else:
                tried += 1
            depths[number] = high
            advance()
    return Sizing(
        tuple(depths), filled, played.period, free.period, played.latency, runs, tried == len(order)
    )
