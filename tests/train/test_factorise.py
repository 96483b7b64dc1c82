"""Low-rank factorisation: the factors by hand, the same function at full rank, and through the stages."""

from pathlib import Path

import brevitas.nn as qnn
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import make_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.stages import prune as prune_stage
from fpga_flow.stages import train as train_stage
from fpga_flow.train.checkpoint import CHECKPOINT, load_checkpoint
from fpga_flow.train.dataset import Codes
from fpga_flow.train.factorise import factorised, rank_for, svd, tucker
from fpga_flow.train.general import GeneralNetwork, factorise, first_state, network_of
from fpga_flow.train.network import load_network, module_of
from tests.train.frames import small_recipe
from tests.train.test_fast import few_steps, make
from tests.train.test_stage import accuracy_of, run, trained_recipe


def test_singular_values_by_hand() -> None:
    # Of diag(4, 3) times rotations that are none: squares 16 and 9, of 25.
    matrix = torch.tensor([[0.0, 3.0], [4.0, 0.0], [0.0, 0.0]])
    assert [rank_for(matrix, energy) for energy in (0.5, 0.64, 0.65, 0.99)] == [1, 1, 2, 2]
    left, right = svd(matrix, 1)
    assert torch.allclose(left @ right, torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 0.0]]), atol=1e-6)
    # Shared out evenly: 2 in each.
    assert float(left.norm()) == pytest.approx(2.0) and float(right.norm()) == pytest.approx(2.0)


def test_tucker_by_hand() -> None:
    # One input channel and one output channel at work: ranks 1 and 1 are exact.
    weight = torch.einsum("o,i,k->oik", torch.tensor([3.0, 4.0]), torch.tensor([0.0, 1.0]), torch.ones(3))
    first, core, last = tucker(weight, 1, 1)
    assert (first.shape, core.shape, last.shape) == ((1, 2), (1, 1, 3), (2, 1))
    assert torch.allclose(torch.einsum("os,sjk,ji->oik", last, core, first), weight, atol=1e-6)
    assert float(core.abs().max()) == pytest.approx(5.0)


@pytest.mark.parametrize("method", ["svd", "spatial", "tucker"])
def test_factors_at_full_rank_are_the_layer(method: str) -> None:
    torch.manual_seed(0)
    layer = qnn.QuantConv2d(3, 4, 3, padding=1, stride=2, bias=True, weight_bit_width=8)
    network = nn.Sequential(layer)
    state = {"layers": {"0": {"weight": layer.weight.detach(), "mask": None}}, "rest": {"0.bias": layer.bias}}
    recipe = small_recipe(
        train={"factorise": {"method": method, "ranks": {"0": 12 if method != "tucker" else 4}}}
    )
    if method == "svd":
        recipe = small_recipe(train={"factorise": {"method": method, "ranks": {"0": 4}}})
    if method == "spatial":
        recipe = small_recipe(train={"factorise": {"method": method, "ranks": {"0": 9}}})
    found = factorised(recipe, network, state)
    x = torch.randn(2, 3, 8, 8)
    y, strides = x, {"svd": (2, 1), "spatial": ((2, 1), (1, 2)), "tucker": (1, 2, 1)}[method]
    pads = {"svd": (1, 0), "spatial": ((1, 0), (0, 1)), "tucker": (0, 1, 0)}[method]
    for (name, kept), stride, pad in zip(found["layers"].items(), strides, pads, strict=True):
        y = F.conv2d(y, kept["weight"], found["rest"].get(f"{name}.bias"), stride, pad)
    expected = F.conv2d(x, layer.weight, layer.bias, 2, 1)
    assert torch.allclose(y, expected, atol=1e-4)


def factor_recipe(**factors: object) -> Recipe:
    settings = {"method": "svd", "energy": 0.8, "layers": ["conv2", "dense*"], **factors}
    return trained_recipe(train={"factorise": settings, "float_epochs": 3, "epochs": 3})


def test_network_of_factors_is_the_float_network(frames: dict[str, Codes]) -> None:
    floats = make(small_recipe(), rounded=False)
    few_steps(floats, frames["train"], steps=3)
    # Full ranks: the product of the factors is the layer.
    recipe = factor_recipe(ranks={"conv2": 16, "dense1": 16, "classes": 4}, layers=[])
    state = factorise(recipe, floats.state())
    assert state["factors"]["classes"] == {"method": "svd", "ranks": [4]}
    assert {"conv2.linear.0", "conv2.linear.2", "conv1"} <= set(state["layers"])
    whole = network_of(recipe, factorise(factor_recipe(layers=[]), floats.state()), rounded=False).eval()
    thin = network_of(recipe, state, rounded=False).eval()
    assert isinstance(thin, GeneralNetwork)
    with torch.no_grad():
        a, b = whole(frames["test"].codes[:16]), thin(frames["test"].codes[:16])
    assert torch.allclose(a, b, atol=1e-3 * float(a.std()))


def test_factors_through_the_stages(
    frames: dict[str, Codes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fpga_flow.train.threads.TORCH_THREADS", 1)
    for stage in (train_stage, prune_stage):
        monkeypatch.setattr(stage, "load_codes", lambda recipe, split, cache: frames[split])
    recipe = factor_recipe()
    result = run(train_stage, recipe, tmp_path / "train")
    assert result["accuracy"]["quantised"] > 0.8
    kept = load_checkpoint(tmp_path / "train" / CHECKPOINT)
    assert "dense1" in kept["factors"]
    whole = sum(layer["weight"].numel() for layer in make(small_recipe()).state()["layers"].values())
    assert sum(layer["weight"].numel() for layer in kept["layers"].values()) < whole
    pruned = recipe.model_copy(
        update={"prune": recipe.prune.model_copy(update={"method": "imp", "rounds": 1})}
    )
    result = run(prune_stage, pruned, tmp_path / "prune", train=tmp_path / "train")
    network = load_network(pruned, tmp_path / "prune" / CHECKPOINT)
    assert accuracy_of(network, frames["test"]) == pytest.approx(result["accuracy"]["pruned"], abs=1e-6)


def test_every_method_builds_for_pictures() -> None:
    base = {
        "name": "x",
        "model": {"name": "cnv", "width": 8, "dense": 16},
        "quant": {"weight_bits": 4, "act_bits": 4},
    }
    plain = first_state(make_recipe(base), ["a", "b"], 3)
    for method in ("svd", "spatial", "tucker"):
        recipe = make_recipe({**base, "train": {"factorise": {"method": method, "energy": 0.5}}})
        state = factorise(recipe, plain)
        assert len(state["factors"]) > 3
        with torch.no_grad():
            logits = module_of(recipe, state)(torch.rand(2, 3, 32, 32))
        assert getattr(logits, "value", logits).shape == (2, 2)


def test_wrong_layers_ranks_and_starts(tmp_path: Path) -> None:
    floats = make(small_recipe(), rounded=False).state()
    with pytest.raises(InputError, match=r"train.factorise: 'conv9' is no layer; there are conv1, "):
        factorise(factor_recipe(layers=["conv9"]), floats)
    with pytest.raises(InputError, match=r"ranks: classes must have a rank of at most 4, not 9"):
        factorise(factor_recipe(ranks={"classes": 9}), floats)
    recipe = trained_recipe(train={"factorise": {"method": "svd"}})
    with pytest.raises(InputError, match=r"train.factorise.method: must be none where there is no trained"):
        train_stage.train_network(recipe, floats, None, None, tmp_path)  # type: ignore[arg-type]
