"""Readers of convolutions and dense layers."""

from typing import TYPE_CHECKING, Any

import numpy as np
from qonnx.core.datatype import DataType

from fpga_flow.errors import UnsupportedError
from fpga_flow.export.chain import Chain, Integers, affine
from fpga_flow.export.operations import Matrix, Tensor, integer_type
from fpga_flow.export.readers.common import (
    MAX_BITS,
    Node,
    attributes_of,
    two_axis_settings,
    window_shape,
)
from fpga_flow.export.values import HostValue, QuantisedConstant, Value

if TYPE_CHECKING:
    from fpga_flow.export.walk import Walk


def _weights(walk: "Walk", node: Node) -> QuantisedConstant:
    weights = walk.known[node.input[1]]
    if not isinstance(weights, QuantisedConstant):
        kind = "computed" if isinstance(weights, Value | HostValue) else "not quantised"
        raise UnsupportedError(
            node.name, f"its weights are {kind}", "use a quantised layer (QuantConv, QuantLinear)"
        )
    bits = DataType[weights.datatype].bitwidth()
    if bits > MAX_BITS:
        raise UnsupportedError(node.name, f"weights of {bits} bits", f"use {MAX_BITS} bits or fewer")
    return weights


def _matrix(
    walk: "Walk", node: Node, weights: Integers, datatype: str, shape: tuple[int, ...], **more: Any
) -> Tensor:
    """Append a `Matrix` with the bounds of its sums; `weights` has the output channels at its own axis."""
    x, _ = walk.scaled(node)
    operation = Matrix(node.name, x.tensor, x.tensor, weights=weights, weight_type=datatype, **more)
    axis = operation.output_axis
    flat = np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1)
    low, high = int(x.tensor.low.min()), int(x.tensor.high.max())
    if operation.kind == "Conv":  # padding adds zeros
        low, high = min(low, 0), max(high, 0)
    positive, negative = np.maximum(flat, 0).sum(axis=1), np.minimum(flat, 0).sum(axis=1)
    lows, highs = positive * low + negative * high, positive * high + negative * low
    name = node.output[0]
    operation.y = Tensor(name, shape, integer_type(int(lows.min()), int(highs.max())), lows, highs)
    return walk.add(operation)


def _scaled_sum(walk: "Walk", node: Node, tensor: Tensor, scale: Any, bias: int | None) -> Value:
    """Return the float value of the integer sums: times both scales, plus the bias at input `bias`."""
    value = Value(tensor, Chain((affine(scale),)))
    if bias is None or len(node.input) <= bias or not node.input[bias]:
        return value
    constant = walk.constant(node, bias)
    if constant is None:
        raise UnsupportedError(node.name, "its bias is computed", "make it a constant")
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


def conv(walk: "Walk", node: Node) -> Value:
    """Read a convolution over one or two axes."""
    weights, (value, scale) = _weights(walk, node), walk.scaled(node)
    attributes, kernel = attributes_of(node), weights.integers
    if attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID", b""):
        raise UnsupportedError(
            node.name, f"auto_pad is {attributes['auto_pad'].decode()}", "export with explicit pads"
        )
    axes = kernel.ndim - 2
    if axes not in (1, 2):
        raise UnsupportedError(node.name, f"a convolution over {axes} axes", "use one or two spatial axes")
    settings: dict[str, Any] = {
        "kernel_shape": list(kernel.shape[2:]),
        "strides": list(attributes.get("strides", [1] * axes)),
        "dilations": list(attributes.get("dilations", [1] * axes)),
        "pads": list(attributes.get("pads", [0] * 2 * axes)),
        "group": int(attributes.get("group", 1)),
    }
    if value.tensor.datatype == "BIPOLAR" and any(settings["pads"]):
        raise UnsupportedError(
            node.name, "zero padding of an input that holds only -1 and 1", "use no padding, or 2 bits"
        )
    out_scale = scale * _per_output(node, weights.scale, 0, kernel.shape)
    kernel, settings = _two_axes(kernel, settings)
    shape = (1, kernel.shape[0], *window_shape(value.tensor.shape[2:], settings))
    tensor = _matrix(walk, node, kernel, weights.datatype, shape, kind="Conv", attributes=settings)
    return _scaled_sum(walk, node, tensor, out_scale, 2)


def _two_axes(kernel: Integers, settings: dict[str, Any]) -> tuple[Integers, dict[str, Any]]:
    """Append the unit axis of a 1-D kernel and its settings."""
    return (kernel if kernel.ndim == 4 else kernel[..., None]), two_axis_settings(settings)


def dense(walk: "Walk", node: Node) -> Value:
    """Read a MatMul or Gemm with constant weights."""
    weights, (value, scale) = _weights(walk, node), walk.scaled(node)
    attributes = attributes_of(node)
    integers, weight_scale = weights.integers, weights.scale
    if integers.ndim != 2 or len(value.tensor.shape) != 2:
        raise UnsupportedError(
            node.name,
            f"{node.op_type} on an input of {len(value.tensor.shape)} axes",
            "flatten to (batch, features) first",
        )
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
    out_scale = scale * _per_output(node, weight_scale, 1, integers.shape)
    shape = (1, integers.shape[1])
    tensor = _matrix(walk, node, integers, weights.datatype, shape, kind="MatMul")
    return _scaled_sum(walk, node, tensor, out_scale, 2 if node.op_type == "Gemm" else None)
