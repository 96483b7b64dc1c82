"""Bits per layer under a limit: the choice against all others, the cost against the export's, the command."""

import itertools
import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fpga_flow import bit_search
from fpga_flow.cli import main as cli
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import load_recipe
from fpga_flow.export.brevitas_export import export_module
from fpga_flow.export.cost import cost
from fpga_flow.export.walk import to_integers
from fpga_flow.train import layers
from fpga_flow.train.bits import LayerSize, Measure, Option, Reader, choose, falling, options, positions
from fpga_flow.train.checkpoint import save_state
from fpga_flow.train.dataset import Codes
from fpga_flow.train.general import GeneralNetwork, first_state
from fpga_flow.train.network import load_network
from fpga_flow.train.sensitivity import groups_of, readings
from fpga_flow.train.spec import chain
from tests.train.frames import LENGTH, small_recipe
from tests.train.test_fast import CLASSES, few_steps, make


def test_choice_by_hand() -> None:
    cheap, dear = Option((2,), 8, 1.0, 0.9), Option((8,), 8, 4.0, 0.0)
    other = Option((2,), 8, 1.0, 0.2), Option((8,), 8, 4.0, 0.0)
    # 5 (and a little: costs are rounded up) buys one of the two dear ones: that whose cheap one loses more.
    assert choose([[cheap, dear], list(other)], 5.01) == [dear, other[0]]
    assert choose([[cheap, dear], list(other)], 8.01) == [dear, other[1]]
    with pytest.raises(InputError, match=r"--limit: must be at least 2, .* not 1.5"):
        choose([[cheap, dear], list(other)], 1.5)


def test_choice_is_the_best_of_all_and_keeps_the_limit() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        classes = [
            [Option((b,), 8, float(b * rng.integers(1, 50)), float(rng.random() / b)) for b in range(2, 6)]
            for _ in range(4)
        ]
        costs = [sum(o.cost for o in every) for every in itertools.product(*classes)]
        limit = float(np.quantile(costs, 0.3))
        found = choose(classes, limit)
        assert sum(o.cost for o in found) <= limit
        # Costs are rounded up to the grid: the best within a limit that is that much smaller.
        least = min(
            sum(o.loss for o in every)
            for every in itertools.product(*classes)
            if sum(o.cost for o in every) <= limit * (1 - 4 / 8192)
        )
        assert sum(o.loss for o in found) <= least + 1e-12


def test_more_bits_never_lose_more() -> None:
    assert falling({2: 0.5, 3: -0.1, 4: 0.2, 8: 0.0}) == {8: 0.0, 4: 0.2, 3: 0.2, 2: 0.5}


def test_options_of_a_layer_take_the_bits_of_the_layer_before() -> None:
    first, second = LayerSize("a", 10, 4), LayerSize("b", 3, 1)
    assert options([Reader(first, {2: 1.0})], {8: 0.0}, Measure(1.0, 0.0)) == [
        Option((2,), 8, 10 * 4 * 2 * 8, 1.0)
    ]
    found = options([Reader(second, {2: 0.5, 4: 0.1})], {3: 0.25}, Measure(1.0, 0.0))
    assert found == [Option((2,), 3, 3 * 2 * 3, 0.75), Option((4,), 3, 3 * 4 * 3, 0.35)]


def test_options_of_two_layers_that_read_one_activation() -> None:
    first, second = LayerSize("a", 10, 1), LayerSize("b", 1, 1)
    readers = [Reader(first, {2: 0.5, 4: 0.0}), Reader(second, {2: 0.1, 4: 0.0}, wider=6)]
    found = options(readers, {3: 0.2, 8: 0.0}, Measure(1.0, 0.0))
    # What costs more and loses more than another choice is left out: (4, 2) with 3 bits costs 138 and loses
    # 0.3, (2, 4) 96 and 0.7.
    assert [(o.weight_bits, o.input_bits, o.cost, round(o.loss, 3)) for o in found] == [
        ((2, 2), 3, 78, 0.8), ((2, 4), 3, 96, 0.7), ((4, 2), 3, 138, 0.3), ((4, 4), 3, 156, 0.2),
        ((4, 2), 8, 348, 0.1), ((4, 4), 8, 376, 0.0),
    ]  # fmt: skip


def test_cost_of_a_choice_is_that_of_the_exported_network(tmp_path: Path) -> None:
    recipe = small_recipe(quant={"layers": {"conv2": {"weight_bits": 6}, "conv4": {"act_bits": 3}}})
    network = make(recipe)
    with torch.no_grad():
        for layer in network.layers:
            layer.weight.copy_(layer.weight.sign() * layer.scale)  # no code is zero
    save_state(tmp_path / "net.pt", network.state())
    net = to_integers(export_module(load_network(recipe, tmp_path / "net.pt"), (2, LENGTH)))
    layers = chain(recipe, 4, 2)
    sizes = [
        LayerSize(layer.name, bit_search.left(kept), count)
        for layer, kept, count in zip(
            layers, network.state()["layers"].values(), positions(layers, LENGTH), strict=True
        )
    ]
    measure = bit_search.MEASURES["score"]
    input_bits = [8, 4, 4, 4, 3, 4, 4, 4, 4, 4]
    weight_bits = [4, 6, *[4] * 8]
    total = sum(measure.of(*each) for each in zip(sizes, weight_bits, input_bits, strict=True))
    assert total == pytest.approx(cost(net.operations).itu_score, rel=1e-9)


def pictures(count: int) -> Codes:
    """Frames of random pixels."""
    rng = np.random.default_rng(count)
    codes = torch.from_numpy(rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8))
    return Codes(codes, torch.arange(count) % 4, None, CLASSES, True, "noise")


@pytest.mark.parametrize(
    ("model", "act"),
    [
        ({"name": "densenet", "width": 4, "parts": [1, 1]}, "stages.0.growth.1"),
    ],
)
def test_search_of_a_module_by_the_cost_of_its_export(
    model: dict[str, Any],
    act: str,
    frames: dict[str, Codes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = frames if model["name"] == "bacalhaunet" else {"train": pictures(16), "validation": pictures(12)}
    shape = (2, LENGTH) if model["name"] == "bacalhaunet" else (3, 32, 32)
    monkeypatch.setattr(bit_search, "set_cache", lambda folder: None)
    monkeypatch.setattr(bit_search, "load_codes", lambda recipe, split, cache: data[split])
    recipe = small_recipe(model=model, quant={"weight_bits": 8, "act_bits": 4})
    state = first_state(recipe, CLASSES, shape[0])
    for kept in state["layers"].values():
        kept["weight"] = torch.where(kept["weight"] < 0, -0.1, 0.1)  # no code is zero
    save_state(tmp_path / "net.pt", state)

    def exported(own: dict[str, Any], bits: int) -> float:
        quant = {"weight_bits": bits, "act_bits": bits, "layers": own}
        wanted = small_recipe(model=model, quant=quant)
        network = GeneralNetwork(wanted, state)
        network.calibrate(data["train"].codes[:16], wanted.train.calibration)
        return cost(to_integers(export_module(network.network, shape)).operations).itu_score

    low, high = exported({}, 7), exported({}, 8)
    assert low < 0.9 * high
    found = bit_search.search(recipe, tmp_path / "net.pt", (low + high) / 2, "score", 7, 12)
    assert set(state["layers"]) < set(found)
    assert found[act]["act_bits"] in (7, 8)
    acts = [name for name, entry in found.items() if "act_bits" in entry]
    assert len(acts) == len(state["layers"]) - 1  # as each layer reads one, the first one the input
    spent = exported(found, 8)
    said = re.search(r"score (\S+) of at most", capsys.readouterr().err)
    assert said is not None and float(said[1]) == pytest.approx(spent, rel=1e-5)
    assert spent <= (low + high) / 2
    with pytest.raises(InputError, match=r"quant.weights and quant.activations: must be uniform"):
        apot = recipe.model_copy(update={"quant": recipe.quant.model_copy(update={"weights": "apot"})})
        bit_search.search(apot, tmp_path / "net.pt", low, "score", 7, 12)


class Joined(nn.Module):
    """One activation read by two layers; a layer that reads two activations; one that reads the input."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.left, self.right, self.last = (layers.dense(4, 4, 4) for _ in range(4))
        self.one, self.two, self.three = (layers.activation(4) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        one = self.one(self.first(x))
        y: Tensor = self.last(self.two(self.left(one)) + self.three(self.right(one)))
        return y


def test_readings_follow_branches() -> None:
    found = readings(Joined().eval(), torch.rand(2, 4))
    assert [(each.layer, set(each.activations)) for each in found] == [
        ("first", set()), ("left", {"one"}), ("right", {"one"}), ("last", {"two", "three"}),
    ]  # fmt: skip
    assert sorted(groups_of(found)) == [("one",), ("three", "two")]


def test_command_writes_a_recipe_whose_network_keeps_the_limit(
    frames: dict[str, Codes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(bit_search, "set_cache", lambda folder: None)  # they are compiled
    monkeypatch.setattr(bit_search, "load_codes", lambda recipe, split, cache: frames[split])
    (tmp_path / "mine.toml").write_text(
        f"[data]\nlength = {LENGTH}\n[model]\nwidth = 16\ndense = 16\n"
        "[quant]\nweight_bits = 8\nact_bits = 8\n"
    )
    network = make(load_recipe(tmp_path / "mine.toml"))
    few_steps(network, frames["train"])
    save_state(tmp_path / "net.pt", network.state())
    arguments = [
        "bits", str(tmp_path / "mine.toml"), "--limit", "30000", "--measure", "weight-bits",
        "--network", str(tmp_path / "net.pt"), "--fewest", "7", "--out", str(tmp_path / "mixed.toml"),
    ]  # fmt: skip
    assert cli.main(arguments) == 2
    assert "--limit: must be at least 36,960" in capsys.readouterr().err  # 5,280 weights of 7 bits
    assert cli.main([*arguments[:3], "40000", *arguments[4:]]) == 0
    mixed = load_recipe(tmp_path / "mixed.toml")
    assert set(mixed.quant.layers) == {layer.name for layer in chain(mixed, 4, 2)}
    used = sum(
        kept["weight"].numel() * (mixed.quant.layers[name].weight_bits or 0)
        for name, kept in network.state()["layers"].items()
    )
    assert 38_000 < used <= 40_000
    assert tomllib.loads((tmp_path / "mixed.toml").read_text())["quant"]["weight_bits"] == 8
