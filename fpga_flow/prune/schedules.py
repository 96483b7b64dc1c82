"""Schedules: when is pruned, by how much, and when it ends.

A schedule knows nothing of training. It is given a `Trainer` that prunes a network and trains it
towards the target, and it decides from the outcomes. Its whole memory is a `Progress`, which the
caller saves after every round, so that a killed run goes on with the round it was in.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from fpga_flow.results.prune import Round
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
    sparsity: float = 0.8
    """Share of all weights that shall be gone in the end, where the schedule has such an end."""
    thresholds: tuple[float, ...] = ()
    """Absolute values below which weights go, one for each round, where the schedule has such."""


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
    start: float = 1.0
    """Share of all weights that the network before the first round has."""

    @property
    def density(self) -> float:
        """Share of all weights that are left, where every round's network is kept."""
        return self.history[-1].density if self.history else self.start

    @property
    def prunes(self) -> int:
        """Successful prunes so far."""
        return sum(line.passed for line in self.history)


class Trainer(Protocol):
    """Prunes and retrains."""

    def attempt(self, state: State, rate: float, number: int) -> Attempt:
        """Prune `rate` of the weights left in `state`, then train until the target is met or hope is lost.

        For a schedule by thresholds, `rate` is the threshold.
        Optimiser and scheduler are made anew and the epoch budget starts afresh; `number` names the round.
        """

    def enough(self, state: State) -> bool:
        """Return whether a method that ends at an accuracy may end with `state`, as it is small enough."""


Schedule = Callable[[Progress, Rules, Trainer, Callable[[Progress], None]], None]
"""Advances a progress to its end in place, and calls back after every round."""


def imp(progress: Progress, rules: Rules, trainer: Trainer, save: Callable[[Progress], None]) -> None:
    """Iterative magnitude pruning with an accuracy criterion: a fixed rate until a round fails."""
    while all(line.passed for line in progress.history) and not _ended(progress, rules, trainer):
        _round(progress, trainer)
        save(progress)


def fmp(progress: Progress, rules: Rules, trainer: Trainer, save: Callable[[Progress], None]) -> None:
    """Feedback magnitude pruning: a failure divides the rate and undoes the prune."""
    while progress.rate >= rules.min_rate and not _ended(progress, rules, trainer):
        if not _round(progress, trainer):
            progress.rate /= rules.decay
        save(progress)


def to_sparsity(progress: Progress, rules: Rules, trainer: Trainer, save: Callable[[Progress], None]) -> None:
    """Prune and retrain in full, round by round, until the wanted sparsity, whatever the accuracy.

    With the learning rate's schedule begun anew in every round that is learning-rate rewinding (Renda,
    Frankle and Carbin 2020); with an L1 penalty in the loss it is L1-regularised iteration. The last prune
    takes only what is missing. Ends also where a prune takes nothing more.
    """
    before = math.inf
    while len(progress.history) < rules.rounds and _missing(progress, rules) > 0:
        if progress.density >= before:
            break
        before = progress.density
        _round(progress, trainer, min(rules.rate, _missing(progress, rules)), keep=True)
        save(progress)


def once(progress: Progress, rules: Rules, trainer: Trainer, save: Callable[[Progress], None]) -> None:
    """Go to the wanted sparsity in one training run, whatever the accuracy."""
    if not progress.history and _missing(progress, rules) > 0:
        _round(progress, trainer, _missing(progress, rules), keep=True)
        save(progress)


def by_thresholds(
    progress: Progress, rules: Rules, trainer: Trainer, save: Callable[[Progress], None]
) -> None:
    """Take the weights below the round's threshold and retrain in full, whatever the accuracy.

    With three rounds, what the authors of BacalhauNet did.
    """
    for threshold in rules.thresholds[len(progress.history) :]:
        _round(progress, trainer, threshold, keep=True)
        save(progress)


SCHEDULES: dict[str, Schedule] = {
    "imp": imp,
    "fmp": fmp,
    "lr-rewinding": to_sparsity,
    "l1": to_sparsity,
    "one-shot": once,
    "polynomial": once,
    "constant": once,
    "thresholds": by_thresholds,
}
TO_SPARSITY = frozenset(name for name, schedule in SCHEDULES.items() if schedule in (to_sparsity, once))
"""Those that end at `Rules.sparsity`."""
WHATEVER_THE_ACCURACY = TO_SPARSITY | {"thresholds"}
"""Those that do not end at an accuracy: every round trains all its epochs."""
GRADUAL = frozenset({"polynomial", "constant"})
"""Those that prune while they train."""


def sparsity_at(method: str, step: int, first: int, last: int, start: float, end: float) -> float:
    """Return the sparsity that a gradual schedule wants after optimiser step `step`.

    `polynomial`: s(t) = s_f + (s_i - s_f)(1 - (t - t0) / (t_end - t0))^3 between the steps `first` and `last`
    (Zhu and Gupta 2017, equation 1). `constant`: `end` from step `first` on.
    """
    if step < first:
        return start
    if method == "constant" or step >= last:
        return end
    return end + (start - end) * (1 - (step - first) / (last - first)) ** 3


def share_to_take(density: float, sparsity: float) -> float:
    """Return the share of the weights left that must go to come from `density` to `sparsity`."""
    return max(0.0, 1 - (1 - sparsity) / density) if density > 0 else 0.0


def _ended(progress: Progress, rules: Rules, trainer: Trainer) -> bool:
    """Return whether a method that ends at an accuracy ends before that."""
    densities = [progress.start, *(line.density for line in progress.history if line.passed)]
    took_nothing = len(densities) > 1 and densities[-1] >= densities[-2]
    return progress.prunes >= rules.rounds or took_nothing or trainer.enough(progress.passing)


def _missing(progress: Progress, rules: Rules) -> float:
    share = share_to_take(progress.density, rules.sparsity)
    return share if share > 1e-4 else 0.0


def _round(progress: Progress, trainer: Trainer, rate: float | None = None, keep: bool = False) -> bool:
    number = len(progress.history) + 1
    rate = progress.rate if rate is None else rate
    attempt = trainer.attempt(progress.passing, rate, number)
    record(progress, rate, attempt, keep)
    return attempt.passed


def record(progress: Progress, rate: float, attempt: Attempt, keep: bool = False) -> None:
    """Write `attempt` into the history; with `keep`, or where it passed, pruning goes on from it."""
    progress.history.append(
        Round(
            round=len(progress.history) + 1,
            rate=rate,
            density=attempt.density,
            accuracy=attempt.accuracy,
            epochs=attempt.epochs,
            passed=attempt.passed,
        )
    )
    if attempt.passed or keep:
        progress.passing = attempt.state
