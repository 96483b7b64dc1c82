"""Readers of what only changes the shape."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from fpga_flow.errors import UnsupportedError
from fpga_flow.export.operations import Tensor, Upsample
from fpga_flow.export.operators import MAX_WINDOW
from fpga_flow.export.readers.common import Node, attributes_of
from fpga_flow.export.readers.pool import flattened
from fpga_flow.export.values import HostValue, Known, QuantisedConstant, Value

if TYPE_CHECKING:
    from fpga_flow.export.walk import Walk


def reshape(walk: "Walk", node: Node) -> Known:
    """Read a Flatten, Squeeze, Unsqueeze, or a Reshape that does the same; the host may reshape at will."""
    known = walk.known[node.input[0]]
    wanted = walk.shapes[node.output[0]]
    if isinstance(known, HostValue):
        if wanted[:1] != (1,) or prod(wanted[1:]) != prod(known.shape):
            raise UnsupportedError(
                node.name, f"the input is reshaped to {list(wanted)}", "keep the batch axis first"
            )
        shape = wanted[1:]
        return HostValue(shape, (*known.steps, ("reshape", [float(size) for size in shape])))
    value = walk.dynamic(node, any_view=True)
    x = value.tensor
    if wanted == x.shape:
        return replace(value, view=None)
    if len(x.shape) == 4 and len(wanted) in (3, 4) and wanted[:2] == x.shape[:2]:
        plain = wanted if len(wanted) == 4 else (*wanted, 1)
        if plain == x.shape:
            return replace(value, view=None)
        if [size for size in plain[2:] if size > 1] == [size for size in x.shape[2:] if size > 1]:
            return replace(value, view=plain)  # unit axes in other places; only some readers take that
    if wanted == (1, prod(x.shape[1:])):
        return flattened(walk, node.name, node.output[0], value)
    raise UnsupportedError(
        node.name, f"a reshape to {list(wanted)} in mid-network", "only flatten to (batch, features)"
    )


def transpose(walk: "Walk", node: Node) -> Known:
    """Read a transpose of weights."""
    known = walk.known[node.input[0]]
    if not isinstance(known, QuantisedConstant):
        raise UnsupportedError(
            node.name, "a transpose of an activation cannot be mapped to hardware", "keep channels first"
        )
    order = attributes_of(node).get("perm") or list(range(known.integers.ndim))[::-1]
    axes = known.integers.ndim
    if known.scale.size > 1:  # it is aligned with the last axes
        full = known.scale.reshape((1,) * (axes - known.scale.ndim) + known.scale.shape)
        known = replace(known, scale=full.transpose(order))
    return replace(known, integers=known.integers.transpose(order))


def pad(walk: "Walk", node: Node) -> Value:
    """Refuse a Pad: one with zeros in front of a convolution has become that one's (see `rewrite`)."""
    raise UnsupportedError(
        node.name,
        "a Pad that is not zeros around the positions of a convolution's input",
        "pad with zeros, right in front of a convolution (behind its quantiser)",
    )


def identity(walk: "Walk", node: Node) -> Known:
    """Read an operator that does nothing when a network is run."""
    training = walk.constant(node, 2) if len(node.input) > 2 and node.input[2] else np.zeros(1)
    if training is None or training.any():
        raise UnsupportedError(node.name, "it drops values at random", "export the network in eval mode")
    known = walk.known[node.input[0]]
    return walk.dynamic(node, any_view=True) if isinstance(known, Value) else known


def resize(walk: "Walk", node: Node) -> Value:
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
