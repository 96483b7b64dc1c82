"""Calibration: scales against cases by hand, post-training quantisation of a chain and of modules."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train import layers
from fpga_flow.train.apot import levels
from fpga_flow.train.calibrate import BATCH, best_step, calibrate, calibrate_chain
from fpga_flow.train.dataset import Codes
from fpga_flow.train.evaluate import evaluate
from fpga_flow.train.fast import FastNetwork
from fpga_flow.train.layers import put_activation, put_weights, scale_of, weighted
from fpga_flow.train.loop import Settings, fit
from fpga_flow.train.network import build_network
from fpga_flow.train.spec import chain, quant_of
from fpga_flow.train.state import new_state
from tests.train.frames import small_recipe
from tests.train.test_fast import CLASSES


def test_step_by_hand() -> None:
    values = torch.tensor([-9.0, 0.0, 1.0, 2.0, 3.0])
    assert best_step(values, (0, 1, 2, 3), "max") == 1.0
    assert best_step(values, (0, 1, 2, 3), "mse") == 1.0
    assert best_step(torch.arange(1.0, 1001), (0, 1), "quantile", 0.5) == 500.5
    assert best_step(-values.abs(), (0, 1), "mse") == 0.0


def test_least_error_clips_an_outlier_and_follows_the_levels() -> None:
    values = torch.cat([torch.linspace(0.01, 1, 10_000), torch.tensor([4.0])])
    assert best_step(values, tuple(range(16)), "mse") * 15 < 2
    assert best_step(values, tuple(range(16)), "max") * 15 == pytest.approx(4)
    exact = torch.tensor([float(level) for level in levels(3)])
    assert best_step(exact, levels(3), "mse") == 1.0


def test_scales_are_of_the_first_batch_and_statistics_of_all() -> None:
    network = nn.Sequential(layers.samples(8, 2.0), nn.BatchNorm1d(1), layers.activation(4))
    frames = np.repeat(np.float32([1, -1, 0.5, 1.5]), BATCH // 2).reshape(2 * BATCH, 1, 1)
    calibrate(network, frames, "max")
    norm = network[1]
    assert float(norm.running_mean) == pytest.approx((0 + 1) / 2, abs=0.02)  # type: ignore[arg-type]
    assert float(norm.running_var) == pytest.approx((1 + 0.25) / 2, abs=0.02)  # type: ignore[arg-type]
    # The first batch is -1 and 1 behind the norm, so is the second; in one batch 1.5 would give 1.17.
    assert float(scale_of(network[2]).detach()) == pytest.approx(1, abs=0.02)  # type: ignore[union-attr]
    assert norm.momentum == 0.1
    assert not norm.training


def test_batches_are_of_one_size() -> None:
    network = nn.Sequential(layers.samples(8, 2.0), nn.Flatten(), nn.BatchNorm1d(1), layers.activation(4))
    calibrate(
        network, np.ones((BATCH + 1, 1, 1), np.float32)
    )  # not one of a single frame, which has no variance
    assert int(network[2].num_batches_tracked) == 2  # type: ignore[arg-type]


def test_every_kind_of_scale_is_set() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        layers.samples(8, 2.0), layers.conv1d(2, 8, 3, 4), nn.BatchNorm1d(8), layers.activation(4),
        layers.conv1d(8, 8, 3, 4), nn.BatchNorm1d(8), layers.activation(4),
        nn.Flatten(), layers.dense(128, 5, 4),
    )  # fmt: skip
    put_weights(network[4], 4, apot=True, parameter=False)
    put_activation(network[6], 4, apot=True)
    put_weights(network[8], 3, apot=False, parameter=True)
    with torch.no_grad():
        network[8].weight[0, 0] = 0.3  # type: ignore[operator]
    frames = np.random.default_rng(0).normal(size=(32, 2, 16)).astype(np.float32)
    calibrate(network, frames, "mse")
    found = {
        name: float(scale.detach())
        for name, m in network.named_modules()
        if (scale := scale_of(m)) is not None
    }
    assert found["0"] == 2.0  # the host's
    # Values of about one deviation behind the batch norms.
    assert 1.5 < found["3"] < 4
    assert 1.5 < found["6"] < 6
    assert 1.2 < found["4.weight_quant"] < 2.0  # deviations; the weights are uniform, up to 1.73
    dense = network[8].weight_quant.scale().detach()  # type: ignore[union-attr, operator]
    assert float(dense) * 3 < 0.2  # the outlier is clipped


@pytest.mark.parametrize("scales", ["fixed", "learned"])
def test_scales_are_trained_or_not_as_the_recipe_says(scales: str) -> None:
    network = build_network(small_recipe(quant={"scales": scales}), 4, 2)
    kept = [scale_of(m) for m in (*weighted(network).values(), *layers.activations(network).values())]
    assert len(kept) == 19 and None not in kept
    assert {scale.requires_grad for scale in kept if scale is not None} == {scales == "learned"}


def trained_float(recipe: Recipe, frames: dict[str, Codes], folder: Path) -> FastNetwork:
    layers = chain(recipe, 4, 2)
    network = FastNetwork(layers, quant_of(recipe), new_state(recipe, CLASSES, 2), rounded=False)
    settings = Settings(epochs=5, batch=32, learning_rate=0.01, factor=0.3, patience=2)
    fit(network, frames["train"], frames["validation"], settings, folder / "t.pt", 1, "float")
    return network


def test_float_chain_is_quantised_without_training(frames: dict[str, Codes], tmp_path: Path) -> None:
    recipe = small_recipe(quant={"weight_bits": 4, "act_bits": 4})
    floats = trained_float(recipe, frames, tmp_path)
    state = floats.state()
    # Activations that fill a tenth of their range, and layers behind them that are used to it.
    for name, behind in (("conv1", "conv2"), ("conv2", "conv3")):
        for key in ("gamma", "beta"):
            state["layers"][name][key] *= 0.1
        state["layers"][behind]["mean"] *= 0.1
        state["layers"][behind]["var"] *= 0.01
    network = FastNetwork(chain(recipe, 4, 2), quant_of(recipe), state)
    network.fit_scales()
    before = evaluate(network, frames["test"]).accuracy
    calibrate_chain(network, frames["train"].codes[:128])
    after = evaluate(network, frames["test"]).accuracy
    assert after > before
    assert after > evaluate(floats, frames["test"]).accuracy - 0.1


def test_what_a_chain_clips_it_goes_on_clipping(frames: dict[str, Codes]) -> None:
    recipe = small_recipe(quant={"weight_bits": 8, "act_bits": 8})
    state = new_state(recipe, CLASSES, 2)
    state["layers"]["conv1"]["gamma"] *= 6.0  # most of what is positive lies beyond the largest code
    network = FastNetwork(chain(recipe, 4, 2), quant_of(recipe), state)
    calibrate_chain(network, frames["train"].codes[:128])
    assert float(network.layers[0].gamma.detach().mean()) == pytest.approx(6.0, rel=0.02)


def test_largest_value_of_a_trained_quantiser_does_not_grow() -> None:
    frames = np.linspace(-1, 1, 64, dtype=np.float32).reshape(64, 1, 1)

    def found(clipped: bool) -> float:
        network = nn.Sequential(layers.samples(8, 2.0), nn.BatchNorm1d(1), layers.activation(4))
        scale = scale_of(network[2])
        assert scale is not None
        with torch.no_grad():
            scale.fill_(0.5)
        calibrate(network, frames, "max", clipped=clipped)
        return float(scale.detach())

    assert found(clipped=True) == 0.5
    assert found(clipped=False) == pytest.approx(
        np.sqrt(3), abs=0.05
    )  # of an even distribution's deviation 1
