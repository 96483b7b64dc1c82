"""Surgery in a recipe: within the stage `prune`, and on to the simulated RTL."""

from pathlib import Path
from typing import Any

import pytest
import torch

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import make_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.pipeline.flow import Context
from fpga_flow.results.prune import PruneResult
from fpga_flow.scores.counts import as_json
from fpga_flow.scores.source import network_in
from fpga_flow.stages import prune as prune_stage
from fpga_flow.surgery.operation import operated
from fpga_flow.train.checkpoint import CHECKPOINT, load_checkpoint, save_state
from fpga_flow.train.dataset import Codes
from fpga_flow.train.network import load_network
from fpga_flow.train.state import new_state
from tests.train.frames import small_recipe, tones


def pruned_recipe(**surgery: Any) -> Recipe:
    prune = {"method": "one-shot", "criterion": "l1-filters", "sparsity": 0.4, "epochs": 1}
    return small_recipe(prune=prune, surgery=surgery)


def run(recipe: Recipe, folder: Path, frames: Codes, monkeypatch: pytest.MonkeyPatch) -> PruneResult:
    monkeypatch.setattr("fpga_flow.train.threads.TORCH_THREADS", 1)
    monkeypatch.setattr(prune_stage, "load_codes", lambda *_: frames)
    for name in ("train", "prune"):
        (folder / name).mkdir()
    save_state(folder / "train" / CHECKPOINT, new_state(recipe, frames.classes, 2))
    context = Context(recipe, folder / "prune", {"train": folder / "train"}, folder / "cache")
    return prune_stage.run(context)


def test_pruned_filters_go_and_the_smaller_network_is_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = pruned_recipe(channels="idle", epochs=1)
    result = run(recipe, tmp_path, tones(128, 1), monkeypatch)
    done = result.surgery
    assert done
    # The filters were silent since they were pruned: taking them out changes nothing.
    assert done.validation.before == done.validation.after
    assert done.validation.trained is not None
    kept = load_checkpoint(tmp_path / "prune" / CHECKPOINT)
    widths = [layer["weight"].shape[0] for layer in kept["layers"].values()]
    assert all(width < 16 for width in widths[:-1]) and widths[-1] == 4
    assert done.weights.after == result.weights < done.weights.before
    assert all(layer["mask"].flatten(1).any(1).all() for layer in kept["layers"].values())
    # Its own widths are what is exported, and what its cost is counted from.
    network = load_network(recipe, tmp_path / "prune" / CHECKPOINT)
    with torch.no_grad():
        assert network(torch.rand(2, 2, 128)).shape == (2, 4)
    counted = as_json(network_in(tmp_path / "prune" / CHECKPOINT).operations)
    assert counted["total"]["weights"] == result.weights


def test_part_whose_absence_changes_positions_is_named(tmp_path: Path) -> None:
    frames = tones(32, 1)
    recipe = small_recipe(surgery={"remove": ["conv4"]})
    with pytest.raises(
        InputError, match=r"surgery.remove: without conv4 frames do not come out in the shape"
    ):
        operated(recipe, new_state(recipe, frames.classes, 2), frames, frames, tmp_path)


def test_nothing_is_taken_out_unless_the_recipe_says_so() -> None:
    assert not make_recipe({"name": "x"}).surgery.operates
    assert make_recipe({"name": "x", "surgery": {"remove": ["block4"]}}).surgery.operates
