"""Readers of pools and of what only changes the shape."""

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from fpga_flow.errors import UnsupportedError
from fpga_flow.export.operations import Flatten, MaxPool, Tensor
from fpga_flow.export.readers.common import Node, attributes_of, two_axis_settings, window_shape
from fpga_flow.export.values import HostValue, Known, QuantisedConstant, Value

if TYPE_CHECKING:
    from fpga_flow.export.walk import Walk


def max_pool(walk: "Walk", node: Node) -> Value:
    """Read a max-pool over one or two axes."""
    value = walk.align(node, walk.dynamic(node))
    attributes = attributes_of(node)
    if attributes.get("ceil_mode", 0) or attributes.get("auto_pad", b"NOTSET") not in (
        b"NOTSET",
        b"VALID",
        b"",
    ):
        raise UnsupportedError(
            node.name, "max-pool with ceil_mode or auto_pad", "use explicit pads and ceil_mode=0"
        )
    window = list(attributes["kernel_shape"])
    axes = len(window)
    settings = two_axis_settings(
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
    if any(settings["pads"]) and x.low.min() < 0:
        raise UnsupportedError(
            node.name,
            "max-pool that pads an input with negative values",
            "pool without padding, or after a ReLU",
        )
    shape = (*x.shape[:2], *window_shape(x.shape[2:], {**settings, "dilations": [1, 1]}))
    y = Tensor(node.output[0], shape, x.datatype, x.low.copy(), x.high.copy())
    return replace(value, tensor=walk.add(MaxPool(node.name, x, y, settings)))


def reshape(walk: "Walk", node: Node) -> Known:
    """Read a Flatten, or a Reshape that flattens; the host may reshape as it likes."""
    known = walk.known[node.input[0]]
    wanted = tuple(walk.model.get_tensor_shape(node.output[0]) or ())
    if isinstance(known, HostValue):
        if wanted[:1] != (1,) or prod(wanted[1:]) != prod(known.shape):
            raise UnsupportedError(
                node.name, f"the input is reshaped to {list(wanted)}", "keep the batch axis first"
            )
        shape = wanted[1:]
        return HostValue(shape, (*known.steps, ("reshape", [float(size) for size in shape])))
    value = walk.dynamic(node)
    x = value.tensor
    if wanted == x.shape:
        return value
    if wanted != (1, prod(x.shape[1:])):
        raise UnsupportedError(
            node.name, f"a reshape to {list(wanted)} in mid-network", "only flatten to (batch, features)"
        )
    positions = prod(x.shape[2:])
    y = Tensor(node.output[0], wanted, x.datatype, np.repeat(x.low, positions), np.repeat(x.high, positions))
    return replace(value, tensor=walk.add(Flatten(node.name, x, y)), chain=value.chain.repeated(positions))


def transpose(walk: "Walk", node: Node) -> Known:
    """Read a transpose of weights."""
    known = walk.known[node.input[0]]
    if not isinstance(known, QuantisedConstant):
        raise UnsupportedError(
            node.name, "a transpose of an activation cannot be mapped to hardware", "keep channels first"
        )
    order = attributes_of(node).get("perm") or list(range(known.integers.ndim))[::-1]
    scale = known.scale.transpose(order) if known.scale.ndim == known.integers.ndim else known.scale
    return replace(known, integers=known.integers.transpose(order), scale=scale)


def identity(walk: "Walk", node: Node) -> Known:
    """Read an operator that does nothing when a network is run."""
    return walk.known[node.input[0]]
