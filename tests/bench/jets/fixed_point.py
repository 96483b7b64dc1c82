"""The jet tagger 16-64-32-32-5 in fixed point: scales are powers of two, and a ReLU is a shift and a clip.

No batch norm, but biases in the hidden layers; one scale per tensor. Activations are cut off (`FLOOR`), not
rounded: the bias, which is trained, makes up for the half.
"""

from brevitas import nn as qnn
from brevitas.inject.enum import FloatToIntImplType, ScalingImplType
from brevitas.quant import (
    Int8ActPerTensorFixedPoint,
    Int8WeightPerTensorFixedPoint,
    Uint8ActPerTensorFixedPoint,
)
from torch import nn

from fpga_flow.core.recipe_parts import Recipe

HIDDEN = (64, 32, 32)
IN_REACH = 4.0
"""Inputs are from -4 to below 4, in standard deviations."""
REACH = 2.0
"""Activations are from 0 to below 2."""


class Inputs(Int8ActPerTensorFixedPoint):  # type: ignore[misc]
    """The input's quantiser."""

    scaling_impl_type = ScalingImplType.CONST
    scaling_init = IN_REACH


class Activations(Uint8ActPerTensorFixedPoint):  # type: ignore[misc]
    """A hidden layer's."""

    scaling_impl_type = ScalingImplType.CONST
    scaling_init = REACH
    float_to_int_impl_type = FloatToIntImplType.FLOOR


def dense(inputs: int, outputs: int, bits: int, bias: bool = True) -> nn.Module:
    """Return a dense layer."""
    weights = Int8WeightPerTensorFixedPoint
    return qnn.QuantLinear(  # type: ignore[no-any-return]
        inputs, outputs, bias=bias, weight_quant=weights, weight_bit_width=bits
    )


def build(recipe: Recipe, classes: int, channels: int) -> nn.Module:
    """Return the untrained network: float (N, channels), standardised features, to logits (N, classes)."""
    bits = recipe.quant
    parts: list[nn.Module] = [qnn.QuantIdentity(act_quant=Inputs, bit_width=bits.input_bits), nn.Flatten()]
    inputs = channels
    for neurons in HIDDEN:
        parts += [
            dense(inputs, neurons, bits.weight_bits),
            qnn.QuantReLU(act_quant=Activations, bit_width=bits.act_bits),
        ]
        inputs = neurons
    return nn.Sequential(*parts, dense(inputs, classes, bits.weight_bits, False))
