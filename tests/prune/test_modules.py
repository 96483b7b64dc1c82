"""Models that are no chain, through the stage: what is pruned, and by which criterion."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.core.recipe import make_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.pruning import PruneRecipe
from fpga_flow.prune.norms import norms_behind
from fpga_flow.stages import prune as prune_stage
from fpga_flow.stages.prune import shortfall
from fpga_flow.train.checkpoint import CHECKPOINT, load_checkpoint, save_state
from fpga_flow.train.dataset import Codes
from fpga_flow.train.general import GeneralNetwork, first_state, network_of
from fpga_flow.train.layers import weighted
from fpga_flow.train.network import load_network
from tests.train.frames import tones
from tests.train.test_stage import run

CLASSES = [f"tone{k}" for k in range(4)]
MODELS: dict[str, dict[str, Any]] = {
    "bacalhaunet": {"model": {"width": 6}, "quant": {"weight_bits": 6, "act_bits": 6}},
    "densenet": {"model": {"width": 4, "parts": [1, 1, 1, 1]}, "quant": {"weight_bits": 4, "act_bits": 4}},
}


def pictures(frames: int, seed: int) -> Codes:
    """A bright quarter of the picture, a class each."""
    rng = np.random.default_rng(seed)
    labels = np.arange(frames) % 4
    codes = rng.integers(0, 128, (frames, 16, 16, 1), dtype=np.uint8)
    for k, label in enumerate(labels):
        codes[k, 8 * (label // 2) : 8 * (label // 2) + 8, 8 * (label % 2) : 8 * (label % 2) + 8] += 127
    return Codes(torch.from_numpy(codes), torch.from_numpy(labels), None, CLASSES, True, "bright quarters")


DATA = {"bacalhaunet": tones, "densenet": pictures}


def recipe_of(name: str, **prune: Any) -> Recipe:
    own = MODELS[name]
    table = {
        "name": name,
        "model": {"name": name, **own["model"]},
        "quant": own["quant"],
        "train": {"batch": 32},
        "prune": {"epochs": 1, "rate": 0.5, "sparsity": 0.5, "learning_rate": 0.01, **prune},
    }
    return make_recipe(table)


def pruned(recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    name = recipe.model.name
    frames = {split: DATA[name](64, seed) for seed, split in enumerate(("train", "validation", "test"))}
    monkeypatch.setattr("fpga_flow.train.threads.TORCH_THREADS", 1)
    monkeypatch.setattr(prune_stage, "load_codes", lambda recipe, split, cache: frames[split])
    state = first_state(recipe, CLASSES, frames["train"].channels)
    network = network_of(recipe, state)
    assert isinstance(network, GeneralNetwork)
    network.calibrate(frames["train"].codes, recipe.train.calibration)
    (tmp_path / "train").mkdir()
    save_state(tmp_path / "train" / CHECKPOINT, network.state())
    return run(prune_stage, recipe, tmp_path / "prune", train=tmp_path / "train")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "prune",
    [
        {"method": "lr-rewinding", "rate": 0.3},
        {"method": "polynomial", "criterion": "slimming", "frequency": 1},
        {"method": "one-shot", "criterion": "l1-filters", "optimiser": "sgd"},
    ],
)
def test_modules_are_pruned_to_the_sparsity_and_their_zeros_stay(
    name: str, prune: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(name, **prune)
    result = pruned(recipe, tmp_path, monkeypatch)
    state = load_checkpoint(tmp_path / "prune" / CHECKPOINT)
    masks = {layer: kept["mask"] for layer, kept in state["layers"].items()}
    whole = "criterion" in prune
    one = max(mask[0].numel() for mask in masks.values()) if whole else 1
    gone = result["weights"] - result["left"]
    assert 0.5 * result["weights"] - 1 <= gone <= 0.5 * result["weights"] + one
    module = load_network(recipe, tmp_path / "prune" / CHECKPOINT)
    for path, layer in weighted(module).items():
        assert not layer.quant_weight().value[~masks[path]].any()
        if whole:
            assert torch.equal(masks[path].flatten(1).any(1), masks[path].flatten(1).all(1))
            assert masks[path].any()
    if whole:
        assert masks["classes"].all()


def test_norms_behind_a_dense_block() -> None:
    recipe = recipe_of("densenet")
    network = network_of(recipe, first_state(recipe, CLASSES, 1))
    assert isinstance(network, GeneralNetwork)
    norms = norms_behind(network)
    assert norms.keys() == network.weights.keys()
    keys = {name: [[key for key, _ in own] for own in rows] for name, rows in norms.items()}
    # Growth 4, first layer 8 filters: block 1 reads them, then the transition reads all 12 channels.
    bottleneck = next(name for name in keys if "bottleneck" in name)
    growth = bottleneck.replace("bottleneck", "growth")
    norm = bottleneck.rsplit(".", 1)[0] + ".0.weight"
    assert len(keys["first"]) == 8 and all(norm in own and len(own) == 2 for own in keys["first"])
    assert keys[bottleneck] == [[growth.rsplit(".", 1)[0] + ".0.weight"]] * 16
    transition = keys["first"][0][1]
    assert keys[growth] == [[transition]] * 4
    assert [entry for ((_, entry),) in norms[growth]] == [8, 9, 10, 11]
    assert keys["classes"] == [[]] * 4


def test_a_sum_and_a_depthwise_layer_pass_the_same_norms() -> None:
    recipe = recipe_of("bacalhaunet")
    network = network_of(recipe, first_state(recipe, CLASSES, 2))
    assert isinstance(network, GeneralNetwork)
    norms = norms_behind(network)
    # The second block adds its input: the pointwise layers of the first two make the same channels.
    assert norms["blocks.0.pointwise"] == norms["blocks.1.pointwise"]
    assert norms["blocks.1.depthwise"] == norms["blocks.0.pointwise"]
    keys = [key for key, _ in norms["blocks.0.pointwise"][3]]
    assert {"blocks.0.norm.weight", "blocks.1.norm.weight", "blocks.1.depthwise_norm.weight"} <= set(keys)


def test_missed_sparsity_is_told_with_the_reason() -> None:
    def told(reached: float, rounds: int, **settings: Any) -> str | None:
        recipe = {"sparsity": 0.8, "rounds": 3, **settings}
        return shortfall(PruneRecipe.model_validate(recipe), reached, rounds)

    assert told(0.81, 1, method="one-shot") is None and told(0.1, 1, method="imp") is None
    assert told(0.5, 3, method="l1") == (
        "sparsity 50.00%, 30.00% less than prune.sparsity: "
        "3 rounds (prune.rounds) are too few for prune.rate 0.2"
    )
    assert "30.00% less than prune.sparsity: nothing more can go" in str(told(0.5, 1, method="one-shot"))


def test_wrong_network_whose_channels_cannot_be_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_of("bacalhaunet")
    network = network_of(recipe, first_state(recipe, CLASSES, 2))
    assert isinstance(network, GeneralNetwork)
    monkeypatch.setattr(type(network.network), "forward", lambda self, x: torch.sort(self.input(x)).values)
    with pytest.raises(UnsupportedError):
        norms_behind(network)
