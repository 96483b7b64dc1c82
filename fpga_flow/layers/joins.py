"""What sums and products have in common: two streams, or a stream and constants."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.backend import RTL_DOMAIN
from fpga_flow.layers.base import Attributes, Weights
from fpga_flow.layers.graph import LayerGraph, Stream
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of, constant_memory, rom_luts
from fpga_flow.target.resources import Resources


def elementwise(graph: LayerGraph, node: NodeProto, operator: str) -> None:
    """A sum or product of two streams, or of a stream and constants."""
    constant = next((i for i in (0, 1) if graph.is_constant(node, i)), None)
    if constant is None:
        left, right = (graph.read(name) for name in node.input)
        if not np.array_equal(positions(left), positions(right)):
            raise UnsupportedError(
                node.name, "its two inputs were flattened in different ways", "flatten behind it"
            )
    else:
        left = graph.read(node.input[1 - constant])
        values, datatype = graph.constant_of(node, constant)
        right = constants_of(graph, node, left, values, datatype)
    y = graph.output(node, order=left.order)
    combined(graph, node.name, operator, left, right, y)
    graph.done(node.output[0], y)


def constants_of(
    graph: LayerGraph, node: NodeProto, x: Stream, values: NDArray[Any], datatype: str
) -> Stream:
    """Add a constant for each channel of `x`, or one for all, in the order of the stream."""
    ordered = x.reordered(np.broadcast_to(values.reshape(-1), (x.channels,)))
    return Stream(graph.constant(f"{node.name}_values", ordered, datatype), ordered.shape, datatype)


def combined(graph: LayerGraph, name: str, operator: str, left: Stream, right: Stream, y: Stream) -> None:
    """Append the sum or product `name`; `right` may be a constant."""
    graph.layer(
        operator,
        name,
        [left.tensor, right.tensor],
        [y.tensor],
        domain=RTL_DOMAIN,  # at once: FINN's own has five bits for INT4 + UINT4, which clips later steps
        lhs_shape=list(left.shape),
        rhs_shape=list(right.shape),
        out_shape=list(left.shape),
        lhs_dtype=left.datatype,
        rhs_dtype=right.datatype,
        out_dtype=y.datatype,
        lhs_style="input",
        rhs_style="const" if right.tensor in graph.constants else "input",
        inFIFODepths=[2, 2],
    )


def decoded(graph: LayerGraph, node: NodeProto, x: Stream) -> Stream:
    """Return `x` as integers where it is BIPOLAR: FINN's thresholding would compare the codes 0 and 1.

    It is a sum with 0, which decodes.
    """
    if x.datatype != "BIPOLAR":
        return x
    y = graph.wire(f"{node.name}_decoded", x.shape, "INT2", x.order)
    combined(
        graph,
        f"{node.name}_decode",
        "IntegerAdd_rtl",
        x,
        constants_of(graph, node, x, np.zeros(1), "INT2"),
        y,
    )
    return y


def positions(stream: Stream) -> NDArray[np.int64]:
    """Return the index in the network of each value of `stream` as it comes."""
    return np.arange(stream.channels) if stream.order is None else stream.order


def elementwise_resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    left, right, out = (bits_of(a[f"{role}_dtype"]) for role in ("lhs", "rhs", "out"))
    pe, channels = a["PE"], a["out_shape"][-1]
    taken = Resources(lut=6 + pe * min(left, right), ff=1 + pe * out)
    words = channels // pe
    if a["rhs_style"] != "const" or words == 1:
        return taken
    taken += Resources(ff=(words - 1).bit_length())
    if weights is None:
        return taken + Resources(lut=pe * right * rom_luts(family, words) * (words > 2), ff=pe * right)
    constants = np.broadcast_to(np.rint(weights).astype(np.int64).reshape(-1), channels)
    digits = constants.reshape(words, pe, 1) >> np.arange(right) & 1
    return taken + constant_memory(family, digits.reshape(words, -1).astype(np.bool_))
