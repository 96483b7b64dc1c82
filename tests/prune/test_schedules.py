"""IMP and FMP against courses worked out by hand, with a trainer that passes down to a given density."""

import contextlib
from dataclasses import dataclass, field

import pytest

from fpga_flow.prune.schedules import SCHEDULES, Attempt, Progress, Rules, share_to_take, sparsity_at
from fpga_flow.train.checkpoint import State


@dataclass
class Scripted:
    """Prunes 1000 imaginary weights; a network passes while at least `limit` of them are left."""

    limit: int
    small: int = -1
    """A network of at most so many weights is small enough."""
    calls: list[tuple[int, float, int]] = field(default_factory=list)

    def attempt(self, state: State, rate: float, number: int) -> Attempt:
        left = state["left"]
        self.calls.append((left, rate, number))
        after = left - round(rate * left)
        return Attempt({"left": after}, after / 1000, 0.5, 2, after >= self.limit)

    def enough(self, state: State) -> bool:
        return bool(state["left"] <= self.small)


def course(method: str, limit: int, rules: Rules) -> tuple[Progress, Scripted, list[int]]:
    trainer, progress, saved = Scripted(limit), Progress({"left": 1000}, rules.rate), list[int]()
    SCHEDULES[method](progress, rules, trainer, lambda now: saved.append(len(now.history)))
    return progress, trainer, saved


def test_imp_keeps_its_rate_and_ends_at_the_first_failure() -> None:
    progress, trainer, saved = course("imp", 500, Rules(0.2, 2.0, 0.05, 20))
    # 1000 -> 800 -> 640 -> 512 -> 410: fails.
    assert trainer.calls == [(1000, 0.2, 1), (800, 0.2, 2), (640, 0.2, 3), (512, 0.2, 4)]
    assert [line.passed for line in progress.history] == [True, True, True, False]
    assert progress.passing == {"left": 512}
    assert saved == [1, 2, 3, 4]


def test_imp_ends_after_its_rounds() -> None:
    progress, trainer, _ = course("imp", 0, Rules(0.2, 2.0, 0.05, 3))
    assert len(trainer.calls) == 3
    assert progress.passing == {"left": 512}


def test_thresholds_are_taken_in_turn_whatever_the_accuracy() -> None:
    rules = Rules(0.2, 2.0, 0.05, 20, thresholds=(0.1, 0.5, 0.2))
    progress, trainer, saved = course("thresholds", 800, rules)
    assert trainer.calls == [(1000, 0.1, 1), (900, 0.5, 2), (450, 0.2, 3)]
    assert [line.passed for line in progress.history] == [True, False, False]
    assert progress.passing == {"left": 360}
    assert saved == [1, 2, 3]
    again = Scripted(800)
    half = Progress({"left": 900}, 0.2, progress.history[:1])
    SCHEDULES["thresholds"](half, rules, again, lambda now: None)
    assert again.calls == trainer.calls[1:]


def test_fmp_lowers_the_rate_and_goes_back_after_a_failure() -> None:
    progress, trainer, _ = course("fmp", 500, Rules(0.2, 2.0, 0.05, 20))
    assert trainer.calls == [
        (1000, 0.2, 1),
        (800, 0.2, 2),
        (640, 0.2, 3),
        (512, 0.2, 4),  # 410: fails, back to 512
        (512, 0.1, 5),  # 461: fails, back to 512
        (512, 0.05, 6),  # 486: fails, and 0.025 is below the least rate
    ]
    assert progress.passing == {"left": 512}
    assert progress.rate == pytest.approx(0.025)
    assert [line.rate for line in progress.history] == [0.2, 0.2, 0.2, 0.2, 0.1, 0.05]


@pytest.mark.parametrize("method", ["imp", "fmp"])
def test_pruning_ends_with_the_first_network_that_is_small_enough(method: str) -> None:
    for small, left in ((600, 512), (512, 512), (900, 800), (1000, 1000)):
        trainer, progress = Scripted(500, small), Progress({"left": 1000}, 0.2)
        SCHEDULES[method](progress, Rules(0.2, 2.0, 0.05, 20), trainer, lambda now: None)
        assert progress.passing == {"left": left}
        assert all(line.passed for line in progress.history)


def test_what_is_small_enough_but_failed_does_not_end_fmp() -> None:
    trainer, progress = Scripted(450, 461), Progress({"left": 1000}, 0.2)
    SCHEDULES["fmp"](progress, Rules(0.2, 2.0, 0.05, 20), trainer, lambda now: None)
    # 410 is small enough and fails; 461 is and passes.
    assert [(line.density, line.passed) for line in progress.history[3:]] == [(0.41, False), (0.461, True)]
    assert progress.passing == {"left": 461}


@pytest.mark.parametrize("method", ["imp", "fmp"])
def test_pruning_ends_where_a_prune_takes_nothing(method: str) -> None:
    trainer, progress = Scripted(0), Progress({"left": 1000}, 0.2)
    SCHEDULES[method](progress, Rules(0.2, 2.0, 0.05, 10**9), trainer, lambda now: None)
    assert progress.passing == {"left": 2}  # a fifth of two is none
    assert [line.density for line in progress.history[-2:]] == [0.002, 0.002]


def test_fmp_goes_on_at_the_lowered_rate_after_a_success() -> None:
    progress, trainer, _ = course("fmp", 450, Rules(0.2, 2.0, 0.05, 20))
    assert trainer.calls[3:] == [
        (512, 0.2, 4),  # 410: fails
        (512, 0.1, 5),  # 461: passes
        (461, 0.1, 6),  # 415: fails
        (461, 0.05, 7),  # 438: fails
    ]
    assert progress.passing == {"left": 461}


def test_fmp_with_another_decay() -> None:
    progress, trainer, _ = course("fmp", 1000, Rules(0.3, 3.0, 0.05, 20))
    assert [rate for _, rate, _ in trainer.calls] == pytest.approx([0.3, 0.1])
    assert progress.passing == {"left": 1000}


def test_fmp_ends_after_its_successful_prunes() -> None:
    progress, trainer, _ = course("fmp", 0, Rules(0.2, 2.0, 0.05, 2))
    assert len(trainer.calls) == 2
    assert progress.prunes == 2


@pytest.mark.parametrize("method", ["lr-rewinding", "l1"])
def test_rounds_go_on_to_the_sparsity_whatever_the_accuracy(method: str) -> None:
    progress, trainer, saved = course(method, 700, Rules(0.2, 2.0, 0.05, 20, 0.5))
    # 1000 -> 800 -> 640 -> 512 -> 500: the last prune takes what is missing.
    assert [left for left, _, _ in trainer.calls] == [1000, 800, 640, 512]
    assert [rate for _, rate, _ in trainer.calls] == pytest.approx([0.2, 0.2, 0.2, 1 - 500 / 512])
    assert [line.passed for line in progress.history] == [True, False, False, False]
    assert progress.passing == {"left": 500}
    assert saved == [1, 2, 3, 4]


def test_seven_steps_of_rewinding_leave_a_fifth() -> None:
    progress, trainer, _ = course("lr-rewinding", 0, Rules(0.2, 2.0, 0.05, 7, 0.9))
    assert len(trainer.calls) == 7
    assert progress.density == pytest.approx(0.8**7, abs=0.002)


def test_rounds_end_where_a_prune_takes_nothing() -> None:
    class Stuck(Scripted):
        def attempt(self, state: State, rate: float, number: int) -> Attempt:
            return super().attempt(state, rate if number == 1 else 0.0, number)

    trainer, progress = Stuck(0), Progress({"left": 1000}, 0.2)
    SCHEDULES["lr-rewinding"](progress, Rules(0.2, 2.0, 0.05, 20, 0.5), trainer, lambda now: None)
    assert len(trainer.calls) == 2
    assert progress.passing == {"left": 800}


@pytest.mark.parametrize("method", ["one-shot", "polynomial", "constant"])
def test_one_run_goes_to_the_sparsity_at_once(method: str) -> None:
    progress, trainer, _ = course(method, 999, Rules(0.2, 2.0, 0.05, 20, 0.75))
    assert trainer.calls == [(1000, 0.75, 1)]
    assert progress.passing == {"left": 250}


def test_polynomial_decay_of_the_equation() -> None:
    wanted = [sparsity_at("polynomial", step, 10, 50, 0.2, 0.8) for step in (0, 10, 20, 30, 40, 50, 90)]
    # 0.8 - 0.6 * (1, 27/64, 1/8, 1/64, 0).
    assert wanted == pytest.approx([0.2, 0.2, 0.546875, 0.725, 0.790625, 0.8, 0.8])


def test_constant_sparsity_begins_at_its_step() -> None:
    assert [sparsity_at("constant", step, 10, 50, 0.0, 0.8) for step in (0, 9, 10, 30, 90)] == [
        0,
        0,
        0.8,
        0.8,
        0.8,
    ]


def test_share_to_take_counts_what_is_left() -> None:
    assert share_to_take(0.8, 0.6) == pytest.approx(0.5)
    assert share_to_take(0.2, 0.6) == 0.0


@pytest.mark.parametrize("method", SCHEDULES)
@pytest.mark.parametrize("killed_after", range(1, 6))
def test_a_killed_schedule_goes_on_where_it_was(method: str, killed_after: int) -> None:
    rules = Rules(0.2, 2.0, 0.05, 20)
    whole, _, _ = course(method, 450, rules)

    class Killed(Exception):
        pass

    def save(now: Progress) -> None:
        if len(now.history) == killed_after:
            raise Killed

    progress = Progress({"left": 1000}, rules.rate)
    with contextlib.suppress(Killed):
        SCHEDULES[method](progress, rules, Scripted(450), save)
    SCHEDULES[method](progress, rules, Scripted(450), lambda now: None)
    assert progress == whole
