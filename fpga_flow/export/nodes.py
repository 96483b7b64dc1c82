"""What a node of ONNX says: its attributes, its window, the zeros that it puts around."""

from typing import Any

import numpy as np
import onnx
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError

Node = onnx.NodeProto


def attributes_of(node: Node) -> dict[str, Any]:
    """Return the attributes of `node` by name."""
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def window(node: Node, kernel: list[int], size: tuple[int, ...]) -> dict[str, Any]:
    """Return kernel_shape, strides, dilations and pads of a window over an input of the spatial `size`.

    `size` has two axes; the unit axis of a 1-D window is appended. auto_pad becomes pads. Of ceil_mode see
    `with_overhang`.
    """
    attributes, axes = attributes_of(node), len(kernel)
    if axes not in (1, 2):
        raise UnsupportedError(node.name, f"a window over {axes} axes", "use one or two spatial axes")
    strides = list(attributes.get("strides", [1] * axes))
    dilations = list(attributes.get("dilations", [1] * axes))
    reach = [dilation * (length - 1) + 1 for dilation, length in zip(dilations, kernel, strict=True)]
    automatic = attributes.get("auto_pad", b"NOTSET").decode()
    pads = list(attributes.get("pads", [0] * 2 * axes))
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        total = [
            max((-(-length // stride) - 1) * stride + over - length, 0)
            for length, stride, over in zip(size, strides, reach, strict=False)
        ]
        small, large = [t // 2 for t in total], [t - t // 2 for t in total]
        pads = small + large if automatic == "SAME_UPPER" else large + small
    elif automatic == "VALID":
        pads = [0] * 2 * axes
    if axes == 1:
        kernel, strides, dilations = [*kernel, 1], [*strides, 1], [*dilations, 1]
        pads = [pads[0], 0, pads[1], 0]
    return {"kernel_shape": kernel, "strides": strides, "dilations": dilations, "pads": pads}


def with_overhang(node: Node, settings: dict[str, Any], size: tuple[int, ...]) -> dict[str, Any]:
    """Return `settings` of a pool (see `window`) with pads as far as ceil_mode lets its windows reach.

    As ONNX has it, a window may stand out over the end if it starts within the input or the padding before
    it. `size` is that of the input, two axes.
    """
    if not attributes_of(node).get("ceil_mode", 0):
        return settings
    pads = list(settings["pads"])
    keys = ("kernel_shape", "strides", "dilations")
    for axis, (length, stride, dilation) in enumerate(zip(*(settings[key] for key in keys), strict=True)):
        reach, start = dilation * (length - 1) + 1, size[axis] + pads[axis]
        padded = start + pads[axis + 2]
        last = -(-(padded - reach) // stride) * stride
        if last >= start:
            last -= stride
        pads[axis + 2] += max(0, last + reach - padded)
    return {**settings, "pads": pads}


def window_shape(shape: tuple[int, ...], settings: dict[str, Any]) -> tuple[int, ...]:
    """Return the spatial output shape of a convolution or pool."""
    pads = settings["pads"]
    return tuple(
        (size + pads[axis] + pads[axis + 2] - dilation * (length - 1) - 1) // stride + 1
        for axis, (size, length, stride, dilation) in enumerate(
            zip(shape, settings["kernel_shape"], settings["strides"], settings["dilations"], strict=True)
        )
    )


def zeros_around(wrapper: ModelWrapper, node: Node) -> tuple[list[int], list[int]] | None:
    """Return how many zeros a Pad puts before and behind each axis, None where it does something else."""
    attributes, rank = attributes_of(node), len(wrapper.get_tensor_shape(node.input[0]))

    def parameter(index: int, name: str, default: Any) -> Any:
        if len(node.input) > index and node.input[index]:
            return wrapper.get_initializer(node.input[index])
        return attributes.get(name, default)

    pads, value = parameter(1, "pads", None), parameter(2, "value", 0.0)
    axes = parameter(3, "axes", range(rank))
    if attributes.get("mode", b"constant") != b"constant" or pads is None or value is None or axes is None:
        return None
    value = np.asarray(value).reshape(-1)
    if len(pads) != 2 * len(axes) or value.size > 1:
        return None
    begins, ends = [0] * rank, [0] * rank
    for index, axis in enumerate(axes):
        begins[int(axis) % rank], ends[int(axis) % rank] = int(pads[index]), int(pads[index + len(axes)])
    if value.any() or min(begins + ends) < 0:
        return None
    return begins, ends
