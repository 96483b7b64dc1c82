"""Quantised layers for models that are not chains: plain Brevitas modules, of one bit width each.

A weight or activation of one bit is -1 or 1; other activations are unsigned behind a ReLU, other weights
signed and of narrow range. Scales are one per tensor: a weight's follows its largest value, an activation's
is set by `fpga_flow.train.calibrate` and learned from there. What a recipe says of single layers, of levels
and of scales is put on top by `fpga_flow.train.mixed`.
"""

from typing import Any, NamedTuple

import torch
from brevitas import nn as qnn
from brevitas.inject.enum import RestrictValueType, ScalingImplType
from brevitas.nn.mixin.parameter import QuantWeightMixin
from brevitas.proxy.quant_proxy import QuantProxyFromInjector
from brevitas.quant import (
    Int8ActPerTensorFloat,
    Int8WeightPerTensorFloat,
    SignedBinaryActPerTensorConst,
    SignedBinaryWeightPerTensorConst,
    Uint8ActPerTensorFloat,
)
from torch import Tensor, nn

from fpga_flow.train.apot import ApotActQuant, ApotWeightQuant, SignedApotActQuant

SCALE = "scaling_impl.value"
"""End of the name of the parameter that holds a quantiser's largest value."""
ALPHA = "tensor_quant.alpha"
"""The same with levels of powers of two."""
_INPUT = "takes_the_hosts_scale"


class Unsigned(Uint8ActPerTensorFloat):  # type: ignore[misc]
    """Activations from 0 up whose largest value is a parameter, learned or set from outside."""

    scaling_impl_type = ScalingImplType.PARAMETER
    restrict_scaling_type = RestrictValueType.FP
    scaling_init = 4.0


class Weights(Int8WeightPerTensorFloat):  # type: ignore[misc]
    """Weights whose largest value is a parameter, learned or set from outside."""

    scaling_impl_type = ScalingImplType.PARAMETER
    restrict_scaling_type = RestrictValueType.FP
    scaling_init = 1.0


class Signed(Int8ActPerTensorFloat):  # type: ignore[misc]
    """The same with a sign."""

    scaling_impl_type = ScalingImplType.PARAMETER
    restrict_scaling_type = RestrictValueType.FP
    scaling_init = 4.0


def scale_of(quantiser: nn.Module) -> nn.Parameter | None:
    """Return the parameter that holds the largest value of a quantiser, of an activation or of weights.

    None where it has none that can be set: its values are -1 and 1, or follow the weights.
    """
    return next((p for name, p in quantiser.named_parameters() if name.endswith((SCALE, ALPHA))), None)


def is_input(quantiser: nn.Module) -> bool:
    """Whether a quantiser is the network's first, whose scale is the host's."""
    return getattr(quantiser, _INPUT, False)


def samples(bits: int, largest: float) -> nn.Module:
    """Return the network's input quantiser: signed, `largest` (1 - 2^-(bits-1)) is the largest value.

    Its scale is given by what the host delivers and is not learned.
    """
    return _fixed(qnn.QuantIdentity(act_quant=Signed, bit_width=bits), largest)


def pixels(bits: int) -> nn.Module:
    """Return the input quantiser of pictures from 0 to 1: with 8 bits, codes are the bytes of their file."""
    return _fixed(qnn.QuantIdentity(act_quant=Unsigned, bit_width=bits), 1.0)


def _fixed(quantiser: nn.Module, largest: float) -> nn.Module:
    scale = scale_of(quantiser)
    if scale is None:
        raise RuntimeError(f"{type(quantiser).__name__} has no scale that can be set")
    with torch.no_grad():
        scale.fill_(largest)
    scale.requires_grad_(False)
    return mark_input(quantiser)


class InputGrid(NamedTuple):
    """The codes of the network's input: a frame's value is `code * scale`."""

    scale: float
    low: int
    high: int


def input_grid(network: nn.Module) -> InputGrid | None:
    """Return the codes of the input quantiser of `network`; None where none is marked as that.

    A user's own network takes floats as they are; what it does to them is part of it.
    """
    marked: Any = next((module for module in network.modules() if is_input(module)), None)
    if marked is None:
        return None
    quantiser = marked.act_quant
    bits, signed = _bits(quantiser), bool(quantiser.is_signed)
    low = -(1 << (bits - 1)) if signed else 0
    return InputGrid(float(quantiser.scale()), low, low + (1 << bits) - 1)


def without_quantisers(network: nn.Module) -> None:
    """Let no quantiser of `network` work, that of its input included."""
    part: Any
    for part in network.modules():
        if isinstance(part, QuantProxyFromInjector):
            part.disable_quant = True
        if hasattr(part, "return_quant_tensor"):
            part.return_quant_tensor = False


def mark_input(quantiser: nn.Module) -> nn.Module:
    """Note that `quantiser` is the network's first, and return it."""
    setattr(quantiser, _INPUT, True)
    return quantiser


def activation(bits: int) -> nn.Module:
    """Return a quantised ReLU; with one bit the sign, whose values are -1 and 1."""
    if bits == 1:
        return qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst)  # type: ignore[no-any-return]
    return qnn.QuantReLU(act_quant=Unsigned, bit_width=bits)  # type: ignore[no-any-return]


def signed(bits: int) -> nn.Module:
    """Return a signed quantiser, for the numbers between two layers that no ReLU stands between.

    With one bit it is the sign, as everywhere.
    """
    if bits == 1:
        return activation(bits)
    return qnn.QuantIdentity(  # type: ignore[no-any-return]
        act_quant=Signed, bit_width=bits, return_quant_tensor=True
    )


def put_activation(module: nn.Module, bits: int, apot: bool) -> None:
    """Give `module`, made by `activation` or as it makes them, a quantiser of other bits and levels.

    A signed quantiser without a ReLU stays one.
    """
    old: Any = module.act_quant
    relu = bits > 1 and (not old.is_signed or _bits(old) == 1)
    if bits == 1:
        quantiser, width = SignedBinaryActPerTensorConst, {}
    elif apot:
        quantiser, width = ApotActQuant if relu else SignedApotActQuant, {"apot_bits": bits}
    else:
        quantiser, width = Unsigned if relu else Signed, {"bit_width": bits}
    injector = quantiser.let(act_impl=nn.ReLU if relu else None, passthrough_act=True, **width)
    module.act_quant = injector.proxy_class(module, injector)


def put_weights(layer: nn.Module, bits: int, apot: bool, parameter: bool) -> None:
    """Give the weights of `layer` a quantiser of other bits and levels.

    With `parameter`, or APoT, their largest value is a parameter; otherwise it follows the weights.
    """
    if apot:
        quantiser, options = ApotWeightQuant, {"apot_bits": bits}
    elif bits == 1:
        quantiser, options = SignedBinaryWeightPerTensorConst, {}
    else:
        quantiser, options = Weights if parameter else Int8WeightPerTensorFloat, {"bit_width": bits}
    injector = quantiser.let(**options)
    layer.weight_quant = injector.proxy_class(layer, injector)


def _bits(proxy: Any) -> int:
    return int(proxy.bit_width())


def weight_bits(layer: nn.Module) -> int:
    """Return the bits of a layer's weights as its quantiser has them."""
    return _bits(layer.weight_quant)


def act_bits(module: nn.Module) -> int:
    """Return the bits of an activation as its quantiser has them."""
    return _bits(module.act_quant)


def kept_of(network: nn.Module) -> dict[str, Tensor]:
    """Return what a checkpoint keeps of `network` by its path: parameters, and buffers but for constants.

    A quantiser's constants, its bits among them, are the recipe's: a checkpoint must not bring its own.
    """
    kept = network.state_dict().keys()
    buffers = {path: value for path, value in network.named_buffers() if path in kept}
    return {**dict(network.named_parameters()), **buffers}


def weighted(network: nn.Module) -> dict[str, Any]:
    """Return the layers with quantised weights by the path in the network, in its order."""
    return {
        path: module
        for path, module in network.named_modules()
        if isinstance(module, QuantWeightMixin) and module.weight_quant.is_quant_enabled
    }


def activations(network: nn.Module) -> dict[str, Any]:
    """Return the activations' quantisers, less the input's, by the path in the network, in its order."""
    return {
        path: module
        for path, module in network.named_modules()
        if isinstance(module, qnn.QuantReLU | qnn.QuantIdentity)
        and module.act_quant.is_quant_enabled
        and not is_input(module)
    }


def weight_options(bits: int) -> dict[str, object]:
    """Return the options of a Brevitas layer whose weights have so many bits."""
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
        **weight_options(bits),
    )


def conv2d(inputs: int, outputs: int, kernel: int, bits: int, *, padding: int = 0) -> nn.Module:
    """Return a 2-D convolution without bias."""
    return qnn.QuantConv2d(  # type: ignore[no-any-return]
        inputs, outputs, kernel, padding=padding, bias=False, **weight_options(bits)
    )


def dense(inputs: int, outputs: int, bits: int) -> nn.Module:
    """Return a dense layer without bias."""
    return qnn.QuantLinear(inputs, outputs, bias=False, **weight_options(bits))  # type: ignore[no-any-return]
