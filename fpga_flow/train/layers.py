"""Quantised layers for models that are not chains: plain Brevitas modules, of one bit width each.

A weight or activation of one bit is -1 or 1; other activations are unsigned behind a ReLU, other weights
signed and of narrow range. Scales are one per tensor: a weight's follows its largest value, an activation's
is set by `fpga_flow.train.calibrate` and learned from there.
"""

import torch
from brevitas import nn as qnn
from brevitas.inject.enum import RestrictValueType, ScalingImplType
from brevitas.quant import (
    Int8ActPerTensorFloat,
    Int8WeightPerTensorFloat,
    SignedBinaryActPerTensorConst,
    SignedBinaryWeightPerTensorConst,
    Uint8ActPerTensorFloat,
)
from torch import nn

SCALE = "scaling_impl.value"
"""End of the name of the parameter that holds a quantiser's largest value."""


class _Unsigned(Uint8ActPerTensorFloat):  # type: ignore[misc]
    scaling_impl_type = ScalingImplType.PARAMETER
    restrict_scaling_type = RestrictValueType.FP
    scaling_init = 4.0


class _Signed(Int8ActPerTensorFloat):  # type: ignore[misc]
    scaling_impl_type = ScalingImplType.PARAMETER
    restrict_scaling_type = RestrictValueType.FP
    scaling_init = 4.0


def scale_of(quantiser: nn.Module) -> nn.Parameter | None:
    """Return the parameter that holds the largest value of an activation's quantiser.

    None where it has none that can be set: its values are -1 and 1.
    """
    return next((p for name, p in quantiser.named_parameters() if name.endswith(SCALE)), None)


def samples(bits: int, largest: float) -> nn.Module:
    """Return the network's input quantiser: signed, `largest` (1 - 2^-(bits-1)) is the largest value.

    Its scale is given by what the host delivers and is not learned.
    """
    return _fixed(qnn.QuantIdentity(act_quant=_Signed, bit_width=bits), largest)


def pixels(bits: int) -> nn.Module:
    """Return the input quantiser of pictures from 0 to 1: with 8 bits, codes are the bytes of their file."""
    return _fixed(qnn.QuantIdentity(act_quant=_Unsigned, bit_width=bits), 1.0)


def _fixed(quantiser: nn.Module, largest: float) -> nn.Module:
    scale = scale_of(quantiser)
    if scale is None:
        raise RuntimeError(f"{type(quantiser).__name__} has no scale that can be set")
    with torch.no_grad():
        scale.fill_(largest)
    scale.requires_grad_(False)
    return quantiser


def activation(bits: int) -> nn.Module:
    """Return a quantised ReLU; with one bit the sign, whose values are -1 and 1."""
    if bits == 1:
        return qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst)  # type: ignore[no-any-return]
    return qnn.QuantReLU(act_quant=_Unsigned, bit_width=bits)  # type: ignore[no-any-return]


def _weight(bits: int) -> dict[str, object]:
    if bits == 1:
        return {"weight_quant": SignedBinaryWeightPerTensorConst}
    return {"weight_quant": Int8WeightPerTensorFloat, "weight_bit_width": bits}


def conv1d(
    inputs: int, outputs: int, kernel: int, bits: int, *, stride: int = 1, groups: int = 1
) -> nn.Module:
    """Return a 1-D convolution without bias, padded so that stride 1 keeps the length (odd kernels)."""
    return qnn.QuantConv1d(  # type: ignore[no-any-return]
        inputs,
        outputs,
        kernel,
        stride=stride,
        padding=kernel // 2,
        groups=groups,
        bias=False,
        **_weight(bits),
    )


def conv2d(inputs: int, outputs: int, kernel: int, bits: int, *, padding: int = 0) -> nn.Module:
    """Return a 2-D convolution without bias."""
    return qnn.QuantConv2d(  # type: ignore[no-any-return]
        inputs, outputs, kernel, padding=padding, bias=False, **_weight(bits)
    )


def dense(inputs: int, outputs: int, bits: int) -> nn.Module:
    """Return a dense layer without bias."""
    return qnn.QuantLinear(inputs, outputs, bias=False, **_weight(bits))  # type: ignore[no-any-return]
