"""Readers of quantisers: weights, the input, activations."""

from dataclasses import replace

import numpy as np
from qonnx.core.datatype import DataType

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.chain import Affine, Chain, Clip, Floats, affine
from fpga_flow.export.grid import SCALE_TOLERANCE
from fpga_flow.export.nodes import Node
from fpga_flow.export.operations import Activation, Observed
from fpga_flow.export.readers.inputs import quantised_input
from fpga_flow.export.readers.open_sum import settle
from fpga_flow.export.readers.steps import enumerated
from fpga_flow.export.state import Walk
from fpga_flow.export.tensors import MAX_BITS, THRESHOLD_BITS, Quantiser, Tensor, integer_type
from fpga_flow.export.values import (
    HostValue,
    Known,
    QuantSpec,
    Value,
    quant_spec,
    quantise_constant,
    trunc_spec,
)


def quant(walk: Walk, node: Node) -> Known:
    """Read a quantiser: of a constant, of the network's input, or of an activation."""
    constant = walk.constant(node, 0)
    if constant is not None:
        return quantise_constant(constant, quant_spec(node, walk.constant_named))
    spec, shift, function = checked_spec(walk, node), 0, None
    if isinstance(walk.known[node.input[0]], HostValue):
        value = quantised_input(walk, node, 0, spec)
        shift = -walk.host.shift + spec.zero if walk.host else 0
    else:
        value, function = _quant_activation(walk, node, spec)
    walk.quantisers.append(Observed(node.name, value.tensor, value.layout, shift, function))
    return value


def checked_spec(walk: Walk, node: Node) -> QuantSpec:
    """Return the parameters of a quantiser of activations; raises `UnsupportedError` for too many bits."""
    spec = quant_spec(node, walk.constant_named)
    if spec.bits > walk.max_bits:
        raise UnsupportedError(
            node.name, f"an activation of {spec.bits} bits", f"use {MAX_BITS} bits or fewer"
        )
    return spec


def _quant_activation(walk: Walk, node: Node, spec: QuantSpec) -> tuple[Value, Activation | None]:
    """Return the quantised value, and what the file computes there where enumerated integers stand for it."""
    quantiser = _less_zero(walk, node, spec)
    value = walk.align(node, walk.dynamic(node, any_layout=True, open_sum=True))
    tensor = value.tensor
    if len(quantiser.edges) > 1:
        columns = spec.columns(len(walk.shapes[node.input[0]]))
        edges = np.transpose([walk.per_channel(node, column, tensor.shape) for column in columns])
        quantiser = replace(quantiser, edges=tuple(tuple(row) for row in edges.tolist()))
    result = affine(walk.per_channel(node, spec.scale, tensor.shape))
    chain = value.chain.divided(float(result.mul) if result.mul.ndim == 0 else result.mul)
    if chain.general:
        _check_thresholds(walk, node, quantiser)
        made, function = enumerated(walk, node, replace(value, chain=chain), quantiser)
        return Value(made, Chain((result,)), layout=value.layout), function
    last = chain.steps[-1]
    if isinstance(last, Clip):
        ends = quantiser.apply(np.array([[last.low], [last.high]]))
        if np.all(ends == np.array([[quantiser.low], [quantiser.high]])):
            chain = Chain(chain.steps[:-1])  # the quantiser's own limits do the same
    fits = tensor.low.min() >= quantiser.low and tensor.high.max() <= quantiser.high
    keeps = quantiser.rounding != "EDGES" and (
        quantiser.rounding != "BIPOLAR" or tensor.datatype == "BIPOLAR"
    )
    if chain.scale == 1.0 and fits and keeps and not value.open:
        return replace(value, chain=Chain((result,))), None  # already on this grid
    _check_thresholds(walk, node, quantiser)
    limits = [np.full(tensor.channels, end, dtype=np.int64) for end in (quantiser.low, quantiser.high)]
    y = Tensor(node.output[0], tensor.shape, quantiser.datatype, *limits)
    if value.open:
        activation: Activation = settle(walk, node, value.open, y, chain, quantiser)
    else:
        activation = Activation(node.name, (tensor,), (y,), chain, quantiser)
    return Value(walk.add(activation), Chain((result,)), layout=value.layout), None


def _check_thresholds(walk: Walk, node: Node, quantiser: Quantiser) -> None:
    """Raise `UnsupportedError` for more thresholds in each channel than hardware has room for."""
    bits = (quantiser.high - quantiser.low).bit_length()
    if bits > THRESHOLD_BITS and not walk.counting:
        raise UnsupportedError(
            node.name,
            f"an activation of {bits} bits would need {quantiser.levels:,} thresholds in each channel",
            f"use {THRESHOLD_BITS} bits or fewer inside the network; its input may have {MAX_BITS}",
        )


def _less_zero(walk: Walk, node: Node, spec: QuantSpec) -> Quantiser:
    """Return the quantiser of `spec`, its codes less the zero point, so that zeros around them are zeros."""
    quantiser = spec.quantiser
    if not spec.zero:
        return quantiser
    if quantiser.rounding == "BIPOLAR":
        raise UnsupportedError(
            node.name, f"its zero point must be 0 for codes of -1 and 1, not {spec.zero}", "use 2 bits"
        )
    low, high = quantiser.low - spec.zero, quantiser.high - spec.zero
    datatype = integer_type(low, high)
    if DataType[datatype].bitwidth() > walk.max_bits:
        raise UnsupportedError(
            node.name,
            f"its codes less its zero point {spec.zero} have {DataType[datatype].bitwidth()} bits",
            f"use a zero point that leaves {MAX_BITS} bits or fewer",
        )
    return replace(quantiser, low=low, high=high, datatype=datatype, zero=spec.zero)


def trunc(walk: Walk, node: Node) -> Value:
    """Read a `Trunc`: integers divided by a power of two, rounded, limited."""
    spec = trunc_spec(node, walk.constant_named)
    value = walk.align(node, walk.dynamic(node, any_layout=True))
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
    if low >= high:
        raise UnsupportedError(node.name, f"it leaves nothing but the number {low}", "truncate fewer bits")
    datatype = integer_type(low, high)
    if DataType[datatype].bitwidth() > walk.max_bits:
        raise UnsupportedError(
            node.name, f"it leaves {DataType[datatype].bitwidth()} bits", f"use {MAX_BITS} bits or fewer"
        )
    limits = [np.full(x.channels, end, dtype=np.int64) for end in (low, high)]
    y = Tensor(node.output[0], x.shape, datatype, *limits)
    quantiser = Quantiser(low, high, datatype, spec.rounding)
    tensor = walk.add(Activation(node.name, (x,), (y,), chain, quantiser))
    walk.quantisers.append(Observed(node.name, tensor, value.layout))
    return Value(tensor, Chain((affine(spec.out_scale),)), layout=value.layout)


def _whole(values: Floats) -> bool:
    return bool(np.all(np.abs(values - np.rint(values)) <= SCALE_TOLERANCE * np.maximum(np.abs(values), 1)))
