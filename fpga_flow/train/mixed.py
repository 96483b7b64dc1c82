"""What a recipe says of single layers, of levels and of scales, put on a network that its model has built.

The model builds itself with the recipe's bits throughout; what it has of its own (bits that differ from the
recipe's) stays, unless the recipe names that layer.
"""

from torch import nn

from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.quant import QuantRecipe
from fpga_flow.train.apot import check_bits
from fpga_flow.train.blocks import Chain
from fpga_flow.train.layers import (
    act_bits,
    activations,
    put_activation,
    put_weights,
    scale_of,
    weight_bits,
    weighted,
)
from fpga_flow.train.spec import check_entries, settle

CHAIN, LINEAR = "blocks.", ".linear"
"""Where a chain keeps its layers, and a layer its weights; recipes name them without that."""


def spoken(network: nn.Module, path: str) -> str:
    """Return the name of the part at `path` as a recipe gives it."""
    return path.removeprefix(CHAIN).removesuffix(LINEAR) if isinstance(network, Chain) else path


def put_quant(network: nn.Module, recipe: Recipe) -> None:
    """Give the layers of `network`, built by the recipe's model, the quantisers that the recipe asks for.

    Raises `InputError` naming a key that is about no layer, or bits that the levels cannot have.
    """
    quant = recipe.quant
    layers, acts = weighted(network), activations(network)
    check_entries(recipe, [spoken(network, path) for path in (*layers, *acts)])
    parameter = quant.scales != "model"
    for path, layer in layers.items():
        _put_weights(spoken(network, path), layer, quant, parameter)
    for path, act in acts.items():
        _put_activation(spoken(network, path), act, quant)
    if parameter:
        for module in (*layers.values(), *acts.values()):
            scale = scale_of(module)
            if scale is not None:
                scale.requires_grad_(quant.scales == "learned")


def _put_weights(name: str, layer: nn.Module, quant: QuantRecipe, parameter: bool) -> None:
    own, now = settle(quant, name), weight_bits(layer)
    bits = now if own.weight_bits == quant.weight_bits else own.weight_bits
    apot = own.weights == "apot"
    if apot:
        check_bits(f"quant: weight_bits of {name}", bits, signed=True)
    if apot or bits != now or (parameter and scale_of(layer) is None and bits > 1):
        put_weights(layer, bits, apot, parameter)


def _put_activation(name: str, act: nn.Module, quant: QuantRecipe) -> None:
    own, now = settle(quant, name), act_bits(act)
    bits = now if own.act_bits == quant.act_bits else own.act_bits
    apot = own.activations == "apot"
    if apot:
        check_bits(f"quant: act_bits of {name}", bits, signed=now > 1 and bool(act.act_quant.is_signed))
    if apot or bits != now:
        put_activation(act, bits, apot)
