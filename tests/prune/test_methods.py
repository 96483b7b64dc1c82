"""Every method through the stage: the counted sparsity, masks that stay, a killed run that ends the same."""

from pathlib import Path
from typing import Any

import pytest
import torch

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.prune import rounds
from fpga_flow.prune.masks import density
from fpga_flow.prune.penalty import penalty_of
from fpga_flow.stages import prune as prune_stage
from fpga_flow.stages import train as train_stage
from fpga_flow.train import loop
from fpga_flow.train.checkpoint import CHECKPOINT, load_checkpoint
from fpga_flow.train.dataset import Codes
from fpga_flow.train.general import as_module, network_of
from fpga_flow.train.network import load_network
from fpga_flow.train.state import new_state
from tests.train.frames import small_recipe
from tests.train.test_fast import CLASSES
from tests.train.test_stage import run

METHODS = ("lr-rewinding", "l1", "one-shot", "polynomial", "constant")


@pytest.fixture(autouse=True)
def _tones(frames: dict[str, Codes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fpga_flow.train.threads.TORCH_THREADS", 1)  # all tensors are small here
    for stage in (train_stage, prune_stage):
        monkeypatch.setattr(stage, "load_codes", lambda recipe, split, cache: frames[split])


def recipe_of(**prune: Any) -> Recipe:
    return small_recipe(
        train={"epochs": 2, "batch": 64},
        prune={"epochs": 2, "rate": 0.4, "sparsity": 0.6, "frequency": 3, **prune},
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, frames: dict[str, Codes]) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "train"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_stage, "load_codes", lambda recipe, split, cache: frames[split])
        run(train_stage, recipe_of(), folder)
    return folder


@pytest.mark.parametrize("method", METHODS)
def test_method_ends_at_its_sparsity_with_zeros_in_the_exported_module(
    method: str, trained: Path, tmp_path: Path
) -> None:
    recipe = recipe_of(method=method)
    result = run(prune_stage, recipe, tmp_path / "prune", train=trained)
    assert result["method"] == method
    assert result["left"] == pytest.approx(0.4 * result["weights"], abs=2)
    assert len(result["rounds"]) == (2 if method in ("lr-rewinding", "l1") else 1)
    assert all(line["epochs"] == 2 for line in result["rounds"])
    state = load_checkpoint(tmp_path / "prune" / CHECKPOINT)
    module = load_network(recipe, tmp_path / "prune" / CHECKPOINT)
    for name, block in module.layers.items():
        mask = state["layers"][name]["mask"]
        assert not state["layers"][name]["weight"][~mask].any()
        assert not block.linear.quant_weight().value[~mask].any()


@pytest.mark.parametrize("method", ["polynomial", "lr-rewinding"])
def test_killed_run_ends_the_same(
    method: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(method=method)
    whole = run(prune_stage, recipe, tmp_path / "whole", train=trained)
    save = loop.save_state

    def killed(path: Path, state: Any) -> None:
        save(path, state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop, "save_state", killed)
        run(prune_stage, recipe, tmp_path / "killed", train=trained)
    assert run(prune_stage, recipe, tmp_path / "killed", train=trained) == whole


def test_thresholds_take_the_small_weights_round_by_round(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(method="thresholds", thresholds=[0.02, 0.05], epochs=1, weight_decay=0.01)
    decays, fit = set(), rounds.fit

    def watched(*args: Any, **options: Any) -> Any:
        decays.add(args[3].weight_decay)
        return fit(*args, **options)

    monkeypatch.setattr(rounds, "fit", watched)
    result = run(prune_stage, recipe, tmp_path / "prune", train=trained)
    assert [line["rate"] for line in result["rounds"]] == [0.02, 0.05]
    assert decays == {0.01}
    before = load_checkpoint(trained / CHECKPOINT)["layers"]
    after = load_checkpoint(tmp_path / "prune" / CHECKPOINT)["layers"]
    for name, kept in after.items():
        assert not kept["mask"][before[name]["weight"].abs() < 0.02].any()
        assert not kept["weight"][~kept["mask"]].any()
    first, second = (line["density"] for line in result["rounds"])
    assert 1 > first > second == pytest.approx(result["left"] / result["weights"])


def test_convolutions_lose_filters_and_dense_layers_weights(trained: Path, tmp_path: Path) -> None:
    recipe = recipe_of(method="one-shot", criterion="slimming", dense_criterion="magnitude", sparsity=0.5)
    run(prune_stage, recipe, tmp_path / "prune", train=trained)
    layers = load_checkpoint(tmp_path / "prune" / CHECKPOINT)["layers"]
    convolutions = [kept["mask"].flatten(1) for kept in layers.values() if kept["weight"].dim() == 3]
    dense = [kept["mask"] for kept in layers.values() if kept["weight"].dim() == 2]
    assert all(torch.equal(mask.any(1), mask.all(1)) for mask in convolutions)
    total, gone = (
        sum(sizes) for sizes in zip(*((m.numel(), int((~m).sum())) for m in convolutions), strict=True)
    )
    assert 0.5 * total <= gone < 0.5 * total + max(mask[0].numel() for mask in convolutions)
    weights = sum(mask.numel() for mask in dense)
    assert sum(int(mask.sum()) for mask in dense) == weights - round(0.5 * weights)


def test_gradual_updates_follow_the_equation(frames: dict[str, Codes], tmp_path: Path) -> None:
    # 512 frames in batches of 64 are 8 steps an epoch, 16 in all: from step 4 to step 11, every third one.
    recipe = recipe_of(method="polynomial", begin=0.25, end=0.75)
    state = new_state(recipe, CLASSES, 2)
    network = network_of(recipe, state)
    trainer = rounds.RoundTrainer(network, recipe, frames["train"], frames["validation"], tmp_path)
    update, seen = trainer._gradually(state), []
    for step in range(16):
        update(network, step)
        seen.append(1 - density(network.state()))
    wanted = {step: 0.6 - 0.6 * (1 - (step - 4) / 7) ** 3 for step in (4, 7, 10, 11)}
    expected = [wanted[max(s for s in wanted if s <= step)] if step >= 4 else 0.0 for step in range(16)]
    assert seen == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("as_fast", [True, False])
def test_penalties_are_the_norms(as_fast: bool) -> None:
    recipe = recipe_of(method="l1", criterion="slimming", l1=0.5, scale_l1=0.25)
    state = new_state(recipe, CLASSES, 2)
    for kept in state["layers"].values():
        kept["weight"] = torch.full_like(kept["weight"], -0.125)
        if "gamma" in kept:
            kept["gamma"] = torch.full_like(kept["gamma"], 2.0)
    network = network_of(recipe, state if as_fast else as_module(state))
    penalty = penalty_of(recipe.prune)
    assert penalty is not None
    weights = sum(kept["weight"].numel() for kept in state["layers"].values())
    scales = sum(len(kept["gamma"]) for kept in state["layers"].values() if "gamma" in kept)
    assert penalty(network).item() == pytest.approx(0.5 * 0.125 * weights + 0.25 * 2.0 * scales, rel=1e-5)
    assert penalty_of(recipe_of(method="imp").prune) is None


def test_wrong_order_of_begin_and_end() -> None:
    with pytest.raises(InputError, match=r"prune.end must be later than begin"):
        recipe_of(method="polynomial", begin=0.5, end=0.5)
