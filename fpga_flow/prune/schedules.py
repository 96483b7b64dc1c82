"""Schedules: when is pruned, by how much, and when it ends.

A schedule knows nothing of training. It is given a `Trainer` that prunes a network and trains it
towards the target, and it decides from the outcomes. Its whole memory is a `Progress`, which the
caller saves after every round, so that a killed run goes on with the round it was in.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from fpga_flow.train.checkpoint import State


@dataclass(frozen=True)
class Rules:
    """What the recipe says about a schedule."""

    rate: float
    """Share of the remaining weights that a prune takes."""
    decay: float
    """FMP: what the rate is divided by after a failure."""
    min_rate: float
    """FMP: below this rate pruning ends."""
    rounds: int
    """Successful prunes after which pruning ends."""


@dataclass(frozen=True)
class Round:
    """One prune and the training after it."""

    round: int
    rate: float
    density: float
    """Share of all weights that the masks leave, counted."""
    accuracy: float
    """Best validation accuracy of the round."""
    epochs: int
    passed: bool


@dataclass(frozen=True)
class Attempt:
    """What a `Trainer` makes of a prune."""

    state: State
    density: float
    accuracy: float
    epochs: int
    passed: bool


@dataclass
class Progress:
    """Where a schedule stands."""

    passing: State
    """The last network that met the target."""
    rate: float
    history: list[Round] = field(default_factory=list)

    @property
    def prunes(self) -> int:
        """Successful prunes so far."""
        return sum(line.passed for line in self.history)


class Trainer(Protocol):
    """Prunes and retrains."""

    def attempt(self, state: State, rate: float, number: int) -> Attempt:
        """Prune `rate` of the weights left in `state`, then train until the target is met or hope is lost.

        Optimiser and scheduler are made anew and the epoch budget starts afresh; `number` names the round.
        """


Schedule = Callable[[Progress, Rules, Trainer, Callable[[Progress], None]], None]
"""Advances a progress to its end in place, and calls back after every round."""


def imp(progress: Progress, rules: Rules, trainer: Trainer, save: Callable[[Progress], None]) -> None:
    """Iterative magnitude pruning with an accuracy criterion: a fixed rate until a round fails."""
    while progress.prunes < rules.rounds and all(line.passed for line in progress.history):
        _round(progress, trainer)
        save(progress)


def fmp(progress: Progress, rules: Rules, trainer: Trainer, save: Callable[[Progress], None]) -> None:
    """Feedback magnitude pruning: a failure divides the rate and undoes the prune."""
    while progress.prunes < rules.rounds and progress.rate >= rules.min_rate:
        if not _round(progress, trainer):
            progress.rate /= rules.decay
        save(progress)


SCHEDULES: dict[str, Schedule] = {"imp": imp, "fmp": fmp}


def _round(progress: Progress, trainer: Trainer) -> bool:
    number = len(progress.history) + 1
    attempt = trainer.attempt(progress.passing, progress.rate, number)
    progress.history.append(
        Round(number, progress.rate, attempt.density, attempt.accuracy, attempt.epochs, attempt.passed)
    )
    if attempt.passed:
        progress.passing = attempt.state
    return attempt.passed
