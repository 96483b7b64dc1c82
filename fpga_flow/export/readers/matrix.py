"""Readers of convolutions and dense layers."""

from dataclasses import replace
from typing import Any

import numpy as np
from qonnx.core.datatype import DataType

from fpga_flow.core.errors import UnsupportedError, WrongNodeError
from fpga_flow.core.progress import say
from fpga_flow.export.chain import Chain, Floats, Integers, affine
from fpga_flow.export.layout import NEW, Layout
from fpga_flow.export.nodes import Node, attributes_of, window, window_shape
from fpga_flow.export.operations import Flatten, GlobalSum, Matrix, SumPool, Unflatten
from fpga_flow.export.readers.inputs import BYTE, centred
from fpga_flow.export.readers.pool import flattened
from fpga_flow.export.state import Walk
from fpga_flow.export.tensors import MAX_BITS, SUM_BITS, WIDE_LIMIT, Tensor, bounded, integer_type
from fpga_flow.export.values import HostValue, QuantisedConstant, Value

MAX_WEIGHTS = 2**25
"""Of the convolution that groups become."""


def weights_of(walk: Walk, node: Node) -> QuantisedConstant:
    """Return the constant that `node` multiplies with; raises `UnsupportedError` where it is none."""
    weights = walk.known[node.input[1]]
    if not isinstance(weights, QuantisedConstant):
        kind = "computed" if isinstance(weights, Value | HostValue) else "not quantised"
        raise UnsupportedError(
            node.name, f"its weights are {kind}", "use a quantised layer (QuantConv, QuantLinear)"
        )
    bits = DataType[weights.datatype].bitwidth()
    if bits > walk.max_bits:
        raise UnsupportedError(node.name, f"weights of {bits} bits", f"use {MAX_BITS} bits or fewer")
    return weights


def _input(
    walk: Walk, node: Node, given: Value, depthwise: bool = False, padded: bool = False
) -> tuple[Tensor, float | Floats, float]:
    """Return the integers of `given` that `node` multiplies, their scale, and an offset of its numbers.

    It is one scale, or one for each channel only where `depthwise`.
    """
    scale: float | Floats
    given, offset = centred_input(walk, node, given, padded)
    line = given.chain.line
    if depthwise and line is not None and line.mul.ndim and not line.add.any():
        value = walk.align(node, given)
        scale = np.abs(line.mul)
    else:
        value, scale = walk.scaled(node, given)
    bits, own = (DataType[v.tensor.datatype].bitwidth() for v in (value, given))
    if line is not None and bits > max(BYTE, own) and not walk.counting:
        raise UnsupportedError(
            node.name,
            f"its input's channels have different scales ({line.mul.min():.6g} to {line.mul.max():.6g}), "
            f"which are multiples of one scale only with {bits} bits",
            f"use one scale per tensor, or a quantiser of {BYTE} bits or fewer in front of it",
        )
    summed = _summed(walk, value.tensor)
    if bits > max(walk.max_bits, SUM_BITS if summed else 0):
        raise UnsupportedError(
            node.name,
            f"its input{summed} has {bits} bits, more than {SUM_BITS if summed else MAX_BITS}",
            f"put a quantiser of {MAX_BITS} bits or fewer in front of it",
        )
    return value.tensor, scale, offset


def _summed(walk: Walk, x: Tensor) -> str:
    """Say whose sums `x` holds, where they are an average's: the file has no tensor of so many bits."""
    makers = {id(y): operation for operation in walk.operations for y in operation.ys}
    maker = makers.get(id(x))
    while isinstance(maker, Flatten | Unflatten):
        maker = makers.get(id(maker.x))
    averages = isinstance(maker, SumPool | GlobalSum)
    return f", the sums behind the average {maker.name!r}," if maker is not None and averages else ""


def _matrix(
    walk: Walk, node: Node, x: Tensor, weights: Integers, datatype: str, shape: tuple[int, ...], **more: Any
) -> Tensor:
    """Append a `Matrix` with the bounds of its sums; `weights` has the output channels at its own axis."""
    low, high = x.low, x.high
    if more["kind"] == "Conv":  # padding adds zeros
        low, high = np.minimum(low, 0), np.maximum(high, 0)
        flat = weights.reshape(*weights.shape[:2], -1)
        positive, negative = np.maximum(flat, 0).sum(axis=2), np.minimum(flat, 0).sum(axis=2)
    else:
        positive, negative = np.maximum(weights, 0).T, np.minimum(weights, 0).T
    if positive.shape[1] != x.channels:  # depthwise: every output has an input of its own
        low, high = low[:, None], high[:, None]
    lows, highs = (
        (positive * low + negative * high).sum(axis=1),
        (positive * high + negative * low).sum(axis=1),
    )
    y = bounded(node.output[0], shape, lows, highs)
    return walk.add(Matrix(node.name, (x,), (y,), weights=weights, weight_type=datatype, **more), WIDE_LIMIT)


def centred_input(walk: Walk, node: Node, value: Value, padded: bool) -> tuple[Value, float]:
    """Return an input of `node` and what all its numbers are more than multiples of its scale.

    Where they are all off by a whole number of steps, these are put into the integers if they can be.
    """
    line = value.chain.line
    if line is None or not line.add.any() or np.any(line.mul != line.mul.reshape(-1)[0]):
        return value, 0.0
    value = centred(walk, value, MAX_BITS if padded else BYTE)
    line = value.chain.line
    if line is None or not line.add.any():
        return value, 0.0
    add = line.add.reshape(-1)
    if padded or np.any(add != add[0]):
        return value, 0.0  # refused as not quantised: padding would add integers that are not 0
    return replace(value, chain=Chain((affine(line.mul),))), float(add[0])


def _scaled_sum(walk: Walk, node: Node, tensor: Tensor, scale: Any, term: Floats, bias: int | None) -> Value:
    """Return the float value of the integer sums: times `scale`, plus `term` and the bias at input `bias`."""
    value = Value(tensor, Chain((affine(scale, term) if np.any(term) else affine(scale),)))
    if bias is None or len(node.input) <= bias or not node.input[bias]:
        return value
    constant = walk.constant(node, bias)
    if constant is None:
        raise UnsupportedError(node.name, "its bias is computed", "make it a constant")
    if constant.size not in (1, tensor.channels):
        raise WrongNodeError(
            node.name, f"its bias has the shape {list(constant.shape)}", "use one number per output channel"
        )
    return value.then(affine(1.0, constant))


def _per_output(node: Node, scale: Any, axis: int, shape: tuple[int, ...]) -> Any:
    """Return a weight scale as one number or one per output channel."""
    scale = np.asarray(scale, dtype=np.float64)
    if scale.size == 1:
        return scale.reshape(())
    aligned = scale.reshape((1,) * (len(shape) - scale.ndim) + scale.shape)
    if aligned.size != aligned.shape[axis] or aligned.shape[axis] != shape[axis]:
        raise UnsupportedError(
            node.name,
            f"its weight scale has the shape {list(scale.shape)}",
            "use one weight scale per tensor or per output channel",
        )
    return aligned.reshape(-1)


def conv(walk: Walk, node: Node) -> Value:
    """Read a convolution over one or two axes."""
    weights, given = weights_of(walk, node), walk.dynamic(node)
    settings = window(node, list(weights.integers.shape[2:]), given.tensor.shape[2:])
    return convolved(walk, node, given, weights, int(attributes_of(node).get("group", 1)), settings)


def convolved(
    walk: Walk, node: Node, given: Value, weights: QuantisedConstant, group: int, settings: dict[str, Any]
) -> Value:
    """Append a convolution of `given` with `weights` (O, I/group, KH[, KW]) in the window `settings`."""
    kernel, datatype = weights.integers, weights.datatype
    depthwise = kernel.shape[1] == 1 and group == len(kernel)
    x, scale, offset = _input(walk, node, given, depthwise, any(settings["pads"]))
    if x.datatype == "BIPOLAR" and any(settings["pads"]):
        raise UnsupportedError(
            node.name, "zero padding of an input that holds only -1 and 1", "use no padding, or 2 bits"
        )
    weight_scale = _per_output(node, weights.scale, 0, kernel.shape)
    out_scale = scale * weight_scale
    term = offset * kernel.reshape(len(kernel), -1).sum(axis=1) * weight_scale
    if kernel.ndim == 3:
        kernel = kernel[..., None]
    merged = 1
    if group > 1 and not group == x.channels == len(kernel):
        kernel, merged, group = _dense_kernel(node.name, kernel, group), group, 1
        datatype = (
            integer_type(min(-1, int(kernel.min())), int(kernel.max())) if datatype == "BIPOLAR" else datatype
        )
        say(
            f"  {node.name}: its groups become one convolution with zero weights between them (the same sums)"
        )
    shape = (1, len(kernel), *window_shape(x.shape[2:], settings))
    attributes = {**settings, "group": group}
    tensor = _matrix(
        walk, node, x, kernel, datatype, shape, kind="Conv", attributes=attributes, groups=merged
    )
    return _scaled_sum(walk, node, tensor, out_scale, term, 2)


def _dense_kernel(name: str, kernel: Integers, group: int) -> Integers:
    """Return the kernel (O, I, KH, KW) of one group that does what (O, I/group, KH, KW) does in `group`."""
    outputs, inputs, *size = kernel.shape
    if kernel.size * group > MAX_WEIGHTS:
        raise UnsupportedError(
            name,
            f"as one convolution its {group} groups have {kernel.size * group:,} weights",
            f"use groups that make at most {MAX_WEIGHTS:,}, or a depthwise convolution",
        )
    dense = np.zeros((outputs, inputs * group, *size), dtype=np.int64)
    each = outputs // group
    for g in range(group):
        dense[g * each : (g + 1) * each, g * inputs : (g + 1) * inputs] = kernel[g * each : (g + 1) * each]
    return dense


def dense(walk: Walk, node: Node) -> Value:
    """Read a MatMul or Gemm with constant weights."""
    weights = weights_of(walk, node)
    attributes = attributes_of(node)
    integers, weight_scale = weights.integers, weights.scale
    value, layout = walk.dynamic(node, any_layout=True), walk.layout(node)
    lying = layout.shape(value.tensor.shape)
    rows = any(size > 1 for size in lying[:-1])
    if integers.ndim != 2 or rows and len(lying) > 4:
        raise UnsupportedError(
            node.name,
            f"{node.op_type} of an input of {len(lying)} axes, {list(lying)}, and weights of the shape "
            f"{list(integers.shape)}",
            "use weights (inputs, outputs) and two axes of rows at most, or flatten to (batch, features)",
        )
    if rows:
        value, layout = _features_as_channels(walk, node, value, layout)
    elif len(value.tensor.shape) > 2:
        row = walk.fresh(f"{node.input[0]}_row")
        value = flattened(walk, f"{node.name}_flat", row, value, layout)
    x, scale, offset = _input(walk, node, value)
    for key, wanted in (("alpha", 1.0), ("beta", 1.0), ("transA", 0)):
        if attributes.get(key, wanted) != wanted:
            raise UnsupportedError(node.name, f"{key} is {attributes[key]}", f"export with {key}={wanted:g}")
    if attributes.get("transB", 0):
        integers = integers.T
        weight_scale = (
            weight_scale.T
            if weight_scale.ndim == 2
            else weight_scale.reshape(-1, *[1] * (weight_scale.ndim > 0))
        )
        weight_scale = weight_scale.reshape(1, -1) if weight_scale.size > 1 else weight_scale
    if integers.shape[0] != x.channels:
        raise WrongNodeError(
            node.name,
            f"its input has {x.channels} features, its weights the shape {list(integers.shape)}",
            "weights must have a row for each feature",
        )
    if layout.order is not None:
        integers = layout.in_order(integers)
    weight_scale = _per_output(node, weight_scale, 1, integers.shape)
    out_scale, term = scale * weight_scale, offset * integers.sum(axis=0) * weight_scale
    shape = (1, integers.shape[1], *x.shape[2:])
    if rows:  # each is a position of a convolution
        kernel, one = integers.T[:, :, None, None], {"kernel_shape": [1, 1], "strides": [1, 1]}
        settings = {**one, "dilations": [1, 1], "pads": [0, 0, 0, 0], "group": 1}
        tensor = _matrix(walk, node, x, kernel, weights.datatype, shape, kind="Conv", attributes=settings)
        return replace(_scaled_sum(walk, node, tensor, out_scale, term, None), layout=layout)
    tensor = _matrix(walk, node, x, integers, weights.datatype, shape, kind="MatMul")
    value = _scaled_sum(walk, node, tensor, out_scale, term, 2 if node.op_type == "Gemm" else None)
    if len(lying) == 2:
        return value
    return replace(value, layout=Layout((0, *[NEW] * (len(lying) - 2), 1)))


def _features_as_channels(walk: Walk, node: Node, value: Value, layout: Layout) -> tuple[Value, Layout]:
    """Return `value`, which lies as `layout` in the file, so that the file's last axis is the channels."""
    last = len(layout.axes) - 1
    if layout.order is None and layout.channel_axis == last:
        return value, layout
    order = layout.permutation(value.tensor.shape)
    if order is None:
        raise UnsupportedError(
            node.name,
            f"its input, of shape {list(layout.shape(value.tensor.shape))} in the file, was reshaped",
            "keep its axes, or flatten to (batch, features) first",
        )
    turned = (order[0], order[last], *order[1:last], *order[last + 1 :])
    return walk.transposed(node, value, turned), Layout((0, *range(2, last + 1), 1))
