"""Layers that join or part streams: sums and products of two, concatenation, split."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.backend import RTL_DOMAIN
from fpga_flow.hardware.graph import LayerGraph, Stream


def _elementwise(graph: LayerGraph, node: NodeProto, operator: str) -> None:
    """A sum or product of two streams, or of a stream and constants."""
    constant = next((i for i in (0, 1) if graph.is_constant(node, i)), None)
    if constant is None:
        left, right = (graph.read(name) for name in node.input)
        if not np.array_equal(_positions(left), _positions(right)):
            raise UnsupportedError(
                node.name, "its two inputs were flattened in different ways", "flatten behind it"
            )
    else:
        left = graph.read(node.input[1 - constant])
        values, datatype = graph.constant_of(node, constant)
        right = _constants(graph, node, left, values, datatype)
    y = graph.output(node, order=left.order)
    _combined(graph, node, operator, left, right, y)
    graph.done(node.output[0], y)


def _constants(graph: LayerGraph, node: NodeProto, x: Stream, values: NDArray[Any], datatype: str) -> Stream:
    """Add a constant for each channel of `x`, or one for all, in the order of the stream."""
    ordered = x.reordered(np.broadcast_to(values.reshape(-1), (x.channels,)))
    return Stream(graph.constant(f"{node.name}_values", ordered, datatype), ordered.shape, datatype)


def _combined(
    graph: LayerGraph, node: NodeProto, operator: str, left: Stream, right: Stream, y: Stream
) -> None:
    """Append a sum or product; `right` may be a constant."""
    graph.layer(
        operator,
        node.name,
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
    _combined(graph, node, "IntegerAdd_rtl", x, _constants(graph, node, x, np.zeros(1), "INT2"), y)
    return y


def _positions(stream: Stream) -> NDArray[np.int64]:
    return np.arange(stream.channels) if stream.order is None else stream.order


def add(graph: LayerGraph, node: NodeProto) -> None:
    """A sum."""
    _elementwise(graph, node, "IntegerAdd_rtl")


def mul(graph: LayerGraph, node: NodeProto) -> None:
    """A product with constants."""
    _elementwise(graph, node, "IntegerMul_rtl")


def concat(graph: LayerGraph, node: NodeProto) -> None:
    """Channels of several tensors, one after the other."""
    parts = [graph.read(name) for name in node.input]
    starts = np.cumsum([0, *(part.channels for part in parts)])
    ordered = any(part.order is not None for part in parts)
    order = np.concatenate([_positions(p) + start for p, start in zip(parts, starts, strict=False)])
    y = graph.output(node, order=order if ordered else None)
    graph.layer(
        "StreamingConcat",
        node.name,
        [part.tensor for part in parts],
        [y.tensor],
        SIMD=1,
        ChannelsPerStream=[part.channels for part in parts],
        inputDataTypes=[part.datatype for part in parts],
        numInputVectors=y.vectors,
        inFIFODepths=[2] * len(parts),
    )
    graph.done(node.output[0], y)


def split(graph: LayerGraph, node: NodeProto) -> None:
    """Channels into several tensors."""
    x = graph.read(node.input[0])
    if x.order is not None:
        raise UnsupportedError(node.name, "it splits a flattened tensor", "split before the flatten")
    parts = [graph.output(node, index) for index in range(len(node.output))]
    graph.layer(
        "StreamingSplit",
        node.name,
        [x.tensor],
        [part.tensor for part in parts],
        SIMD=1,
        ChannelsPerStream=[part.channels for part in parts],
        inputDataType=x.datatype,
        numInputVectors=x.vectors,
        outFIFODepths=[2] * len(parts),
    )
    for part in parts:
        graph.done(part.tensor, part)
