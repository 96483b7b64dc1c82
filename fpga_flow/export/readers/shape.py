"""Readers of what only changes the shape."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor, prod
from typing import Any

import numpy as np

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.layout import Layout
from fpga_flow.export.nodes import Node, attributes_of, zeros_around
from fpga_flow.export.operations import Upsample
from fpga_flow.export.operators import MAX_WINDOW
from fpga_flow.export.readers.pool import flattened
from fpga_flow.export.state import Walk
from fpga_flow.export.tensors import Tensor
from fpga_flow.export.values import Constant, HostValue, Known, QuantisedConstant, Value


def reshape(walk: Walk, node: Node) -> Known:
    """Read a Flatten, Squeeze, Unsqueeze, or a Reshape that does the same; the host may reshape at will."""
    known = walk.known[node.input[0]]
    wanted = walk.shapes[node.output[0]]
    if isinstance(known, HostValue):
        if wanted[:1] != (1,) or prod(wanted[1:]) != prod(known.shape):
            raise UnsupportedError(
                node.name, f"the input is reshaped to {list(wanted)}", "keep the batch axis first"
            )
        return known.reshaped(wanted[1:])
    value = walk.dynamic(node, any_layout=True)
    layout, x = walk.layout(node), value.tensor
    if wanted[:1] == (1,) and (found := layout.reshaped(x.shape, wanted)) is not None:
        return _lying(value, found)
    if wanted == (1, prod(x.shape[1:])):
        return flattened(walk, node.name, node.output[0], value, layout)
    raise UnsupportedError(
        node.name,
        f"a reshape of {list(layout.shape(x.shape))} to {list(wanted)} in mid-network",
        "only unit axes can come and go there, or all axes be flattened to (batch, features)",
    )


def transpose(walk: Walk, node: Node) -> Known:
    """Read a transpose: of weights, of the input, which the host carries out, or of an activation."""
    known = walk.known[node.input[0]]
    rank = len(walk.shapes[node.output[0]])
    order = [int(axis) for axis in attributes_of(node).get("perm") or reversed(range(rank))]
    if isinstance(known, QuantisedConstant):
        if known.scale.size > 1:  # it is aligned with the last axes
            full = known.scale.reshape((1,) * (rank - known.scale.ndim) + known.scale.shape)
            known = replace(known, scale=full.transpose(order))
        return replace(known, integers=known.integers.transpose(order))
    if isinstance(known, Constant):
        return Constant(known.array.transpose(order))
    if order[0] != 0:
        raise UnsupportedError(node.name, "it moves the batch axis", "keep the batch axis first")
    if isinstance(known, HostValue):
        return known.transposed(order)
    value = walk.dynamic(node, any_layout=True)
    return _lying(value, walk.layout(node).transposed(order))


def _lying(value: Value, layout: Layout) -> Value:
    """Return `value` where the file's tensor lies as `layout`."""
    return replace(value, layout=None if layout.is_plain(value.tensor.shape) else layout)


def move(walk: Walk, node: Node) -> Value:
    """Read a DepthToSpace or SpaceToDepth, or a Gather of channels."""
    value, attributes, indices = walk.dynamic(node), attributes_of(node), None
    if node.op_type == "Gather":
        indices = walk.constant(node, 1)
        rank = len(walk.shapes[node.input[0]])
        one_each = indices is not None and sorted(indices.reshape(-1)) == list(range(value.tensor.channels))
        if indices is None or attributes.get("axis", 0) % rank != 1 or indices.ndim != 1 or not one_each:
            raise UnsupportedError(
                node.name, "a Gather that is no order of all channels", "take each channel once, along axis 1"
            )
        indices = indices.astype(np.int64)
        attributes = {}
    if len(value.tensor.shape) != 4:
        raise UnsupportedError(
            node.name, f"{node.op_type} of a row of features", "use it on (batch, channels, height, width)"
        )
    return walk.moved(node, value, node.op_type, attributes, indices)


def pad(walk: Walk, node: Node) -> Known:
    """Read a Pad of the input; one in front of a convolution has become that one's (see `rewrite`)."""
    around = zeros_around(walk.model, node)
    if (known := walk.on_host(node)) is not None and around is not None:
        begins, ends = around
        if not begins[0] and not ends[0]:
            return known.padded(begins[1:], ends[1:])
    raise UnsupportedError(
        node.name,
        "a Pad that is not zeros around the positions of a convolution's input",
        "pad with zeros, right in front of a convolution (behind its quantiser)",
    )


def identity(walk: Walk, node: Node) -> Known:
    """Read an operator that does nothing when a network is run."""
    training = walk.constant(node, 2) if len(node.input) > 2 and node.input[2] else np.zeros(1)
    if training is None or training.any():
        raise UnsupportedError(node.name, "it drops values at random", "export the network in eval mode")
    known = walk.known[node.input[0]]
    return walk.dynamic(node, any_layout=True, open_sum=True) if isinstance(known, Value) else known


def resize(walk: Walk, node: Node) -> Value:
    """Read an upsampling (Resize, Upsample) that repeats every position a whole number of times."""
    value, attributes = walk.dynamic(node), attributes_of(node)
    mode = attributes.get("mode", b"nearest").decode()
    shape = walk.shapes[node.output[0]]
    x = value.tensor
    if mode != "nearest":
        raise UnsupportedError(node.name, f"upsampling of mode {mode!r}", "use mode='nearest'")
    plain = (*shape, 1) if len(shape) == 3 else shape
    if (
        len(x.shape) != 4
        or plain[:2] != x.shape[:2]
        or any(new % old for new, old in zip(plain[2:], x.shape[2:], strict=True))
    ):
        raise UnsupportedError(
            node.name,
            f"it resizes {list(x.shape[1:])} to {list(plain[1:])}, which is no whole number of times",
            "use a whole scale_factor for height and width",
        )
    height, width = (new // old for new, old in zip(plain[2:], x.shape[2:], strict=True))
    for size, factor in zip(x.shape[2:], (height, width), strict=True):
        if not _repeats(node, attributes, size, factor):
            raise UnsupportedError(
                node.name,
                f"its mode ({_coordinates(node, attributes)}, {_nearest(node, attributes)}) does not repeat "
                f"every position {factor} times",
                "export with the coordinates 'asymmetric' and nearest_mode 'floor'",
            )
    if (height, width) == (1, 1):
        return value
    y = Tensor(node.output[0], plain, x.datatype, x.low.copy(), x.high.copy())
    return replace(value, tensor=walk.add(Upsample(node.name, (x,), (y,), (height, width))))


def _coordinates(node: Node, attributes: dict[str, Any]) -> str:
    default = b"asymmetric" if node.op_type == "Upsample" else b"half_pixel"
    found: str = attributes.get("coordinate_transformation_mode", default).decode()
    return found


def _nearest(node: Node, attributes: dict[str, Any]) -> str:
    default = b"floor" if node.op_type == "Upsample" else b"round_prefer_floor"
    found: str = attributes.get("nearest_mode", default).decode()
    return found


def _repeats(node: Node, attributes: dict[str, Any], size: int, factor: int) -> bool:
    """Whether the operator takes position i // factor for every i; calculated as ONNX defines it."""
    out, coordinates, half = size * factor, _coordinates(node, attributes), Fraction(1, 2)
    rules: dict[str, Callable[[int], Fraction]] = {
        "asymmetric": lambda i: Fraction(i, factor),
        "half_pixel": lambda i: (i + half) / factor - half,
        "half_pixel_symmetric": lambda i: (i + half) / factor - half,
        "pytorch_half_pixel": lambda i: (i + half) / factor - half if out > 1 else Fraction(0),
        "tf_half_pixel_for_nn": lambda i: (i + half) / factor,
        "align_corners": lambda i: Fraction(i * (size - 1), out - 1) if out > 1 else Fraction(0),
    }
    roundings: dict[str, Callable[[Fraction], int]] = {
        "floor": floor,
        "ceil": ceil,
        "round_prefer_floor": lambda x: ceil(x - half),
        "round_prefer_ceil": lambda x: floor(x + half),
    }
    rule, rounding = rules.get(coordinates), roundings.get(_nearest(node, attributes))
    if rule is None or rounding is None or out > MAX_WINDOW:
        return False
    taken = np.clip([rounding(rule(i)) for i in range(out)], 0, size - 1)
    return bool(np.array_equal(taken, np.arange(out) // factor))
