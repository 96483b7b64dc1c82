"""Bits and levels that differ between layers: the recipe's words, chains, and models that are none."""

import pytest
import torch

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import make_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.quant import QuantRecipe
from fpga_flow.prune.masks import count
from fpga_flow.train.blocks import Chain
from fpga_flow.train.checkpoint import header, load_checkpoint, save_state
from fpga_flow.train.dataset import Codes
from fpga_flow.train.fast import FastNetwork
from fpga_flow.train.network import build_network, fill
from fpga_flow.train.spec import chain, quant_of, settle, trains_fast
from fpga_flow.train.state import new_state
from tests.train.frames import small_recipe
from tests.train.test_fast import CLASSES, few_steps

MIXED = {
    "weight_bits": 4,
    "act_bits": 4,
    "layers": {
        "conv1": {"weight_bits": 8, "act_bits": 6},
        "conv*": {"act_bits": 5},
        "dense1": {"weight_bits": 2},
    },
}


def mixed_recipe() -> Recipe:
    return small_recipe(quant=MIXED)


def test_last_entry_that_matches_counts_value_by_value() -> None:
    quant = mixed_recipe().quant
    assert [
        (q.weight_bits, q.act_bits) for q in (settle(quant, n) for n in ("conv1", "conv2", "dense1"))
    ] == [
        (8, 5),
        (4, 5),
        (2, 4),
    ]


def test_an_entry_is_about_everything_below_its_name() -> None:
    quant = QuantRecipe.model_validate_json('{"layers": {"blocks.0": {"weights": "apot"}}}')
    names = ("blocks.0", "blocks.0.act", "blocks.01", "blocks")
    assert [settle(quant, name).weights for name in names] == ["apot", "apot", "uniform", "uniform"]


def test_chain_of_mixed_bits_equals_brevitas_bit_for_bit(frames: dict[str, Codes]) -> None:
    recipe = mixed_recipe()
    layers, quant = chain(recipe, len(CLASSES), 2), quant_of(recipe)
    network = FastNetwork(layers, quant, new_state(recipe, CLASSES, 2))
    few_steps(network, frames["train"])
    brevitas = build_network(recipe, len(CLASSES), 2)
    assert isinstance(brevitas, Chain)
    fill(brevitas, network.state())
    bits = {name: int(block.linear.weight_quant.bit_width()) for name, block in brevitas.layers.items()}
    assert (bits["conv1"], bits["conv2"], bits["dense1"]) == (8, 4, 2)
    codes = frames["test"].codes
    network.eval()
    with torch.no_grad():
        found = network(codes)
        assert torch.equal(found, brevitas(codes.transpose(1, 2).float() * quant.input_scale))
    assert found.std() > 0
    counted = {layer.name: layer for layer in count(network.state(), network.codes())}
    assert counted["dense1"].nonzero < counted["dense1"].weights


def test_what_the_fast_graph_trains() -> None:
    def fast(**quant: object) -> bool:
        return trains_fast(small_recipe(quant=quant), 4, 2)

    assert fast(**MIXED)
    assert not fast(weights="apot")
    assert not fast(layers={"conv3": {"activations": "apot"}})
    assert not fast(layers={"dense1": {"weight_bits": 1}})
    assert not fast(scales="learned")
    assert not trains_fast(make_recipe({"name": "x", "model": {"name": "fc"}}), 10, 1)


def test_wrong_layer_names_are_refused_with_those_there_are() -> None:
    recipe = small_recipe(quant={"layers": {"conv9": {"weight_bits": 3}}})
    with pytest.raises(InputError, match=r"quant.layers: 'conv9' is no layer of model vgg10; it has conv1, "):
        chain(recipe, 4, 2)


def test_wrong_values_of_a_layer_are_refused_by_their_key() -> None:
    with pytest.raises(InputError, match=r"recipe: quant.layers.conv1.weight_bits must be .* 8, not 9"):
        small_recipe(quant={"layers": {"conv1": {"weight_bits": 9}}})
    with pytest.raises(InputError, match=r"quant.layers.conv1.bits is no key of a recipe; .*weight_bits"):
        small_recipe(quant={"layers": {"conv1": {"bits": 9}}})


def test_checkpoint_says_what_its_layers_have_and_older_ones_are_read(tmp_path) -> None:  # type: ignore[no-untyped-def]
    state = new_state(mixed_recipe(), CLASSES, 2)
    assert state["quant"]["layers"]["dense1"] == {"weight_bits": 2}
    del state["quant"]
    save_state(tmp_path / "old.pt", state)
    assert load_checkpoint(tmp_path / "old.pt")["quant"] == header(small_recipe(), CLASSES, 2)["quant"]
