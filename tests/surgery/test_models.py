"""Surgery on the models: what they compute before and after, and the checkpoint that it leaves."""

from pathlib import Path
from typing import Any

import pytest
import torch

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import make_recipe
from fpga_flow.surgery.idle import silence_idle
from fpga_flow.train.checkpoint import State, load_checkpoint, save_state
from fpga_flow.train.freeze import gain_and_offset
from fpga_flow.train.general import as_module, first_state, network_of
from fpga_flow.train.network import deployed, load_network
from fpga_flow.train.spec import quant_of
from tests.surgery.networks import (
    assert_same,
    codes_of,
    emptied,
    empty_filters,
    lively,
    logits,
    model_recipe,
    shapes,
    without_idle,
)

ROWS = {
    "vgg10": {"conv2": [3, 4, 15], "conv7": [0, 8], "dense1": [2, 30], "dense2": [0, 1]},
    "bacalhaunet": {"0.pointwise": [1], "1.depthwise": [1], "1.pointwise": [1], "2.depthwise": [1]},
    "cnv": {"1": [0, 7], "8": [3], "18": [31], "22": [4, 5]},
    "densenet": {"first": [2], "stages.0.growth.2": [0, 3], "stages.1.2": [5], "stages.4.bottleneck.2": [9]},
    "mlp": {"2": [3, 12], "5": [0]},
}


def with_empty_filters(name: str, state: State) -> State:
    rows = ROWS[name]
    if name == "bacalhaunet":  # one channel of the first residual stage, and one of the last layer
        rows = {f"blocks.{layer}": found for layer, found in rows.items()} | {"blocks.4.pointwise": [3]}
    return empty_filters(state, rows)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("name", list(ROWS))
def test_network_without_its_masked_filters_computes_the_same(name: str) -> None:
    recipe = model_recipe(name)
    masked = with_empty_filters(name, lively(name, recipe))
    # What can go without a change goes; some of these filters give constants to padded layers.
    smaller = without_idle(recipe, masked)
    assert_same(recipe, masked, smaller, name)
    # Silent filters go, all of them.
    silent = silence_idle(recipe, masked)
    smallest = without_idle(recipe, silent)
    assert_same(recipe, silent, smallest, name)
    before, after = shapes(masked), shapes(smallest)
    for layer, kept in masked["layers"].items():
        if kept["mask"] is not None:
            empty = int((~kept["mask"].flatten(1).any(1)).sum())
            assert empty and after[layer][0] == before[layer][0] - empty
            # Masks shrink with their weights, and none of those left is of a whole filter.
            mask = smallest["layers"][layer]["mask"]
            assert mask.shape == after[layer] and mask.flatten(1).any(1).all()


def test_constants_without_padding_fold_and_behind_it_stay() -> None:
    recipe = model_recipe("vgg10")
    masked = with_empty_filters("vgg10", lively("vgg10", recipe))
    after = shapes(without_idle(recipe, masked))
    # Batch norms have positive offsets for most filters: those of conv2 that give something stay.
    assert 13 < after["conv2"][0] <= 16
    assert after["conv7"][0] == 14 and after["dense1"][0] == 30 and after["dense2"][0] == 30
    assert after["dense1"][1] == 14 * 2


def test_integers_of_the_smaller_chain_are_those_of_the_masked_one() -> None:
    recipe = model_recipe("vgg10")
    masked = silence_idle(recipe, with_empty_filters("vgg10", lively("vgg10", recipe)))
    smaller = without_idle(recipe, masked)
    large, small = network_of(recipe, masked).codes(), network_of(recipe, smaller).codes()
    rows = [k for k in range(16) if k not in ROWS["vgg10"]["conv2"]]
    assert torch.equal(small["conv2"], large["conv2"][rows])
    assert torch.equal(small["conv3"], large["conv3"][:, rows])
    quant = quant_of(recipe).layer("conv2")
    pairs = zip(
        gain_and_offset(smaller["layers"]["conv2"], quant.act_scale, quant),
        gain_and_offset(masked["layers"]["conv2"], quant.act_scale, quant),
        strict=True,
    )
    assert all(torch.equal(small_part, large_part[rows]) for small_part, large_part in pairs)
    # So is what is exported, and what the fast graph computes.
    frames = codes_of("vgg10").transpose(1, 2).float() * quant.input_scale
    with torch.no_grad():
        exported = [deployed(recipe, state)(frames) for state in (masked, smaller)]
    assert torch.equal(*exported)
    assert torch.equal(exported[1], logits(recipe, smaller, codes_of("vgg10")))


@pytest.mark.parametrize(
    ("name", "criterion"), [*((name, "l1-filters") for name in ROWS if name != "cnv"), ("cnv", "slimming")]
)
def test_chosen_channels_go_through_every_joint(name: str, criterion: str) -> None:
    recipe = model_recipe(name, channels=criterion, share=0.25)
    state = lively(name, recipe)
    empty = emptied(recipe, state)
    smaller = without_idle(recipe, empty)
    assert_same(recipe, empty, smaller, name)
    widths = [shape[0] for shape in shapes(state).values()][1:-1]
    left = [shape[0] for shape in shapes(smaller).values()][1:-1]
    assert all(now == width - round(width / 4) for now, width in zip(left, widths, strict=True))


def test_smallest_filters_go_and_the_layers_own_shares_count() -> None:
    recipe = model_recipe(
        "vgg10",
        channels="l1-filters",
        share=0.5,
        shares={"conv3": 0.25, "conv4": 0, "dense*": 0.75},
        keep={"conv5": 3},
        multiple=4,
    )
    state = lively("vgg10", recipe)
    smaller = without_idle(recipe, emptied(recipe, state))
    widths = [shape[0] for shape in shapes(smaller).values()]
    assert widths == [8, 8, 12, 16, 4, 8, 8, 8, 8, 10]
    norms = state["layers"]["conv1"]["weight"].abs().sum((1, 2))
    kept = smaller["layers"]["conv1"]["weight"].abs().sum((1, 2))
    assert torch.equal(kept.sort().values, norms.sort().values[8:])


def test_idle_channels_fill_up_to_a_count_that_folds() -> None:
    recipe = model_recipe("mlp")
    masked = empty_filters(lively("mlp", recipe), {"2": [0, 1, 2, 3, 4], "5": [11]})
    smaller = without_idle(recipe, masked, lambda wanted, there: min(there, -(-wanted // 4) * 4))
    assert [shape[0] for shape in shapes(smaller).values()] == [12, 12, 10]
    assert_same(recipe, masked, smaller, "mlp")


def test_a_layer_that_is_wholly_masked_keeps_one_channel() -> None:
    recipe = model_recipe("mlp")
    masked = empty_filters(lively("mlp", recipe), {"5": list(range(12))})
    smaller = without_idle(recipe, masked, silence=True)
    assert shapes(smaller) == {"2": (1, 784), "5": (1, 1), "8": (10, 1)}


def test_checkpoint_has_its_own_widths_and_is_operated_on_again(tmp_path: Path) -> None:
    name = "vgg10"
    recipe = model_recipe(name, channels="l1-filters", share=0.25)
    once = without_idle(recipe, emptied(recipe, lively(name, recipe)))
    save_state(tmp_path / "once.pt", once)
    back = load_checkpoint(tmp_path / "once.pt")
    assert_same(recipe, once, back, name)
    with torch.no_grad():
        assert load_network(recipe, tmp_path / "once.pt")(torch.rand(2, 2, 256)).shape == (2, 10)
    # What is trained further is the smaller network.
    net = network_of(recipe, back).train()
    net(codes_of(name)).sum().backward()
    trained = net.state()
    assert trained["thin"] == once["thin"] and shapes(trained) == shapes(once)
    empty = emptied(recipe, back)
    twice = without_idle(recipe, empty)
    assert_same(recipe, empty, twice, name)
    assert all(
        after <= before for after, before in zip(shapes(twice).values(), shapes(once).values(), strict=True)
    )


def test_chain_that_is_trained_as_a_module_is_operated_on_too() -> None:
    recipe = model_recipe("vgg10", channels="slimming", share=0.5)
    module = as_module(lively("vgg10", recipe))
    network = network_of(recipe, module)
    network.calibrate(codes_of("vgg10"), recipe.train.calibration)  # type: ignore[union-attr]
    empty = emptied(recipe, network.state())
    smaller = without_idle(recipe, empty)
    assert shapes(smaller)["conv1"] == (8, 2, 3) and "rest" in smaller
    assert_same(recipe, empty, smaller, "vgg10")


def test_layers_that_cannot_go_are_named() -> None:
    state = first_state(model_recipe("mlp"), ["a", "b"], 1)
    wrong: dict[str, Any] = {"channels": "l1-filters", "shares": {"classes": 0.5}}
    with pytest.raises(InputError, match=r"surgery.shares: 'classes' is no layer whose channels .* 2, 5"):
        emptied(model_recipe("mlp", **wrong), state)
    table = {"name": "x", "model": {"name": "mlp", "parts": (16, 12)}, "surgery": {"channels": "slimming"}}
    signs = make_recipe(
        {**table, "quant": {"act_bits": 1}, "surgery": {"channels": "slimming", "share": 0.5}}
    )
    with pytest.raises(InputError, match=r"surgery.channels: those of 5 cannot go, as nothing makes them"):
        emptied(signs, first_state(signs, ["a", "b"], 1))
