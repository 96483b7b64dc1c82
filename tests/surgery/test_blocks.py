"""Blocks by name: what behind them is narrowed, or before them widened."""

import pytest
import torch

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import find_recipe, load_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.surgery.operation import smaller
from fpga_flow.train.checkpoint import State
from fpga_flow.train.general import first_state, network_of
from fpga_flow.train.spec import load_model
from tests.surgery import networks
from tests.surgery.networks import codes_of, logits, model_recipe, shapes, without_blocks


@pytest.fixture
def _four_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setitem(networks.MODELS, "densenet", {"name": "densenet", "width": 4, "parts": (2, 1, 1, 2)})


def without(*names: str, widen: bool = True) -> tuple[Recipe, State, State]:
    recipe = model_recipe("densenet", remove=names, widen=widen)
    state = first_state(recipe, [f"class{k}" for k in range(10)], 3)
    state["layers"]["classes"]["weight"][0, 0] = 1.0  # the largest, which stays and sets the scale
    return recipe, state, without_blocks(recipe, state)


@pytest.mark.usefixtures("_four_blocks")
def test_last_dense_block_goes_and_the_transition_is_widened() -> None:
    recipe, state, after = without("block4")
    before = shapes(state)
    found = shapes(after)
    assert set(before) - set(found) == {
        f"stages.{k}.{part}.2" for k in (10, 11) for part in ("bottleneck", "growth")
    }
    # The transition made (8 + 2 * 4) / 2 = 8, + 4, / 2 = 6, + 4, / 2 = 5 channels, and the block appended 8.
    assert before["stages.8.2"] == (5, 10, 1, 1) and found["stages.8.2"] == (13, 10, 1, 1)
    assert torch.equal(after["layers"]["stages.8.2"]["weight"][:5], state["layers"]["stages.8.2"]["weight"])
    assert torch.equal(after["layers"]["classes"]["weight"], state["layers"]["classes"]["weight"])
    assert torch.equal(after["rest"]["last.0.running_mean"], state["rest"]["last.0.running_mean"])
    assert after["thin"]["removed"] == ["stages.10", "stages.11"]
    assert logits(recipe, after, codes_of("densenet", 2)).shape == (2, 10)
    again = without_blocks(recipe, state)
    assert torch.equal(again["layers"]["stages.8.2"]["weight"], after["layers"]["stages.8.2"]["weight"])


@pytest.mark.usefixtures("_four_blocks")
def test_readers_lose_the_blocks_channels_where_nothing_is_widened() -> None:
    recipe, state, after = without("block4", widen=False)
    assert shapes(after)["stages.8.2"] == (5, 10, 1, 1) and shapes(after)["classes"] == (10, 5)
    assert torch.equal(after["layers"]["classes"]["weight"], state["layers"]["classes"]["weight"][:, :5])
    # It is the network whose classes read nothing of the block.
    blind = state["layers"]["classes"]["weight"].clone()
    blind[:, 5:] = 0
    layers = {**state["layers"], "classes": {"weight": blind, "mask": None}}
    codes = codes_of("densenet", 4)
    assert torch.allclose(
        logits(recipe, after, codes), logits(recipe, state | {"layers": layers}, codes), atol=1e-6
    )


@pytest.mark.usefixtures("_four_blocks")
def test_blocks_and_layers_go_together_and_train_on() -> None:
    recipe, state, after = without("block2", "stages.0")
    assert after["thin"]["removed"] == ["stages.4", "stages.0"]
    # A layer whose input many made is not widened for: its readers lose its four channels.
    assert shapes(after)["stages.1.bottleneck.2"][1] == 8
    net = network_of(recipe, after).train()
    net(codes_of("densenet", 2)).sum().backward()
    assert shapes(net.state()) == shapes(after)


@pytest.mark.usefixtures("_four_blocks")
def test_idle_channels_go_with_the_block() -> None:
    recipe = model_recipe("densenet", remove=["block4"], widen=False, channels="l1-filters", share=0.25)
    after = smaller(recipe, first_state(recipe, [f"class{k}" for k in range(10)], 3))
    assert shapes(after)["stages.8.2"][0] == 4 and shapes(after)["classes"] == (10, 4)
    assert logits(recipe, after, codes_of("densenet", 4)).shape == (4, 10)


def test_block_4_of_the_published_densenet_has_a_name() -> None:
    recipe = load_recipe(find_recipe("densenet-b-w4"))
    blocks = load_model("densenet").blocks(recipe)
    # 6, 10, 20 and 12 layers, and a step and a pool between blocks.
    assert {name: (parts[0], len(parts)) for name, parts in blocks.items()} == {
        "block1": ("stages.0", 6),
        "block2": ("stages.8", 10),
        "block3": ("stages.20", 20),
        "block4": ("stages.42", 12),
    }


def test_residual_block_and_equal_dense_layer_go() -> None:
    recipe = model_recipe("bacalhaunet", remove=["blocks.1"])
    after = without_blocks(recipe, first_state(recipe, [f"class{k}" for k in range(10)], 2))
    assert not any(name.startswith("blocks.1.") for name in shapes(after))
    assert logits(recipe, after, codes_of("bacalhaunet", 4)).shape == (4, 10)
    recipe = model_recipe("vgg10", remove=["dense2"])
    after = without_blocks(recipe, first_state(recipe, [f"class{k}" for k in range(10)], 2))
    assert "dense2" not in after["layers"]
    assert logits(recipe, after, codes_of("vgg10", 4)).shape == (4, 10)


@pytest.mark.parametrize(
    ("model", "name", "message"),
    [
        (
            "densenet",
            "block9",
            r"'block9' is no part of model densenet; there are block1, block2, input, first",
        ),
        (
            "bacalhaunet",
            "blocks.2",
            r"blocks.2 cannot go: what is behind it would not fit .*8 and 16 channels",
        ),
        ("vgg10", "dense1", r"dense1 cannot go: dense2 reads 32 channels, not 16; parts can that append"),
    ],
)
def test_parts_that_cannot_go(model: str, name: str, message: str) -> None:
    recipe = model_recipe(model, remove=[name])
    with pytest.raises(InputError, match=message):
        without_blocks(recipe, first_state(recipe, ["a", "b"], codes_of(model).shape[-1]))
