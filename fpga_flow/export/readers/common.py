"""What several readers need."""

from typing import Any

import onnx
from onnx import helper

Node = onnx.NodeProto

MAX_BITS = 8
"""Of a weight or an activation."""


def attributes_of(node: Node) -> dict[str, Any]:
    """Return the attributes of `node` by name."""
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def two_axis_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Append the unit axis to the settings of a 1-D window."""
    if len(settings["kernel_shape"]) == 2:
        return settings
    begin, end = settings["pads"]
    more = {key: [*settings[key], 1] for key in ("kernel_shape", "strides", "dilations")}
    return {**settings, **more, "pads": [begin, 0, end, 0]}


def window_shape(shape: tuple[int, ...], settings: dict[str, Any]) -> tuple[int, ...]:
    """Return the spatial output shape of a convolution or pool."""
    pads = settings["pads"]
    return tuple(
        (size + pads[axis] + pads[axis + 2] - dilation * (window - 1) - 1) // stride + 1
        for axis, (size, window, stride, dilation) in enumerate(
            zip(shape, settings["kernel_shape"], settings["strides"], settings["dilations"], strict=True)
        )
    )
