"""Networks that surgery made thinner: what their model builds, less the parts and channels taken out.

A checkpoint says so under `thin`, whatever its model:

{"removed": [name],   parts that are no more; their input goes straight on
 "sizes": {name: [outputs, inputs] of a layer, [channels] of a batch norm, where they are not the model's},
 "held": [name]}      layers whose weights keep the scale they had, where it would follow the largest

Names are those that a recipe gives to layers.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fpga_flow.core.errors import InputError
from fpga_flow.train.blocks import Chain
from fpga_flow.train.layers import put_weights, weight_bits
from fpga_flow.train.mixed import spoken
from fpga_flow.train.spec import Thin, thin_layer


def new_thin() -> Thin:
    """Return the `thin` of a network as its model builds it."""
    return {"removed": [], "sizes": {}, "held": []}


def thin_module(network: nn.Module, thin: Thin) -> None:
    """Make `network`, as its model builds it, as thin as `thin` says; weights mean nothing then.

    Raises `InputError` where `thin` names a part that the network does not have.
    """
    for name in thin["removed"]:
        remove(network, name)
    # A chain's block has the name of the layer inside it, which comes later.
    parts = {spoken(network, path): module for path, module in network.named_modules()}
    for name in (*thin["sizes"], *thin["held"]):
        if name not in parts:
            raise InputError(f"checkpoint: is thin in {name}, which the model does not have")
    for name, size in thin["sizes"].items():
        resize(parts[name], size)
    for name in thin["held"]:
        put_weights(parts[name], weight_bits(parts[name]), apot=False, parameter=True)
    if isinstance(network, Chain):
        for block in network.layers.values():
            block.spec = thin_layer(block.spec, thin)


def remove(network: nn.Module, name: str) -> None:
    """Take the part `name` out of `network`: what went in comes out."""
    if isinstance(network, Chain):
        if name not in network.layers:
            raise InputError(f"checkpoint: {name} was taken out, which the model does not have")
        del network.layers[name], network.blocks[name]
        return
    try:
        network.set_submodule(name, nn.Identity(), strict=True)
    except AttributeError:
        raise InputError(f"checkpoint: {name} was taken out, which the model does not have") from None


def resize(module: nn.Module, size: Sequence[int]) -> None:
    """Give a layer [outputs, inputs] or a batch norm [channels] tensors of other sizes, all zero."""
    found: Any = module
    if isinstance(module, _BatchNorm):
        put_norm(found, *(torch.zeros(size[0]) for _ in range(4)))
        return
    outputs, inputs = size
    depthwise = getattr(found, "groups", 1) > 1
    shape = (outputs, 1 if depthwise else inputs, *found.weight.shape[2:])
    put_layer(found, torch.zeros(shape), None if found.bias is None else torch.zeros(outputs))


def put_layer(layer: Any, weight: Tensor, bias: Tensor | None) -> None:
    """Give a convolution or dense layer other weights; its sizes become theirs.

    A convolution in groups is depthwise: a group per row.
    """
    # Quantisers hold on to the parameter itself, so it must stay the same object.
    layer.weight.data = weight
    if bias is not None:
        layer.bias.data = bias
    outputs, inputs = weight.shape[:2]
    if isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = outputs, inputs
        return
    if layer.groups > 1:
        layer.groups = inputs = outputs
    layer.out_channels, layer.in_channels = outputs, inputs


def put_norm(norm: Any, gain: Tensor, offset: Tensor, mean: Tensor, variance: Tensor) -> None:
    """Give a batch norm other parameters, each (channels,)."""
    norm.weight.data, norm.bias.data = gain, offset
    norm.running_mean, norm.running_var = mean, variance
    norm.num_features = len(gain)
