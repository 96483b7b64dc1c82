"""What a node of a file may look like: its inputs, its outputs, its attributes and their values.

Everything here is checked before a library works on the node: some end the whole process on a stride of 0.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import onnx
from onnx import AttributeProto, NodeProto, helper

from fpga_flow.core.errors import UnsupportedError

QONNX_DOMAIN = "qonnx.custom_op.general"
MAX_PORTS = 1024
"""Inputs or outputs of a node."""
MAX_WINDOW = 2**16
"""Of a kernel, stride, dilation or pad along one axis."""
MAX_GROUPS = 2**16
MAX_AXES = 16

AGAIN = "export the network again"

_WINDOW, _PADS, _AXIS, _FLAG = (1, MAX_WINDOW), (0, MAX_WINDOW), (-MAX_AXES, MAX_AXES - 1), (0, 1)
RANGES: dict[str, tuple[int, int]] = {
    **dict.fromkeys(("strides", "dilations", "kernel_shape"), _WINDOW),
    **dict.fromkeys(("pads", "output_padding"), _PADS),
    "blocksize": _WINDOW,
    "group": (1, MAX_GROUPS),
    **dict.fromkeys(("axis", "axes", "perm"), _AXIS),
    "split": (1, 2**31 - 1),
    **dict.fromkeys(("signed", "narrow", "ceil_mode", "count_include_pad", "keepdims"), _FLAG),
    **dict.fromkeys(("transA", "transB", "allowzero", "storage_order", "noop_with_empty_axes"), _FLAG),
    "training_mode": (0, 0),
    "num_outputs": (1, MAX_PORTS),
}
"""Least and most of every whole number in an attribute of that name."""
AUTO_PADS = ("", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
_KINDS: dict[int, str] = {
    AttributeProto.INT: "a whole number",
    AttributeProto.INTS: "whole numbers",
    AttributeProto.FLOAT: "a number",
    AttributeProto.FLOATS: "numbers",
    AttributeProto.STRING: "a word",
    AttributeProto.STRINGS: "words",
    AttributeProto.TENSOR: "a tensor",
}
"""Kinds of attributes that are read."""


@dataclass(frozen=True)
class Signature:
    """How many inputs and outputs an operator has, and the kinds of its attributes."""

    inputs: tuple[int, int]
    outputs: tuple[int, int]
    attributes: Mapping[str, int]
    required: tuple[str, ...] = ()


_QUANT = {"signed": AttributeProto.INT, "narrow": AttributeProto.INT, "rounding_mode": AttributeProto.STRING}
_THRESHOLDS = {
    "out_dtype": AttributeProto.STRING,
    "out_scale": AttributeProto.FLOAT,
    "out_bias": AttributeProto.FLOAT,
    "data_layout": AttributeProto.STRING,
}
QONNX: dict[str, Signature] = {
    "Quant": Signature((4, 4), (1, 1), _QUANT),
    "IntQuant": Signature((4, 4), (1, 1), _QUANT),
    "BipolarQuant": Signature((2, 2), (1, 1), {}),
    "MultiThreshold": Signature((2, 2), (1, 1), _THRESHOLDS),
    "Trunc": Signature((5, 6), (1, 1), _QUANT),
}
"""The operators of QONNX that are read."""


def check_node(node: NodeProto, opset: int) -> None:
    """Check what can be checked of `node` without the shapes of its inputs; raises `UnsupportedError`."""
    signature = _signature(node, opset)
    for what, names, (least, most) in (
        ("inputs", node.input, signature.inputs),
        ("outputs", node.output, signature.outputs),
    ):
        if not least <= len(names) <= min(most, MAX_PORTS):
            limits = f"{least}" if least == most else f"{least} to {min(most, MAX_PORTS)}"
            raise UnsupportedError(
                node.name, f"{node.op_type} must have {limits} {what}, not {len(names)}", AGAIN
            )
        if not all(names[:least]):
            raise UnsupportedError(node.name, f"one of its first {least} {what} is left out", AGAIN)
    given = [attribute.name for attribute in node.attribute]
    for name in signature.required:
        if name not in given:
            raise UnsupportedError(node.name, f"its attribute {name} is missing", AGAIN)
    for attribute in node.attribute:
        if given.count(attribute.name) > 1:
            raise UnsupportedError(node.name, f"its attribute {attribute.name} is given twice", AGAIN)
        _check_attribute(node, attribute, signature)
    if node.op_type == "Constant" and len(given) != 1:
        raise UnsupportedError(node.name, "a Constant must have one attribute", AGAIN)
    _check_padding(node)


def _signature(node: NodeProto, opset: int) -> Signature:
    if node.domain == QONNX_DOMAIN:
        return QONNX[node.op_type]
    try:
        schema = onnx.defs.get_schema(node.op_type, opset, "")
    except onnx.defs.SchemaError:
        raise UnsupportedError(
            node.name, f"operator {node.op_type} is not in opset {opset}", "export with another opset"
        ) from None
    return Signature(
        (schema.min_input, schema.max_input),
        (schema.min_output, schema.max_output),
        {name: int(a.type.value) for name, a in schema.attributes.items()},  # type: ignore[attr-defined]
        tuple(name for name, attribute in schema.attributes.items() if attribute.required),
    )


def _check_attribute(node: NodeProto, attribute: AttributeProto, signature: Signature) -> None:
    name, wanted = attribute.name, signature.attributes.get(attribute.name)
    if wanted is None:
        known = ", ".join(sorted(signature.attributes)) or "none"
        raise UnsupportedError(node.name, f"{node.op_type} has no attribute {name!r} (but {known})", AGAIN)
    if attribute.type != wanted or wanted not in _KINDS or attribute.ref_attr_name:
        kind = _KINDS.get(wanted, "left out")
        raise UnsupportedError(node.name, f"its attribute {name} must be {kind}", AGAIN)
    value = helper.get_attribute_value(attribute)
    if wanted in (AttributeProto.INT, AttributeProto.INTS):
        low, high = (-MAX_WINDOW, MAX_WINDOW) if node.op_type == "Pad" else RANGES.get(name, (None, None))
        numbers = [value] if wanted == AttributeProto.INT else list(value)
        if low is not None and high is not None and any(not low <= number <= high for number in numbers):
            must = f"{low}" if low == high else f"{low} to {high}"
            raise UnsupportedError(node.name, f"its {name} must be {must}, not {value}", AGAIN)
    elif wanted in (AttributeProto.FLOAT, AttributeProto.FLOATS):
        numbers = [value] if wanted == AttributeProto.FLOAT else list(value)
        if any(math.isnan(n) or (math.isinf(n) and node.op_type != "Clip") for n in numbers):
            raise UnsupportedError(node.name, f"its {name} must be finite, not {value}", AGAIN)
    elif wanted in (AttributeProto.STRING, AttributeProto.STRINGS):
        words = [value] if wanted == AttributeProto.STRING else list(value)
        if not all(word.isascii() for word in words):
            raise UnsupportedError(node.name, f"its {name} must be plain text, not {value!r}", AGAIN)


def _check_padding(node: NodeProto) -> None:
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    automatic = attributes.get("auto_pad", b"NOTSET").decode("ascii")
    if automatic not in AUTO_PADS:
        raise UnsupportedError(node.name, f"its auto_pad is {automatic!r}", f"use one of {AUTO_PADS[1:]}")
    pads = attributes.get("pads", [])
    if automatic not in ("", "NOTSET") and (any(pads) or (pads and automatic != "VALID")):
        raise UnsupportedError(
            node.name, f"it has pads {list(pads)} and auto_pad {automatic} as well", "leave one of them out"
        )


def check_shapes(node: NodeProto, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Check `node` (see `check_node`) against the shapes of its inputs; raises `UnsupportedError`."""
    if node.domain == QONNX_DOMAIN:
        _check_quantiser(node, shapes)
    elif node.op_type in ("Conv", "ConvTranspose", "MaxPool", "AveragePool"):
        _check_window(node, shapes)
    elif node.op_type == "Transpose":
        axes = list(range(len(shapes[node.input[0]])))
        order = [list(a.ints) for a in node.attribute]
        if order and sorted(order[0]) != axes:
            raise UnsupportedError(node.name, f"its perm must order the axes {axes}, not {order[0]}", AGAIN)
    elif node.op_type == "BatchNormalization":
        channels = shapes[node.input[0]][1:2]
        for name, parameter in zip(("scale", "bias", "mean", "variance"), node.input[1:], strict=True):
            if shapes[parameter] != channels:
                raise UnsupportedError(
                    node.name,
                    f"its {name} has the shape {list(shapes[parameter])}, its input {channels} channels",
                    AGAIN,
                )


def _check_quantiser(node: NodeProto, shapes: Mapping[str, tuple[int, ...]]) -> None:
    x = shapes[node.input[0]]
    for name in node.input[1:] if node.op_type != "MultiThreshold" else ():
        shape = shapes[name]
        short = (1,) * (len(x) - len(shape)) + shape
        fits = len(shape) <= len(x) and all(a in (1, b) for a, b in zip(short, x, strict=True))
        if math.prod(shape) != 1 and not fits:
            raise UnsupportedError(
                node.name,
                f"its parameter {name!r} of the shape {list(shape)} does not fit its input, {list(x)}",
                AGAIN,
            )


def _check_window(node: NodeProto, shapes: Mapping[str, tuple[int, ...]]) -> None:
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    x = shapes[node.input[0]]
    axes = len(x) - 2
    if axes not in (1, 2):
        raise UnsupportedError(
            node.name, f"a window over {axes} axes (its input is {list(x)})", "use one or two spatial axes"
        )
    kernel = list(attributes.get("kernel_shape", []))
    if node.op_type in ("Conv", "ConvTranspose"):
        kernel = _checked_weights(node, shapes, kernel, int(attributes.get("group", 1)))
    strides, dilations = (list(attributes.get(key) or [1] * axes) for key in ("strides", "dilations"))
    pads = list(attributes.get("pads") or [0] * 2 * axes)
    for name, values, length in (
        ("kernel_shape", kernel, axes),
        ("strides", strides, axes),
        ("dilations", dilations, axes),
        ("pads", pads, 2 * axes),
        ("output_padding", list(attributes.get("output_padding") or [0] * axes), axes),
    ):
        if len(values) != length:
            raise UnsupportedError(node.name, f"its {name} must be {length} numbers, not {values}", AGAIN)
    if node.op_type == "ConvTranspose":
        return
    if node.op_type != "Conv" and any(p >= k for p, k in zip(pads, kernel * 2, strict=True)):
        raise UnsupportedError(
            node.name, f"its pads {pads} must be smaller than its kernel {kernel}", "pad less"
        )
    if attributes.get("auto_pad", b"").startswith(b"SAME"):
        return
    for axis, size in enumerate(x[2:]):
        reach = dilations[axis] * (kernel[axis] - 1) + 1
        padded = size + pads[axis] + pads[axis + axes]
        if reach > padded:
            raise UnsupportedError(
                node.name,
                f"its window reaches over {reach} positions; its input has {padded} with the padding",
                "use a smaller kernel or dilation, or more padding",
            )


def _checked_weights(
    node: NodeProto, shapes: Mapping[str, tuple[int, ...]], kernel: list[int], group: int
) -> list[int]:
    """Return the kernel's sizes, which the weights and, where it is there, the attribute give."""
    x, weights = shapes[node.input[0]], shapes[node.input[1]]
    if len(weights) != len(x):
        raise UnsupportedError(
            node.name, f"its weights have the shape {list(weights)}, its input {list(x)}", AGAIN
        )
    if kernel and kernel != list(weights[2:]):
        raise UnsupportedError(
            node.name, f"its kernel_shape is {kernel}, its weights have the shape {list(weights)}", AGAIN
        )
    if node.op_type == "ConvTranspose":  # inputs first, and the outputs of one group
        if weights[0] != x[1] or weights[0] % group:
            raise UnsupportedError(
                node.name,
                f"its input has {x[1]} channels, its weights the shape {list(weights)} and {group} groups",
                "inputs are the weights' first size, a multiple of the groups",
            )
        weights = (weights[1] * group, weights[0] // group, *weights[2:])
    elif weights[1] * group != x[1] or weights[0] % group:
        raise UnsupportedError(
            node.name,
            f"its input has {x[1]} channels, its weights the shape {list(weights)} and {group} groups",
            "inputs are the weights' second size times the groups, outputs a multiple of the groups",
        )
    bias = shapes[node.input[2]] if len(node.input) > 2 and node.input[2] else weights[:1]
    if bias != weights[:1]:
        raise UnsupportedError(
            node.name, f"its bias has the shape {list(bias)}, for {weights[0]} channels", AGAIN
        )
    return list(weights[2:])
