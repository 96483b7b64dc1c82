"""The Brevitas form of a chain of layers: what is exported, and what the fast graph must equal.

All scales are powers of two, so weights, activations and accumulators are integers times a power of
two; float32 holds them exactly as long as an accumulator stays below 2^24, in whatever order it is summed.
"""

from collections.abc import Sequence
from typing import Any

import torch
from brevitas import nn as qnn
from brevitas.quant import (
    Int32Bias,
    SignedBinaryActPerTensorConst,
    SignedBinaryWeightPerTensorConst,
)
from torch import Tensor, nn

from fpga_flow.train.layers import Signed, Unsigned, Weights, mark_input
from fpga_flow.train.spec import LAST_BIAS_BITS, Conv, Dense, Layer, Quant
from fpga_flow.train.state import fit_scale

BATCH_NORM_EPS = 2.0**-17
"""A power of two: a batch norm with variance 1 - 2^-17 divides by exactly 1."""


class _Bias(Int32Bias):  # type: ignore[misc]
    """On the accumulator's integer grid: its scale is input scale times weight scale."""

    bit_width = LAST_BIAS_BITS


class Block(nn.Module):
    """One layer: `linear` (convolution or dense), then `norm` and `act` unless last, then `pool`."""

    def __init__(self, layer: Layer, quant: Quant) -> None:
        super().__init__()
        self.spec = layer
        last = isinstance(layer, Dense) and layer.last
        # One bit has no scale that is set: the values are two.
        binary = quant.weight_bits == 1
        options = {
            **({} if binary else {"weight_bit_width": quant.weight_bits}),
            "weight_quant": SignedBinaryWeightPerTensorConst if binary else Weights,
            "bias": last,
            "bias_quant": _Bias if last else None,
        }
        self.linear: Any
        if isinstance(layer, Conv):
            self.linear = qnn.QuantConv1d(
                layer.inputs, layer.outputs, layer.kernel, padding=layer.kernel // 2, **options
            )
        else:
            self.linear = qnn.QuantLinear(layer.inputs, layer.outputs, **options)
        self.norm: nn.BatchNorm1d | None = None
        self.act: Any = None
        self.pool: nn.Module | None = None
        if not last:
            self.norm = nn.BatchNorm1d(layer.outputs, eps=BATCH_NORM_EPS)
            self.act = _activation(quant)
        if isinstance(layer, Conv) and layer.pool > 1:
            self.pool = nn.MaxPool1d(layer.pool)
        if not binary:
            self.set_weight_scale(fit_scale(self.linear.weight.detach(), quant.weight_max))

    def set_weight_scale(self, scale: float) -> None:
        """Make `scale` the step of this layer's weights."""
        threshold = 2 ** (int(self.linear.weight_quant.bit_width().item()) - 1) - 1
        _set_scale(self.linear.weight_quant, scale * threshold)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        for module in (self.linear, self.norm, self.act, self.pool):
            if module is not None:
                x = module(x)
        return x


def _activation(quant: Quant) -> nn.Module:
    if quant.act_bits == 1:
        return qnn.QuantIdentity(  # type: ignore[no-any-return]
            act_quant=SignedBinaryActPerTensorConst, return_quant_tensor=True
        )
    act = qnn.QuantReLU(act_quant=Unsigned, bit_width=quant.act_bits, return_quant_tensor=True)
    _set_scale(act.act_quant, quant.act_scale * quant.act_max)
    return act  # type: ignore[no-any-return]


def _set_scale(proxy: Any, threshold: float) -> None:
    # Brevitas keeps the largest representable value and divides it by the largest code; with the
    # product of a power of two and that code the division is exact.
    with torch.no_grad():
        for name, parameter in proxy.named_parameters():
            if name.endswith("scaling_impl.value"):
                parameter.fill_(threshold)
                parameter.requires_grad_(False)
                return
    raise RuntimeError(f"{type(proxy).__name__} has no scale that can be set")


class Chain(nn.Module):
    """Input quantiser, then the layers; float (N, channels, length) to logits (N, classes)."""

    def __init__(self, layers: Sequence[Layer], quant: Quant) -> None:
        super().__init__()
        self.quant = quant
        self.input = mark_input(
            qnn.QuantIdentity(act_quant=Signed, bit_width=quant.input_bits, return_quant_tensor=True)
        )
        _set_scale(self.input.act_quant, quant.input_scale * 2 ** (quant.input_bits - 1))
        self.layers = {layer.name: Block(layer, quant.layer(layer.name)) for layer in layers}
        self.blocks = nn.ModuleDict(self.layers)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits: multiples of the last layer's input scale times weight scale."""
        x = self.input(x)
        dense = False
        for block in self.layers.values():
            if isinstance(block.spec, Dense) and not dense:
                x, dense = x.flatten(1), True
            x = block(x)
        return x

    def layer_name(self, path: str) -> str:
        """Return what the layer at `path` is called: a block's name is that of what has its weights."""
        block, _, part = path.removeprefix("blocks.").partition(".")
        return block if part in ("", "linear") else f"{block}.{part}"
