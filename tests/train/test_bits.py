"""Bits per layer under a limit: the choice against all others, the cost against the export's, the command."""

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from fpga_flow import bits_command, cli
from fpga_flow.errors import InputError
from fpga_flow.export.brevitas_export import export_module
from fpga_flow.export.cost import cost
from fpga_flow.export.walk import to_integers
from fpga_flow.recipe import load_recipe
from fpga_flow.train import dataset, kernels
from fpga_flow.train.bits import LayerSize, Measure, Option, choose, falling, options, positions
from fpga_flow.train.checkpoint import save_state
from fpga_flow.train.dataset import Codes
from fpga_flow.train.general import first_state
from fpga_flow.train.network import load_network
from fpga_flow.train.spec import chain
from tests.train.frames import LENGTH, small_recipe
from tests.train.test_fast import CLASSES, few_steps, make


def test_choice_by_hand() -> None:
    cheap, dear = Option(2, 8, 1.0, 0.9), Option(8, 8, 4.0, 0.0)
    other = Option(2, 8, 1.0, 0.2), Option(8, 8, 4.0, 0.0)
    # 5 (and a little: costs are rounded up) buys one of the two dear ones: that whose cheap one loses more.
    assert choose([[cheap, dear], list(other)], 5.01) == [dear, other[0]]
    assert choose([[cheap, dear], list(other)], 8.01) == [dear, other[1]]
    with pytest.raises(InputError, match=r"--limit: must be at least 2, .* not 1.5"):
        choose([[cheap, dear], list(other)], 1.5)


def test_choice_is_the_best_of_all_and_keeps_the_limit() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        classes = [
            [Option(b, 8, float(b * rng.integers(1, 50)), float(rng.random() / b)) for b in range(2, 6)]
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
    sizes = [LayerSize("a", 10, 4), LayerSize("b", 3, 1)]
    found = options(sizes, [{2: 1.0}, {2: 0.5, 4: 0.1}], [{3: 0.25}, {}], 8, Measure(1.0, 0.0))
    assert found[0] == [Option(2, 8, 10 * 4 * 2 * 8, 1.0)]
    assert found[1] == [Option(2, 3, 3 * 2 * 3, 0.75), Option(4, 3, 3 * 4 * 3, 0.35)]


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
        LayerSize(layer.name, bits_command.left(kept), count)
        for layer, kept, count in zip(
            layers, network.state()["layers"].values(), positions(layers, LENGTH), strict=True
        )
    ]
    measure = bits_command.cost_measure("score")
    input_bits = [8, 4, 4, 4, 3, 4, 4, 4, 4, 4]
    weight_bits = [4, 6, *[4] * 8]
    total = sum(measure.of(*each) for each in zip(sizes, weight_bits, input_bits, strict=True))
    assert total == pytest.approx(cost(net)["itu_score"], rel=1e-9)


def test_search_of_a_module_by_its_exported_cost(
    frames: dict[str, Codes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "set_cache", lambda folder: None)
    monkeypatch.setattr(dataset, "load_codes", lambda recipe, split, cache: frames[split])
    recipe = small_recipe(model={"name": "bacalhaunet", "width": 4}, quant={"weight_bits": 8, "act_bits": 4})
    state = first_state(recipe, CLASSES, 2)
    save_state(tmp_path / "net.pt", state)
    found = bits_command.search(recipe, tmp_path / "net.pt", 4200.0, "weight-bits", 7, 64)
    weights = {name: kept["weight"].numel() for name, kept in state["layers"].items()}
    assert found.keys() == weights.keys()
    used = sum(weights[name] * entry["weight_bits"] for name, entry in found.items())
    assert 7 * sum(weights.values()) <= used <= 4200
    with pytest.raises(InputError, match=r"quant.weights: must be uniform"):
        bits_command.search(
            recipe.model_copy(update={"quant": recipe.quant.model_copy(update={"weights": "apot"})}),
            tmp_path / "net.pt", 4200.0, "weight-bits", 7, 64,
        )  # fmt: skip


def test_command_writes_a_recipe_whose_network_keeps_the_limit(
    frames: dict[str, Codes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(kernels, "set_cache", lambda folder: None)  # they are compiled
    monkeypatch.setattr(dataset, "load_codes", lambda recipe, split, cache: frames[split])
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
