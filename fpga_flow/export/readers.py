"""One reader per operator of QONNX: what is known about its output, given what is known about its inputs.

A reader raises `UnsupportedError` with the node's name, the reason and what would work.
"""

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper

from fpga_flow.errors import UnsupportedError
from fpga_flow.export.chain import Affine, Chain, Clip, Integers, Leaky, affine
from fpga_flow.export.operations import (
    Activation,
    Flatten,
    HostInput,
    Matrix,
    MaxPool,
    Tensor,
    integer_type,
)
from fpga_flow.export.values import (
    HostValue,
    Known,
    QuantisedConstant,
    QuantSpec,
    Value,
    quant_spec,
    quantise_constant,
)

if TYPE_CHECKING:
    from fpga_flow.export.walk import Walk

Node = onnx.NodeProto


def _attributes(node: Node) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


# Quantisers


def _quant(walk: "Walk", node: Node) -> Known:
    attributes = _attributes(node)
    if node.op_type == "BipolarQuant":
        spec = quant_spec(node.name, walk.constant(node, 1), 0, 1, 1, 0, "ROUND")
    else:
        spec = quant_spec(
            node.name,
            *(walk.constant(node, index) for index in (1, 2, 3)),
            signed=attributes.get("signed", 1),
            narrow=attributes.get("narrow", 0),
            rounding=attributes.get("rounding_mode", b"ROUND").decode(),
        )
    constant = walk.constant(node, 0)
    if constant is not None:
        return quantise_constant(constant, spec)
    if np.any(spec.scale != spec.scale.reshape(-1)[0]):
        raise UnsupportedError(
            node.name,
            "an activation with a scale per channel cannot be summed up in integers",
            "use one activation scale per tensor",
        )
    quantise = _quant_input if isinstance(walk.known[node.input[0]], HostValue) else _quant_activation
    value = quantise(walk, node, spec)
    walk.quantisers.append((node.name, value.tensor))
    return value


def _quant_input(walk: "Walk", node: Node, spec: QuantSpec) -> Value:
    source, quantiser = walk.known[node.input[0]], spec.quantiser
    assert isinstance(source, HostValue)
    if walk.host is not None:
        raise UnsupportedError(node.name, "the input is quantised a second time", "quantise it once, before it forks")
    if spec.bits > 8:
        raise UnsupportedError(node.name, f"the input has {spec.bits} bits", "use 8 bits or fewer")
    scale = float(spec.scale.reshape(-1)[0])
    shape = (1, *source.shape)
    limits = [np.full(shape[1], end, dtype=np.int64) for end in (quantiser.low, quantiser.high)]
    walk.host = HostInput(walk.frame_shape, list(source.steps), scale, quantiser)
    walk.input = Tensor(node.output[0], shape if len(shape) != 3 else (*shape, 1), quantiser.datatype, *limits)
    return Value(walk.input, Chain((affine(scale),)))


def _quant_activation(walk: "Walk", node: Node, spec: QuantSpec) -> Value:
    quantiser, scale = spec.quantiser, float(spec.scale.reshape(-1)[0])
    value = walk.align(node, walk.dynamic(node))
    tensor, chain = value.tensor, value.chain.divided(scale)
    result = Chain((affine(scale),))
    if chain.scale == 1.0 and tensor.low.min() >= quantiser.low and tensor.high.max() <= quantiser.high:
        return Value(tensor, result)  # already on this grid
    last = chain.steps[-1]
    if isinstance(last, Clip):
        ends = quantiser.apply(np.array([last.low, last.high]))
        if ends[0] == quantiser.low and ends[1] == quantiser.high:
            chain = Chain(chain.steps[:-1])  # the quantiser's own limits do the same
    limits = [np.full(tensor.channels, end, dtype=np.int64) for end in (quantiser.low, quantiser.high)]
    y = Tensor(node.output[0], tensor.shape, quantiser.datatype, *limits)
    return Value(walk.add(Activation(node.name, tensor, y, chain, quantiser)), result)


# Matrices


def _weights(walk: "Walk", node: Node) -> QuantisedConstant:
    weights = walk.known[node.input[1]]
    if not isinstance(weights, QuantisedConstant):
        kind = "computed" if isinstance(weights, Value | HostValue) else "not quantised"
        raise UnsupportedError(node.name, f"its weights are {kind}", "use a quantised layer (QuantConv, QuantLinear)")
    return weights


def _matrix(walk: "Walk", node: Node, weights: Integers, datatype: str, shape: tuple[int, ...], **more: Any) -> Tensor:
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


def _conv(walk: "Walk", node: Node) -> Value:
    weights, (value, scale) = _weights(walk, node), walk.scaled(node)
    attributes, kernel = _attributes(node), weights.integers
    if attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID", b""):
        raise UnsupportedError(node.name, f"auto_pad is {attributes['auto_pad'].decode()}", "export with explicit pads")
    axes = kernel.ndim - 2
    if axes not in (1, 2):
        raise UnsupportedError(node.name, f"a convolution over {axes} axes", "use one or two spatial axes")
    settings = {
        "kernel_shape": list(kernel.shape[2:]),
        "strides": list(attributes.get("strides", [1] * axes)),
        "dilations": list(attributes.get("dilations", [1] * axes)),
        "pads": list(attributes.get("pads", [0] * 2 * axes)),
        "group": int(attributes.get("group", 1)),
    }
    out_scale = scale * _per_output(node, weights.scale, 0, kernel.shape)
    kernel, settings = _two_axes(kernel, settings)
    shape = (1, kernel.shape[0], *_window_shape(value.tensor.shape[2:], settings))
    tensor = _matrix(walk, node, kernel, weights.datatype, shape, kind="Conv", attributes=settings)
    return _scaled_sum(walk, node, tensor, out_scale, 2)


def _two_axes(kernel: Integers, settings: dict[str, Any]) -> tuple[Integers, dict[str, Any]]:
    """Append the unit axis of a 1-D kernel and its settings."""
    return (kernel if kernel.ndim == 4 else kernel[..., None]), _two_axis_settings(settings)


def _two_axis_settings(settings: dict[str, Any]) -> dict[str, Any]:
    if len(settings["kernel_shape"]) == 2:
        return settings
    begin, end = settings["pads"]
    more = {key: [*settings[key], 1] for key in ("kernel_shape", "strides", "dilations")}
    return {**settings, **more, "pads": [begin, 0, end, 0]}


def _window_shape(shape: tuple[int, ...], settings: dict[str, Any]) -> tuple[int, ...]:
    pads = settings["pads"]
    return tuple(
        (size + pads[axis] + pads[axis + 2] - dilation * (window - 1) - 1) // stride + 1
        for axis, (size, window, stride, dilation) in enumerate(
            zip(shape, settings["kernel_shape"], settings["strides"], settings["dilations"], strict=True)
        )
    )


def _dense(walk: "Walk", node: Node) -> Value:
    weights, (value, scale) = _weights(walk, node), walk.scaled(node)
    attributes = _attributes(node)
    integers, weight_scale = weights.integers, weights.scale
    if integers.ndim != 2 or len(value.tensor.shape) != 2:
        raise UnsupportedError(
            node.name, f"{node.op_type} on an input of {len(value.tensor.shape)} axes", "flatten to (batch, features) first"
        )
    for key, wanted in (("alpha", 1.0), ("beta", 1.0), ("transA", 0)):
        if attributes.get(key, wanted) != wanted:
            raise UnsupportedError(node.name, f"{key} is {attributes[key]}", f"export with {key}={wanted:g}")
    if attributes.get("transB", 0):
        integers = integers.T
        weight_scale = weight_scale.T if weight_scale.ndim == 2 else weight_scale.reshape(-1, *[1] * (weight_scale.ndim > 0))
        weight_scale = weight_scale.reshape(1, -1) if weight_scale.size > 1 else weight_scale
    out_scale = scale * _per_output(node, weight_scale, 1, integers.shape)
    shape = (1, integers.shape[1])
    tensor = _matrix(walk, node, integers, weights.datatype, shape, kind="MatMul")
    return _scaled_sum(walk, node, tensor, out_scale, 2 if node.op_type == "Gemm" else None)


# Functions of one number


def _batch_norm(walk: "Walk", node: Node) -> Value:
    value = walk.dynamic(node)
    parameters = [walk.constant(node, index) for index in (1, 2, 3, 4)]
    if any(p is None for p in parameters):
        raise UnsupportedError(node.name, "its parameters are computed", "export the network in eval mode")
    gamma, beta, mean, variance = (np.asarray(p, dtype=np.float64) for p in parameters)
    # The attribute is a float32; its exact value is what the other parameters are too.
    factor = gamma / np.sqrt(variance + float(_attributes(node).get("epsilon", 1e-5)))
    return value.then(affine(factor, beta - mean * factor))


_ARITHMETIC = {"Mul": "mul", "Div": "div", "Add": "add", "Sub": "sub"}


def _arithmetic(walk: "Walk", node: Node) -> Known:
    left, right = (walk.constant(node, index) for index in (0, 1))
    if left is None and right is None:
        raise UnsupportedError(
            node.name,
            f"{node.op_type} of two computed tensors cannot be mapped to hardware yet",
            "use a network without residual connections or gates",
        )
    index, constant = (0, right) if right is not None else (1, left)
    if index == 1 and node.op_type in ("Sub", "Div"):
        raise UnsupportedError(node.name, f"a constant on the left of {node.op_type}", "write it as a product or sum")
    known = walk.known[node.input[index]]
    rank = len(known.shape) + 1 if isinstance(known, HostValue) else len(walk.dynamic(node, index).tensor.shape)
    if isinstance(known, HostValue):
        values = _one_per_channel(node, constant, rank)
        return replace(known, steps=(*known.steps, (_ARITHMETIC[node.op_type], values.tolist())))
    value = walk.dynamic(node, index)
    numbers = _one_per_channel(node, constant, rank)
    if node.op_type == "Div":
        return value.then(affine(1.0 / numbers))
    if node.op_type == "Mul":
        return value.then(affine(numbers))
    return value.then(affine(1.0, numbers if node.op_type == "Add" else -numbers))


def _one_per_channel(node: Node, constant: Any, rank: int) -> Any:
    """Return a constant as a flat array: one number, or one per channel (axis 1 of `rank` axes)."""
    array = np.asarray(constant, dtype=np.float64)
    if array.size == 1:
        return array.reshape(-1)
    # a 1-D network has a unit axis more here than in its file
    for axes in {rank, rank - 1} if rank == 4 else {rank}:
        aligned = array.reshape((1,) * max(0, axes - array.ndim) + array.shape)
        if aligned.ndim == axes and aligned.size == aligned.shape[1]:
            return array.reshape(-1)
    raise UnsupportedError(
        node.name, f"a constant of shape {list(array.shape)} is not one number per channel", "scale per tensor or per channel"
    )


def _relu(walk: "Walk", node: Node) -> Value:
    return walk.align(node, walk.dynamic(node)).then(Clip(0.0, np.inf))


def _leaky_relu(walk: "Walk", node: Node) -> Value:
    slope = float(_attributes(node).get("alpha", 0.01))
    if slope < 0:
        raise UnsupportedError(node.name, f"its slope is {slope:g}", "use a slope of 0 or more")
    return walk.align(node, walk.dynamic(node)).then(Leaky(slope))


def _clip(walk: "Walk", node: Node) -> Value:
    attributes = _attributes(node)
    ends = [attributes.get("min", -np.inf), attributes.get("max", np.inf)]
    for index in (1, 2):
        if len(node.input) > index and node.input[index]:
            constant = walk.constant(node, index)
            if constant is None:
                raise UnsupportedError(node.name, "its limits are computed", "use constant limits")
            ends[index - 1] = float(constant.reshape(-1)[0])
    return walk.align(node, walk.dynamic(node)).then(Clip(float(ends[0]), float(ends[1])))


# Shapes


def _max_pool(walk: "Walk", node: Node) -> Value:
    value = walk.align(node, walk.dynamic(node))
    attributes = _attributes(node)
    if attributes.get("ceil_mode", 0) or attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID", b""):
        raise UnsupportedError(node.name, "max-pool with ceil_mode or auto_pad", "use explicit pads and ceil_mode=0")
    window = list(attributes["kernel_shape"])
    axes = len(window)
    settings = _two_axis_settings(
        {
            "kernel_shape": window,
            "strides": list(attributes.get("strides", [1] * axes)),
            "dilations": list(attributes.get("dilations", [1] * axes)),
            "pads": list(attributes.get("pads", [0] * 2 * axes)),
        }
    )
    if any(d != 1 for d in settings["dilations"]):
        raise UnsupportedError(node.name, "max-pool with dilation", "use dilation 1")
    del settings["dilations"]
    x = value.tensor
    shape = (*x.shape[:2], *_window_shape(x.shape[2:], {**settings, "dilations": [1, 1]}))
    y = Tensor(node.output[0], shape, x.datatype, x.low.copy(), x.high.copy())
    return replace(value, tensor=walk.add(MaxPool(node.name, x, y, settings)))


def _reshape(walk: "Walk", node: Node) -> Known:
    known = walk.known[node.input[0]]
    wanted = tuple(walk.model.get_tensor_shape(node.output[0]) or ())
    if isinstance(known, HostValue):
        if wanted[:1] != (1,) or prod(wanted[1:]) != prod(known.shape):
            raise UnsupportedError(node.name, f"the input is reshaped to {list(wanted)}", "keep the batch axis first")
        shape = wanted[1:]
        return HostValue(shape, (*known.steps, ("reshape", [float(size) for size in shape])))
    value = walk.dynamic(node)
    x = value.tensor
    if wanted == x.shape:
        return value
    if wanted != (1, prod(x.shape[1:])):
        raise UnsupportedError(node.name, f"a reshape to {list(wanted)} in mid-network", "only flatten to (batch, features)")
    positions = prod(x.shape[2:])
    y = Tensor(node.output[0], wanted, x.datatype, np.repeat(x.low, positions), np.repeat(x.high, positions))
    return replace(value, tensor=walk.add(Flatten(node.name, x, y)), chain=value.chain.repeated(positions))


def _transpose(walk: "Walk", node: Node) -> Known:
    known = walk.known[node.input[0]]
    if not isinstance(known, QuantisedConstant):
        raise UnsupportedError(node.name, "a transpose of an activation cannot be mapped to hardware", "keep channels first")
    order = _attributes(node).get("perm") or list(range(known.integers.ndim))[::-1]
    scale = known.scale.transpose(order) if known.scale.ndim == known.integers.ndim else known.scale
    return replace(known, integers=known.integers.transpose(order), scale=scale)


def _identity(walk: "Walk", node: Node) -> Known:
    return walk.known[node.input[0]]


def _to_class(walk: "Walk", node: Node) -> Value:
    """Softmax keeps the order of the logits, so top-1 does without it."""
    if walk.reads[node.output[0]] != 1 or node.output[0] != walk.graph.output[0].name:
        raise UnsupportedError(node.name, f"{node.op_type} in mid-network", "use it only as the last node")
    return walk.dynamic(node)


READERS: dict[str, Callable[["Walk", Node], Known]] = {
    "Quant": _quant,
    "IntQuant": _quant,
    "BipolarQuant": _quant,
    "Conv": _conv,
    "MatMul": _dense,
    "Gemm": _dense,
    "BatchNormalization": _batch_norm,
    "Add": _arithmetic,
    "Sub": _arithmetic,
    "Mul": _arithmetic,
    "Div": _arithmetic,
    "Relu": _relu,
    "LeakyRelu": _leaky_relu,
    "Clip": _clip,
    "MaxPool": _max_pool,
    "Flatten": _reshape,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Identity": _identity,
    "Dropout": _identity,
    "Softmax": _to_class,
    "LogSoftmax": _to_class,
}
