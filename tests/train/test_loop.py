"""The training loop: resume, plateau, early end."""

from pathlib import Path
from typing import Any

import pytest
import torch

from fpga_flow.core.errors import InputError
from fpga_flow.train import loop
from fpga_flow.train.checkpoint import load_state
from fpga_flow.train.dataset import Codes
from fpga_flow.train.fast import FastNetwork
from fpga_flow.train.loop import Fit, Settings, fit
from fpga_flow.train.spec import chain, quant_of
from fpga_flow.train.state import new_state
from tests.train.frames import small_recipe


class Killed(Exception):
    """Stands for the end of the process."""


def run(frames: dict[str, Codes], path: Path, **changes: Any) -> Fit:
    recipe = small_recipe()
    classes = frames["train"].classes
    network = FastNetwork(chain(recipe, len(classes), 2), quant_of(recipe), new_state(recipe, classes, 2))
    options: dict[str, Any] = {
        "epochs": 4,
        "batch": 100,
        "learning_rate": 0.003,
        "factor": 0.5,
        "patience": 0,
    }
    reached = changes.pop("reached", lambda accuracy: False)
    settings = Settings(**{**options, **changes})
    return fit(network, frames["train"], frames["validation"], settings, path, 1, "test", reached)


def equal(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else bool(a == b)


@pytest.mark.parametrize("killed_in", [1, 2, 4])
def test_a_killed_run_ends_with_the_same_result(
    killed_in: int, frames: dict[str, Codes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(frames, tmp_path / "whole.pt")
    epoch, calls = loop._epoch, 0

    def killed(*arguments: Any) -> float:
        nonlocal calls
        calls += 1
        loss = epoch(*arguments)
        if calls == killed_in:
            raise Killed  # after the epoch's steps, before its checkpoint
        return loss

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(loop, "_epoch", killed)
        run(frames, tmp_path / "killed.pt")
    resumed = run(frames, tmp_path / "killed.pt")
    assert equal(resumed.state, whole.state)
    assert resumed.accuracy == whole.accuracy

    def numbers(outcome: Fit) -> list[tuple[float, ...]]:
        return [(line.learning_rate, line.train_loss, line.validation_loss) for line in outcome.curve]

    assert numbers(resumed) == numbers(whole)
    assert len(whole.curve) == 4


def test_best_epoch_is_returned(frames: dict[str, Codes], tmp_path: Path) -> None:
    outcome = run(frames, tmp_path / "t.pt")
    assert outcome.accuracy == pytest.approx(max(e.validation_accuracy for e in outcome.curve), abs=1e-5)


def test_training_ends_as_soon_as_the_target_is_reached(frames: dict[str, Codes], tmp_path: Path) -> None:
    outcome = run(frames, tmp_path / "t.pt", epochs=20, reached=lambda accuracy: accuracy > 0.4)
    assert outcome.accuracy > 0.4
    assert all(line.validation_accuracy <= 0.4 for line in outcome.curve[:-1])
    assert len(outcome.curve) < 20


def test_learning_rate_falls_on_a_plateau_and_training_ends_when_it_is_low(
    frames: dict[str, Codes], tmp_path: Path
) -> None:
    outcome = run(frames, tmp_path / "t.pt", epochs=30, factor=0.01, learning_rate=0.02)
    rates = [line.learning_rate for line in outcome.curve]
    assert rates[0] == 0.02
    first_drop = next(k for k, rate in enumerate(rates) if rate < 0.02)
    losses = [line.validation_loss for line in outcome.curve]
    assert losses[first_drop - 1] >= min(losses[: first_drop - 1])
    assert len(rates) < 30


def test_learning_rate_falls_evenly_to_zero_where_asked(
    frames: dict[str, Codes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"schedule": "linear", "epochs": 4, "batch": 128, "learning_rate": 0.008}
    seen: list[float] = []
    step = torch.optim.Adam.step

    def watched(self: torch.optim.Adam, *arguments: Any) -> Any:
        seen.append(self.param_groups[0]["lr"])
        return step(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.Adam, "step", watched)
        whole = run(frames, tmp_path / "whole.pt", **options)
    # Four steps an epoch, sixteen in all.
    assert seen == pytest.approx([0.008 * (1 - k / 16) for k in range(16)])
    assert [line.learning_rate for line in whole.curve] == pytest.approx([0.008, 0.006, 0.004, 0.002])

    calls, epoch = 0, loop._epoch

    def killed(*arguments: Any) -> float:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Killed
        return epoch(*arguments)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(loop, "_epoch", killed)
        run(frames, tmp_path / "killed.pt", **options)
    assert equal(run(frames, tmp_path / "killed.pt", **options).state, whole.state)


def test_learning_rate_falls_at_milestones(frames: dict[str, Codes], tmp_path: Path) -> None:
    options: dict[str, Any] = {"schedule": "steps", "milestones": (2, 4), "factor": 0.1, "epochs": 4}
    outcome = run(frames, tmp_path / "t.pt", learning_rate=0.01, **options)
    assert [line.learning_rate for line in outcome.curve] == pytest.approx([0.01, 0.001, 0.001, 0.0001])


def test_rates_of_the_densenets_authors() -> None:
    settings = Settings(120, 64, 0.1, 0.1, 0, schedule="steps", milestones=(90, 110))
    rates = [settings.rate(epoch) for epoch in (1, 89, 90, 109, 110, 120)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_sgd_with_momentum_and_weight_decay_by_hand() -> None:
    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(module.weight, 2.0)
    settings = Settings(1, 1, 0.1, 0.5, 0, optimiser="sgd", momentum=0.5, weight_decay=0.01)
    optimiser = loop._optimiser(module, settings)  # type: ignore[arg-type]
    weights = []
    for _ in range(2):
        optimiser.zero_grad()
        module(torch.tensor([[3.0]])).sum().backward()
        optimiser.step()
        weights.append(float(module.weight.detach()))
    # Gradient 3 + 0.01 w; velocity v = 0.5 v + gradient; step 0.1 v.
    first = 2.0 - 0.1 * (3 + 0.02)
    assert weights == pytest.approx([first, first - 0.1 * (0.5 * 3.02 + 3 + 0.01 * first)])


def test_a_killed_run_of_sgd_ends_with_the_same_result(frames: dict[str, Codes], tmp_path: Path) -> None:
    options = {"optimiser": "sgd", "schedule": "steps", "milestones": (2,), "learning_rate": 0.05}
    whole = run(frames, tmp_path / "whole.pt", epochs=3, **options)
    run(frames, tmp_path / "killed.pt", epochs=1, **options)
    assert equal(run(frames, tmp_path / "killed.pt", epochs=3, **options).state, whole.state)


def test_wrong_milestones() -> None:
    with pytest.raises(InputError, match=r"train.milestones must be given where the schedule is steps"):
        small_recipe(train={"schedule": "steps"})
    with pytest.raises(InputError, match=r"prune.milestones must be given where .* and only there"):
        small_recipe(prune={"milestones": [3]})
    with pytest.raises(InputError, match=r"train.milestones must be epochs in rising order"):
        small_recipe(train={"schedule": "steps", "milestones": [9, 3]})


def test_training_gives_up_without_a_better_accuracy(frames: dict[str, Codes], tmp_path: Path) -> None:
    outcome = run(frames, tmp_path / "t.pt", epochs=30, learning_rate=1e-9, give_up_after=2, factor=0.9)
    accuracies = [line.validation_accuracy for line in outcome.curve]
    best = max(range(len(accuracies)), key=lambda k: (accuracies[k], -k))
    assert len(accuracies) == best + 3


def test_rotation_turns_frames_by_quarters() -> None:
    signal = torch.tensor([[[100, 20], [-128, 5]]], dtype=torch.int8).repeat(4, 1, 1)
    turned = loop.rotated(signal, torch.arange(4))
    assert turned.dtype == torch.int8
    value = torch.view_as_complex(signal.float().clamp(min=-127).contiguous())
    found = torch.view_as_complex(turned.float().contiguous())
    for quarters in range(4):
        assert torch.equal(found[quarters], value[quarters] * 1j**quarters)


def test_a_killed_run_with_rotation_ends_with_the_same_result(
    frames: dict[str, Codes], tmp_path: Path
) -> None:
    whole = run(frames, tmp_path / "whole.pt", rotate=True, epochs=2)
    run(frames, tmp_path / "killed.pt", rotate=True, epochs=1)
    assert equal(run(frames, tmp_path / "killed.pt", rotate=True, epochs=2).state, whole.state)


def test_checkpoint_is_plain(frames: dict[str, Codes], tmp_path: Path) -> None:
    run(frames, tmp_path / "t.pt", epochs=1)
    assert load_state(tmp_path / "t.pt").keys() >= {"network", "optimiser", "plateau", "curve"}
    assert [path.name for path in tmp_path.iterdir()] == ["t.pt"]
