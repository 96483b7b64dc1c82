"""Pruning until the network fits the board: what is asked of the hardware, and what else would fit.

The hardware is asked by estimates only (`Hardware`); who answers is given to the stage, so that pruning
depends on hardware just where the recipe wants that.
"""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from fpga_flow.core.progress import say
from fpga_flow.prune.criteria import Criterion
from fpga_flow.prune.masks import density, masked
from fpga_flow.results.prune import Instead, Taken
from fpga_flow.train.checkpoint import State

MOST = 0.95
"""Share of the weights left that is tried to be taken at most, to see what would fit."""
NEAR = 0.05
"""So near such a share is searched."""
Shape = tuple[int, ...]
"""Of a frame, channels first."""


class Hardware(Protocol):
    """The recipe's board at its frame rate."""

    def taken(self, state: State, shape: Shape) -> Taken:
        """Return what the network in the checkpoint `state` takes of the board, and whether it fits."""

    def best_rate(self, state: State, shape: Shape) -> float | None:
        """Return the highest frames per second at which it fits the board, None where it never does."""

    def larger_board(self, state: State, shape: Shape) -> str | None:
        """Return the smallest of our boards that it fits at the wanted rate, None where there is none."""

    def prices(self, state: State, shape: Shape) -> dict[str, Tensor]:
        """Return, of every layer, the LUTs that each weight is worth, in the shape of its weights."""


@dataclass(frozen=True)
class AtTheBoard:
    """How pruning until it fits ended; nothing where it was to end otherwise."""

    taken: Taken | None = None
    """Of the network that it came to."""
    instead: Instead | None = None
    """What would fit, where that does not."""


@dataclass
class UntilFits:
    """Looks after each round whether the network fits."""

    hardware: Hardware
    shape: Shape

    def __post_init__(self) -> None:
        self._last: tuple[State, Taken] | None = None

    def taken(self, state: State) -> Taken:
        """Return what `state` takes; of the same one again at once."""
        if self._last is None or self._last[0] is not state:
            self._last = state, self.hardware.taken(state, self.shape)
            taken = self._last[1]
            verdict = "fits" if taken.fits else "does not fit"
            left = f"{density(state):.1%} of the weights"
            say(f"  {left}: {taken.words} at {taken.fps:,.0f} frames/s, {verdict}")
        return self._last[1]

    def share_that_fits(self, state: State, criterion: Criterion) -> float | None:
        """Return the share of the weights left that must about go, None where `MOST` is not enough.

        The masks alone are tried, nothing is trained.
        """

        def fits(share: float) -> bool:
            return self.hardware.taken(masked(state, criterion(state, share)), self.shape).fits

        low, high = 0.0, MOST
        if not fits(high):
            return None
        while high - low > NEAR:
            middle = (low + high) / 2
            low, high = (low, middle) if fits(middle) else (middle, high)
        return high
