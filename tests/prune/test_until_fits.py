"""Pruning until it fits: it stops with the first network that does, or says what must give."""

from pathlib import Path
from typing import Any

import pytest
import torch

from fpga_flow.core.errors import FitError, InputError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.stage import Context
from fpga_flow.prune import rounds
from fpga_flow.prune.masks import density
from fpga_flow.prune.verdict import fits_when_pruned
from fpga_flow.results.prune import PruneResult, Taken
from fpga_flow.stages import prune as prune_stage
from fpga_flow.train.checkpoint import CHECKPOINT, State, load_checkpoint, save_state
from fpga_flow.train.dataset import Codes
from fpga_flow.train.state import new_state
from tests.train.frames import LENGTH, small_recipe
from tests.train.test_fast import CLASSES

RATE = 0.4
"""Of a prune."""


class Shelf:
    """A made-up board that holds a network of at most `limit` of its weights."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.asked: list[float] = []

    def taken(self, state: State, shape: tuple[int, ...]) -> Taken:
        assert shape == (2, LENGTH)
        self.asked.append(density(state))
        return Taken(fps=1000.0, words=f"{self.asked[-1]:.0%} of it", fits=self.asked[-1] <= self.limit)

    def best_rate(self, state: State, shape: tuple[int, ...]) -> float | None:
        return 300.0 if density(state) < 0.9 else None

    def larger_board(self, state: State, shape: tuple[int, ...]) -> str | None:
        return None

    def prices(self, state: State, shape: tuple[int, ...]) -> dict[str, torch.Tensor]:
        found = {name: torch.ones_like(kept["weight"]) for name, kept in state["layers"].items()}
        found["conv1"] *= 1e6
        return found


@pytest.fixture(autouse=True)
def _tones(frames: dict[str, Codes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fpga_flow.train.threads.TORCH_THREADS", 1)  # all tensors are small here
    monkeypatch.setattr(prune_stage, "load_codes", lambda recipe, split, cache: frames[split])


def recipe_of(target: float, **prune: Any) -> Recipe:
    """Pruning down to an accuracy in per cent; an untrained network has about 25 of four classes."""
    settings = {"epochs": 1, "rate": RATE, "target_is": "absolute", "target": target, "until": "fits"}
    return small_recipe(train={"batch": 64}, prune={**settings, **prune}, hardware={"fps": 1000})


def pruned(
    folder: Path, recipe: Recipe, board: Shelf, kept: Path | None = None
) -> tuple[PruneResult, FitError | None]:
    for name in ("train", "prune"):
        (folder / name).mkdir(parents=True)
    save_state(folder / "train" / CHECKPOINT, new_state(recipe, CLASSES, 2))
    context = Context(recipe, folder / "prune", {"train": folder / "train"}, folder / "cache", kept=kept)
    result = prune_stage.run(context, board)
    return result, fits_when_pruned(result, recipe)


@pytest.mark.parametrize(("limit", "prunes"), [(1.0, 0), (0.6, 1), (0.5, 2)])
def test_pruning_stops_with_the_first_network_that_fits(limit: float, prunes: int, tmp_path: Path) -> None:
    board = Shelf(limit)
    result, error = pruned(tmp_path, recipe_of(2.0), board)
    assert error is None and result.instead is None
    assert len(result.rounds) == prunes
    assert result.left == pytest.approx((1 - RATE) ** prunes * result.weights, abs=2)
    assert result.taken is not None and result.taken.fits
    assert board.asked == pytest.approx([(1 - RATE) ** k for k in range(prunes + 1)], abs=1e-3)
    assert density(load_checkpoint(tmp_path / "prune" / CHECKPOINT)) == result.left / result.weights


def test_where_the_accuracy_ends_first_it_is_said_what_else_would_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No round of one epoch reaches so much; that the first network has not it either does not count here.
    recipe = recipe_of(90.0)
    monkeypatch.setattr(rounds.RoundTrainer, "first", lambda self, state, accuracy: state)
    result, error = pruned(tmp_path, recipe, Shelf(0.3))
    assert result.taken is not None and not result.taken.fits
    assert all(not line.passed for line in result.rounds) and len(result.rounds) == 4  # 0.4 ... 0.05
    instead = result.instead
    assert instead is not None and instead.density is not None and instead.accuracy is not None
    assert 0.25 <= instead.density <= 0.3
    assert instead.fps is None and instead.board is None
    assert isinstance(error, FitError) and error.exit_code == 5
    assert str(error) == (
        "prune: 90.00% of the validation frames, 1,000 frames/s and the board pynq-z1 (a share of "
        "0.2 left free) do not go together: with 100.0% of its weights the network takes 100% of it at "
        f"1,000 frames/s. One must give: --fps: no rate fits; --accuracy: {instead.accuracy:.2%} fits, with "
        f"{instead.density:.1%} of the weights; --board: none of ours holds it"
    )


def test_a_board_that_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds.RoundTrainer, "first", lambda self, state, accuracy: state)
    result, error = pruned(tmp_path, recipe_of(90.0, min_rate=0.39), Shelf(0.0))
    assert result.instead is not None and result.instead.accuracy is None and result.instead.density is None
    assert "--accuracy: pruning further does not help" in str(error)


def test_rounds_are_trained_once_for_all_boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit, trained = rounds.fit, list[str]()

    def watched(*args: Any, **options: Any) -> Any:
        trained.append(args[6])
        return fit(*args, **options)

    monkeypatch.setattr(rounds, "fit", watched)
    recipe, kept = recipe_of(2.0), tmp_path / "kept"
    pruned(tmp_path / "large", recipe, Shelf(0.6), kept)
    assert trained == ["pruning, round 1"]
    again, _ = pruned(tmp_path / "small", recipe, Shelf(0.5), kept)
    assert trained == ["pruning, round 1", "pruning, round 2"]
    alone, _ = pruned(tmp_path / "alone", recipe, Shelf(0.5))
    assert again == alone
    for name in ("curve-1.json", "curve-2.json", "history.json"):
        files = [(tmp_path / run / "prune" / name).read_bytes() for run in ("small", "alone")]
        assert files[0] == files[1]


def test_the_criterion_is_told_prices(tmp_path: Path) -> None:
    result, _ = pruned(tmp_path, recipe_of(2.0, criterion="hardware", until="accuracy", rounds=1), Shelf(1.0))
    left = {layer.name: layer.left / layer.weights for layer in result.layers}
    # Its weights are so dear that a part of all prices is a part of them.
    assert left["conv1"] == pytest.approx(1 - RATE, abs=0.02)
    assert all(share > 0.99 for name, share in left.items() if name != "conv1")
    assert result.taken is None


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            {"prune": {"method": "one-shot", "until": "fits"}},
            "until must be accuracy where prune.method is one-shot",
        ),
        (
            {"prune": {"until": "fits", "quantise": {"epochs": 1}}},
            "must have 0 epochs where prune.until is fits",
        ),
        ({"prune": {"until": "fits"}, "surgery": {"channels": "idle"}}, "surgery must take nothing out"),
        ({"prune": {"until": "fits"}, "hardware": {"target": "board"}}, "hardware must have target fps"),
        (
            {"prune": {"criterion": "hardware"}, "hardware": {"folding": "f.json"}},
            "hardware must have target fps",
        ),
        ({"prune": {"criterion": "hardware", "method": "l1"}}, "criterion must be another one"),
    ],
)
def test_wrong_recipe(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        small_recipe(**parts)
