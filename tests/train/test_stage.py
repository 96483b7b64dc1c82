"""The stages `train` and `prune` from recipe to result, on frames of tones."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from fpga_flow.core import places
from fpga_flow.core.artifact import read_result, write_result
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.pipeline.flow import Context
from fpga_flow.prune import rounds as rounds_of_pruning
from fpga_flow.stages import prune as prune_stage
from fpga_flow.stages import train as train_stage
from fpga_flow.train.checkpoint import CHECKPOINT, load_checkpoint
from fpga_flow.train.dataset import Codes
from fpga_flow.train.network import load_network
from tests.train.frames import small_recipe


@pytest.fixture(autouse=True)
def _tones(frames: dict[str, Codes], monkeypatch: pytest.MonkeyPatch) -> None:
    for stage in (train_stage, prune_stage):
        monkeypatch.setattr(stage, "load_codes", lambda recipe, split, cache: frames[split])


def run(stage: Any, recipe: Recipe, folder: Path, **inputs: Path) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    write_result(folder, stage.run(Context(recipe, folder, inputs, folder.parent / "cache")))
    return read_result(folder)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    run(train_stage, trained_recipe(), tmp_path / "train")
    return tmp_path / "train"


def trained_recipe(**parts: Any) -> Recipe:
    train = {"epochs": 4, "batch": 32, "learning_rate": 0.01, **parts.pop("train", {})}
    prune = {"epochs": 3, "rounds": 3, "target": 3.0, "learning_rate": 0.005, **parts.pop("prune", {})}
    return small_recipe(train=train, prune=prune, **parts)


def accuracy_of(network: torch.nn.Module, frames: Codes) -> float:
    with torch.no_grad():
        logits = network(frames.codes.transpose(1, 2).float() / 64)
    return float((logits.argmax(1) == frames.labels).double().mean())


def test_train_result_is_that_of_its_checkpoint(tmp_path: Path, frames: dict[str, Codes]) -> None:
    recipe = trained_recipe(train={"float_epochs": 2})
    result = run(train_stage, recipe, tmp_path / "train")
    assert result["accuracy"]["quantised"] > 0.9
    assert result["accuracy"]["float"] > 0.5
    assert result["samples"] == 128
    assert result["by_snr"].keys() == {"0", "10"}
    assert result["by_class"].keys() == set(frames["test"].classes)
    assert result["classes"] == frames["test"].classes
    assert result["data"]["snr_db"] == [0, 10]
    network = load_network(recipe, tmp_path / "train" / CHECKPOINT)
    assert accuracy_of(network, frames["test"]) == pytest.approx(result["accuracy"]["quantised"], abs=1e-6)
    curve = json.loads((tmp_path / "train" / "curve.json").read_text())
    assert [len(curve[phase]) for phase in ("float", "quantised")] == [2, 4]
    assert not list((tmp_path / "train").glob("training-*"))


@pytest.mark.parametrize("method", ["imp", "fmp"])
def test_prune_result_is_that_of_its_checkpoint(method: str, trained: Path, frames: dict[str, Codes]) -> None:
    recipe = trained_recipe(prune={"method": method})
    result = run(prune_stage, recipe, trained.parent / "prune", train=trained)
    passed = [line for line in result["rounds"] if line["passed"]]
    assert passed
    # Counted, of what was left each time.
    left = result["weights"]
    for line in passed:
        left -= round(line["rate"] * left)
    assert result["left"] == left
    assert result["nonzero"] <= left
    assert sum(layer["left"] for layer in result["layers"]) == left
    assert [layer["name"] for layer in result["layers"]][0] == "conv1"
    assert all(line["accuracy"] >= result["target"] for line in passed)
    network = load_network(recipe, trained.parent / "prune" / CHECKPOINT)
    assert accuracy_of(network, frames["test"]) == pytest.approx(result["accuracy"]["pruned"], abs=1e-6)
    nonzero = sum(int((block.linear.weight != 0).sum()) for block in network.blocks.values())  # type: ignore
    assert nonzero == result["nonzero"]
    history = json.loads((trained.parent / "prune" / "history.json").read_text())
    assert history["rounds"] == result["rounds"]
    assert not list((trained.parent / "prune").glob("round-*"))


def test_method_none_passes_the_checkpoint_through(trained: Path) -> None:
    result = run(
        prune_stage, trained_recipe(prune={"method": "none"}), trained.parent / "prune", train=trained
    )
    assert (trained.parent / "prune" / CHECKPOINT).read_bytes() == (trained / CHECKPOINT).read_bytes()
    assert result["left"] == result["weights"]
    unpruned = json.loads((trained / "result.json").read_text())
    assert result["accuracy"]["pruned"] == unpruned["accuracy"]["quantised"]
    assert result["samples"] == 128


@pytest.mark.parametrize("killed_in", [0, 1, 2])
def test_killed_pruning_goes_on_and_ends_the_same(
    killed_in: int, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = trained_recipe()
    whole = run(prune_stage, recipe, trained.parent / "whole", train=trained)
    rounds: list[int] = []
    fit = rounds_of_pruning.fit

    def killed(*arguments: Any, **named: Any) -> Any:
        outcome = fit(*arguments, **named)
        rounds.append(1)
        if len(rounds) == killed_in + 1:
            raise KeyboardInterrupt  # the round is trained, but not yet in the history
        return outcome

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(rounds_of_pruning, "fit", killed)
        run(prune_stage, recipe, trained.parent / "killed", train=trained)
    history = json.loads((trained.parent / "killed" / "history.json").read_text())
    assert len(history["rounds"]) == killed_in
    again = run(prune_stage, recipe, trained.parent / "killed", train=trained)
    assert again == whole
    a, b = (load_checkpoint(trained.parent / name / CHECKPOINT) for name in ("whole", "killed"))
    for name, kept in a["layers"].items():
        assert torch.equal(kept["weight"], b["layers"][name]["weight"])


def test_wrong_absolute_target_that_is_out_of_reach(
    trained: Path, frames: dict[str, Codes], monkeypatch: pytest.MonkeyPatch
) -> None:
    mislabelled = replace(frames["train"], labels=frames["train"].labels.roll(1))
    monkeypatch.setattr(prune_stage, "load_codes", lambda recipe, split, cache: mislabelled)
    recipe = trained_recipe(prune={"target": 99.0, "target_is": "absolute", "learning_rate": 1e-6})
    with pytest.raises(InputError, match=r"prune.target: the unpruned network reaches .* at least 99.00%"):
        run(prune_stage, recipe, trained.parent / "prune", train=trained)


def test_absolute_target_is_a_percentage() -> None:
    recipe = trained_recipe(prune={"target": 56.0, "target_is": "absolute"})
    assert prune_stage.target_accuracy(recipe.prune, 0.9) == pytest.approx(0.56)
    recipe = trained_recipe(prune={"target": 1.0})
    assert prune_stage.target_accuracy(recipe.prune, 0.9) == pytest.approx(0.89)


@pytest.fixture
def committed(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Puts the trained network where committed checkpoints are; returns its name in a recipe."""
    (tmp_path / "models" / "vgg10").mkdir(parents=True)
    (tmp_path / "models" / "vgg10" / "net.pt").write_bytes((trained / CHECKPOINT).read_bytes())
    monkeypatch.setattr(places, "HOME", tmp_path)
    return "models/vgg10/net.pt"


def test_committed_checkpoint_is_taken_as_it_stands(committed: str, trained: Path, tmp_path: Path) -> None:
    result = run(train_stage, trained_recipe(train={"checkpoint": committed}), tmp_path / "again")
    before = json.loads((trained / "result.json").read_text())
    assert result["accuracy"]["quantised"] == before["accuracy"]["quantised"]
    assert result["epochs"] == {}
    assert committed in result["origin"]


def test_committed_checkpoint_of_other_bits_is_trained_further(committed: str, tmp_path: Path) -> None:
    recipe = trained_recipe(
        train={"checkpoint": committed, "epochs": 1}, quant={"weight_bits": 3, "act_bits": 3}
    )
    result = run(train_stage, recipe, tmp_path / "again")
    assert result["epochs"] == {"quantised": 1}
    # Far better than chance (0.25) after one epoch: it did not start from nothing.
    assert result["accuracy"]["quantised"] > 0.8
    assert load_checkpoint(tmp_path / "again" / CHECKPOINT)["weight_bits"] == 3


def test_post_training_quantisation_takes_the_float_network_as_it_is(
    tmp_path: Path, frames: dict[str, Codes]
) -> None:
    recipe = trained_recipe(train={"float_epochs": 5, "epochs": 0}, quant={"weight_bits": 6, "act_bits": 6})
    result = run(train_stage, recipe, tmp_path / "train")
    assert result["epochs"] == {"float": 5}
    assert result["accuracy"]["float"] > 0.9
    assert result["accuracy"]["quantised"] > result["accuracy"]["float"] - 0.1
    network = load_network(recipe, tmp_path / "train" / CHECKPOINT)
    assert accuracy_of(network, frames["test"]) == pytest.approx(result["accuracy"]["quantised"], abs=1e-6)
    floats, quantised = (load_checkpoint(tmp_path / "train" / name) for name in ("float.pt", CHECKPOINT))
    for name, kept in floats["layers"].items():
        assert torch.equal(kept["weight"], quantised["layers"][name]["weight"])


def test_wrong_epochs_where_there_is_nothing_to_quantise(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"train.epochs: must be 1 or more where there is no float network"):
        run(train_stage, trained_recipe(train={"epochs": 0}), tmp_path / "train")


def test_wrong_width_for_the_committed_checkpoint(committed: str, tmp_path: Path) -> None:
    recipe = trained_recipe(train={"checkpoint": committed}, model={"width": 32})
    with pytest.raises(InputError, match="width is 16, the recipe's is 32.*--from-scratch"):
        run(train_stage, recipe, tmp_path / "again")


def test_train_goes_on_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = trained_recipe(train={"float_epochs": 1})
    whole = run(train_stage, recipe, tmp_path / "whole")
    fit, calls = train_stage.fit, 0

    def killed(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        outcome = fit(*arguments, **named)
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return outcome

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(train_stage, "fit", killed)
        run(train_stage, recipe, tmp_path / "killed")
    again = run(train_stage, recipe, tmp_path / "killed")
    assert again["accuracy"] == whole["accuracy"]
