"""Readers of quantisers: weights, the input, activations."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from qonnx.core.datatype import DataType

from fpga_flow.errors import UnsupportedError
from fpga_flow.export.chain import Affine, Chain, Clip, Floats, affine
from fpga_flow.export.grid import SCALE_TOLERANCE
from fpga_flow.export.operations import Activation, HostInput, Quantiser, Tensor, integer_type
from fpga_flow.export.readers.common import MAX_BITS, Node, one_per_channel
from fpga_flow.export.values import (
    HostValue,
    Known,
    QuantSpec,
    Value,
    quant_spec,
    quantise_constant,
    trunc_spec,
)

if TYPE_CHECKING:
    from fpga_flow.export.walk import Walk


def quant(walk: "Walk", node: Node) -> Known:
    """Read a quantiser: of a constant, of the network's input, or of an activation."""
    spec = quant_spec(node, walk.constant_named)
    constant = walk.constant(node, 0)
    if constant is not None:
        return quantise_constant(constant, spec)
    if spec.bits > MAX_BITS:
        raise UnsupportedError(
            node.name, f"an activation of {spec.bits} bits", f"use {MAX_BITS} bits or fewer"
        )
    quantise = _quant_input if isinstance(walk.known[node.input[0]], HostValue) else _quant_activation
    value = quantise(walk, node, spec)
    walk.quantisers.append((node.name, value.tensor))
    return value


def _quant_input(walk: "Walk", node: Node, spec: QuantSpec) -> Value:
    source, quantiser = walk.known[node.input[0]], spec.quantiser
    assert isinstance(source, HostValue)
    if quantiser.rounding == "EDGES":
        raise UnsupportedError(
            node.name, "thresholds on the network's input", "quantise the input evenly, with a Quant"
        )
    if walk.host is not None:
        raise UnsupportedError(
            node.name, "the input is quantised a second time", "quantise it once, before it forks"
        )
    scale = float(spec.scale.reshape(-1)[0])
    if np.any(spec.scale != spec.scale.reshape(-1)[0]):
        raise UnsupportedError(
            node.name, "the input is quantised with a scale per channel", "use one scale for the input"
        )
    shape = (1, *source.shape)
    limits = [np.full(shape[1], end, dtype=np.int64) for end in (quantiser.low, quantiser.high)]
    walk.host = HostInput(walk.frame_shape, list(source.steps), scale, quantiser)
    walk.input = Tensor(
        node.output[0], shape if len(shape) != 3 else (*shape, 1), quantiser.datatype, *limits
    )
    return Value(walk.input, Chain((affine(scale),)))


def _quant_activation(walk: "Walk", node: Node, spec: QuantSpec) -> Value:
    quantiser, value = spec.quantiser, walk.align(node, walk.dynamic(node))
    tensor = value.tensor
    result = affine(one_per_channel(node, spec.scale, tensor.shape))
    chain = value.chain.divided(float(result.mul) if result.mul.ndim == 0 else result.mul)
    last = chain.steps[-1]
    if isinstance(last, Clip):
        ends = quantiser.apply(np.array([last.low, last.high]))
        if ends[0] == quantiser.low and ends[1] == quantiser.high:
            chain = Chain(chain.steps[:-1])  # the quantiser's own limits do the same
    fits = tensor.low.min() >= quantiser.low and tensor.high.max() <= quantiser.high
    keeps = quantiser.rounding != "EDGES" and (
        quantiser.rounding != "BIPOLAR" or tensor.datatype == "BIPOLAR"
    )
    if chain.scale == 1.0 and fits and keeps:
        return replace(value, chain=Chain((result,)))  # already on this grid
    limits = [np.full(tensor.channels, end, dtype=np.int64) for end in (quantiser.low, quantiser.high)]
    y = Tensor(node.output[0], tensor.shape, quantiser.datatype, *limits)
    return Value(walk.add(Activation(node.name, (tensor,), (y,), chain, quantiser)), Chain((result,)))


def trunc(walk: "Walk", node: Node) -> Value:
    """Read a `Trunc`: integers divided by a power of two, rounded, limited."""
    spec = trunc_spec(node, walk.constant_named)
    value = walk.align(node, walk.dynamic(node))
    line = value.chain.divided(spec.scale).line
    if line is None or not all(_whole(values) for values in (line.mul, line.add)):
        raise UnsupportedError(
            node.name,
            "it truncates numbers that are no multiples of its scale",
            "truncate a quantised tensor or the average of one (TruncAvgPool2d)",
        )
    x = value.tensor
    chain = Chain((Affine(np.rint(line.mul) / spec.divisor, np.rint(line.add) / spec.divisor),))
    free = Quantiser(-(2**53), 2**53, "", spec.rounding)
    ends = [free.apply(chain.apply(end[None].astype(np.float64))) for end in (x.low, x.high)]
    low, high = spec.limits or (int(ends[0].min()), int(ends[1].max()))
    datatype = integer_type(low, high)
    if DataType[datatype].bitwidth() > MAX_BITS:
        raise UnsupportedError(
            node.name, f"it leaves {DataType[datatype].bitwidth()} bits", f"use {MAX_BITS} bits or fewer"
        )
    limits = [np.full(x.channels, end, dtype=np.int64) for end in (low, high)]
    y = Tensor(node.output[0], x.shape, datatype, *limits)
    quantiser = Quantiser(low, high, datatype, spec.rounding)
    tensor = walk.add(Activation(node.name, (x,), (y,), chain, quantiser))
    walk.quantisers.append((node.name, tensor))
    return Value(tensor, Chain((affine(spec.out_scale),)))


def _whole(values: Floats) -> bool:
    return bool(np.all(np.abs(values - np.rint(values)) <= SCALE_TOLERANCE * np.maximum(np.abs(values), 1)))
