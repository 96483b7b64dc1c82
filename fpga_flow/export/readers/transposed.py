"""Reader of transposed convolutions: a convolution of the input with zeros between its positions."""

from dataclasses import replace

import numpy as np

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.nodes import Node, attributes_of, window
from fpga_flow.export.operations import InsertZeros
from fpga_flow.export.readers.matrix import centred_input, convolved, weights_of
from fpga_flow.export.state import Walk
from fpga_flow.export.tensors import bounded
from fpga_flow.export.values import QuantisedConstant, Value


def conv_transpose(walk: Walk, node: Node) -> Value:
    """Read a transposed convolution over one or two axes."""
    weights, attributes = weights_of(walk, node), attributes_of(node)
    group = int(attributes.get("group", 1))
    value = centred_input(walk, node, walk.dynamic(node), padded=True)[0]
    kernel = list(weights.integers.shape[2:])
    if attributes.get("output_shape") or attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise UnsupportedError(
            node.name, "a transposed convolution whose padding follows from its output", "use explicit pads"
        )
    settings = window(node, kernel, value.tensor.shape[2:])
    more = [*attributes.get("output_padding", [0] * len(kernel)), 0][:2]
    reach = [step * (n - 1) for step, n in zip(settings["dilations"], settings["kernel_shape"], strict=True)]
    pads = [size - own for size, own in zip(reach * 2, settings["pads"], strict=True)]
    pads[2:] = [size + extra for size, extra in zip(pads[2:], more, strict=True)]
    if min(pads) < 0:
        raise UnsupportedError(
            node.name,
            f"its pads {settings['pads']} cut off more than its kernel reaches ({reach})",
            "use smaller pads, and a Slice behind it",
        )
    factors = settings["strides"]
    value = _between(walk, node, value, (factors[0], factors[1]))
    settings = {**settings, "strides": [1, 1], "pads": pads}
    return convolved(walk, node, value, _as_convolution(node, weights, group), group, settings)


def _between(walk: Walk, node: Node, value: Value, factors: tuple[int, int]) -> Value:
    """Append zeros between positions, which each come to stand `factors` rows and columns apart."""
    line, x = value.chain.line, value.tensor
    if factors == (1, 1):
        return value
    if line is None or line.add.any():
        value = walk.scaled(node, value)[0]
        x = value.tensor
    if x.datatype == "BIPOLAR":
        raise UnsupportedError(
            node.name, "zeros between the positions of an input that holds only -1 and 1", "use 2 bits"
        )
    shape = (*x.shape[:2], *((n - 1) * factor + 1 for n, factor in zip(x.shape[2:], factors, strict=True)))
    y = bounded(walk.fresh(f"{x.name}_spread"), shape, np.minimum(x.low, 0), np.maximum(x.high, 0))
    y.datatype = x.datatype
    made = walk.add(InsertZeros(walk.fresh(f"{node.name}_spread"), (x,), (y,), factors))
    return replace(value, tensor=made)


def _as_convolution(node: Node, weights: QuantisedConstant, group: int) -> QuantisedConstant:
    """Return weights (I, O/group, ...) as those (O, I/group, ...) of a convolution: turned round."""
    integers, scale = weights.integers, weights.scale
    inputs, outputs, *kernel = integers.shape
    parts = np.flip(integers, axis=tuple(range(2, integers.ndim)))
    parts = parts.reshape(group, inputs // group, outputs, *kernel).swapaxes(1, 2)
    turned = parts.reshape(group * outputs, inputs // group, *kernel)
    if scale.size > 1:
        aligned = scale.reshape((1,) * (integers.ndim - scale.ndim) + scale.shape)
        if aligned.size != aligned.shape[1]:
            raise UnsupportedError(
                node.name,
                f"its weight scale has the shape {list(scale.shape)}",
                "use one weight scale per tensor or per output channel",
            )
        scale = np.tile(aligned.reshape(-1), group).reshape(-1, *[1] * (integers.ndim - 1))
    return replace(weights, integers=turned, scale=scale)
