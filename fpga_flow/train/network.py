"""The network as a Brevitas module: built untrained, or loaded from a checkpoint."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train.blocks import BATCH_NORM_EPS, Chain
from fpga_flow.train.built import built
from fpga_flow.train.checkpoint import State, check_fits, load_checkpoint
from fpga_flow.train.factorise import Factors, shape_factors
from fpga_flow.train.freeze import bias_codes, gain_and_offset, weight_codes
from fpga_flow.train.layers import kept_of, weighted
from fpga_flow.train.mixed import put_quant, spoken
from fpga_flow.train.spec import Dense, Thin
from fpga_flow.train.statistics import settle
from fpga_flow.train.thin import thin_module


def build_network(
    recipe: Recipe,
    classes: int,
    channels: int,
    factors: Factors | None = None,
    thin: Thin | None = None,
    shape: Sequence[int] | None = None,
) -> nn.Module:
    """Return the recipe's model, untrained and in eval mode, quantised as the recipe says.

    `factors` and `thin` are a checkpoint's: what was factorised, and what surgery took out. `shape` is
    that of a frame where it is known, (channels, ...).
    It takes float frames (N, channels, ...) and gives logits (N, classes).
    """
    network = built(recipe, classes, channels, shape)
    shape_factors(network, factors or {}, recipe.quant.act_bits)
    put_quant(network, recipe)
    if thin is not None:
        thin_module(network, thin)
    settle(network)
    return network.eval()


def load_network(recipe: Recipe, checkpoint_path: Path) -> nn.Module:
    """Return the network in `checkpoint_path` as a Brevitas module in eval mode.

    It takes float frames (N, channels, ...) and returns logits (N, classes), where the fast graph trains it
    integer multiples of one power of two. Raises `InputError` where file and recipe do not fit.
    """
    state = load_checkpoint(checkpoint_path)
    check_fits(checkpoint_path, state, recipe, state["classes"], ignore=set())
    return deployed(recipe, state)


def deployed(recipe: Recipe, state: State) -> nn.Module:
    """Return the network in the checkpoint `state` as it is exported: a chain of the fast graph is frozen."""
    if "rest" in state:
        return module_of(recipe, state)
    network = untrained_of(recipe, state)
    assert isinstance(network, Chain)
    fill(network, state)
    return network.eval()


def untrained_of(recipe: Recipe, state: State) -> nn.Module:
    """Return the module that the checkpoint `state` is of, with none of its parameters."""
    return build_network(
        recipe,
        len(state["classes"]),
        state["channels"],
        state.get("factors"),
        state.get("thin"),
        state.get("shape"),
    )


def module_of(recipe: Recipe, state: State) -> nn.Module:
    """Return the recipe's module in eval mode with the parameters of `state`, the checkpoint of a module.

    What `state` does not have, the quantisers' parameters of a float network, stays as it is built.
    Raises `InputError` where shapes differ.
    """
    network = untrained_of(recipe, state)
    values = kept_of(network)
    given = dict(state["rest"])
    for path in weighted(network):
        name = spoken(network, path)
        if name not in state["layers"]:
            raise InputError(f"checkpoint: has no layer {name}; it is of another network")
        given[f"{path}.weight"] = state["layers"][name]["weight"]
    with torch.no_grad():
        for name, value in given.items():
            if name not in values:
                continue
            if values[name].shape != value.shape:
                raise InputError(
                    f"checkpoint: {name} must have shape {tuple(values[name].shape)}, "
                    f"not {tuple(value.shape)}"
                )
            values[name].copy_(value)
    return network.eval()


def fill(network: Chain, state: State) -> None:
    """Copy the parameters in `state` into `network`, quantised and with batch norms frozen."""
    quant = network.quant
    input_scale = quant.input_scale
    for name, block in network.layers.items():
        kept, own = state["layers"][name], quant.layer(name)
        scale = float(kept["scale"])
        with torch.no_grad():
            block.linear.weight.copy_(weight_codes(kept, own) * scale)
        block.set_weight_scale(scale)
        if isinstance(block.spec, Dense) and block.spec.last:
            with torch.no_grad():
                block.linear.bias.copy_(bias_codes(kept, input_scale) * (input_scale * scale))
        else:
            a, b = gain_and_offset(kept, input_scale, own)
            assert block.norm is not None
            _set_norm(block.norm, a * (own.act_scale / (input_scale * scale)), b * own.act_scale)
        input_scale = own.act_scale


def _set_norm(norm: nn.BatchNorm1d, gain: Tensor, offset: Tensor) -> None:
    with torch.no_grad():
        norm.weight.copy_(gain)
        norm.bias.copy_(offset)
        norm.running_mean.zero_()  # type: ignore[union-attr]
        norm.running_var.fill_(1 - BATCH_NORM_EPS)  # type: ignore[union-attr]
