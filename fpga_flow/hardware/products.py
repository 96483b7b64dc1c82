"""Layers that multiply by constant weights, and pools: windows and what is made of each."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.backend import RTL_DOMAIN
from fpga_flow.hardware.graph import LayerGraph, Stream, attributes_of
from fpga_flow.hardware.windows import windows as sliding_windows


def conv(graph: LayerGraph, node: NodeProto) -> None:
    """A convolution: windows and a matrix unit, or a unit per channel, or a pool where all weights are 1."""
    x, (kernel, datatype) = graph.read(node.input[0]), graph.constant_of(node)
    group = int(attributes_of(node).get("group", 1))
    by_channel = group == x.channels == kernel.shape[0]
    if group == 1 and not (by_channel and np.all(kernel == 1)):
        windows, _ = sliding_windows(graph, node, x, depthwise=False)
        y = graph.output(node)
        weights = kernel.transpose(2, 3, 1, 0).reshape(-1, kernel.shape[0])
        _matrix(graph, node, windows, weights, datatype, y)
    elif by_channel:
        windows, size = sliding_windows(graph, node, x, depthwise=True)
        y = graph.output(node)
        if np.all(kernel == 1):
            _pool(graph, node, windows, y, size, "QuantAvgPool", y.bits)
        else:
            _depthwise(graph, node, windows, y, kernel, datatype)
    else:
        raise UnsupportedError(
            node.name,
            f"a convolution of {x.channels} to {kernel.shape[0]} channels in {group} groups",
            "use one group, or as many groups as input and output channels",
        )
    graph.done(node.output[0], y)


def matmul(graph: LayerGraph, node: NodeProto) -> None:
    """A dense layer."""
    x, (weights, datatype) = graph.read(node.input[0]), graph.constant_of(node)
    y = graph.output(node)
    _matrix(graph, node, x, x.reordered(weights), datatype, y)
    graph.done(node.output[0], y)


def _matrix(
    graph: LayerGraph, node: NodeProto, x: Stream, weights: NDArray[Any], datatype: str, y: Stream
) -> None:
    """Append a matrix unit; `weights` (MW, MH), MW in the order of the stream."""
    rows, columns = weights.shape
    graph.layer(
        "MVAU",
        node.name,
        [x.tensor, graph.constant(f"{node.name}_weights", weights, datatype)],
        [y.tensor],
        MW=rows,
        MH=columns,
        SIMD=1,
        PE=1,
        inputDataType=x.datatype,
        weightDataType=datatype,
        outputDataType=y.datatype,
        ActVal=0,
        binaryXnorMode=0,
        noActivation=1,
        numInputVectors=y.vectors,
        mem_mode="internal_decoupled",
        preferred_impl_style="rtl",
        inFIFODepths=[2, 2],
    )


def _depthwise(
    graph: LayerGraph, node: NodeProto, windows: Stream, y: Stream, kernel: NDArray[Any], datatype: str
) -> None:
    channels, _, *size = kernel.shape
    graph.layer(
        "VVAU",
        node.name,
        [windows.tensor, graph.constant(f"{node.name}_weights", kernel, datatype)],
        [y.tensor],
        PE=1,
        SIMD=1,
        Dim=list(y.shape[1:3]),
        Channels=channels,
        Kernel=size,
        resType="lut",
        ActVal=0,
        inputDataType=windows.datatype,
        weightDataType=datatype,
        outputDataType=y.datatype,
        noActivation=1,
        preferred_impl_style="rtl",
        inFIFODepths=[2, 2],
    )


def max_pool(graph: LayerGraph, node: NodeProto) -> None:
    """The maximum of each window."""
    windows, size = sliding_windows(graph, node, graph.read(node.input[0]), depthwise=True)
    y = graph.output(node)
    _pool(graph, node, windows, y, size, "MaxPool", 0)
    graph.done(node.output[0], y)


def _pool(
    graph: LayerGraph,
    node: NodeProto,
    windows: Stream,
    y: Stream,
    size: Sequence[int],
    function: str,
    accumulator_bits: int,
) -> None:
    graph.layer(
        "Pool",
        node.name,
        [windows.tensor],
        [y.tensor],
        InputDataType=windows.datatype,
        OutputDataType=y.datatype,
        Channels=y.channels,
        PE=1,
        KernelSize=list(size),
        Function=function,
        OutImgDims=list(y.shape[1:3]),
        AccumBits=accumulator_bits,
        Size=0,
        BatchSize=1,
    )


def _global(graph: LayerGraph, node: NodeProto, operator: str) -> None:
    x = graph.read(node.input[0])
    y = graph.output(node)
    graph.layer(
        operator,
        node.name,
        [x.tensor],
        [y.tensor],
        NumChannels=x.channels,
        PE=1,
        inputDataType=x.datatype,
        numInputVectors=x.vectors,
        domain=RTL_DOMAIN,  # at once: FINN's own sums are given too small a type for TERNARY values
    )
    graph.done(node.output[0], y)


def global_sum(graph: LayerGraph, node: NodeProto) -> None:
    """The sum over all positions, per channel."""
    _global(graph, node, "GlobalAccPool_rtl")


def global_max(graph: LayerGraph, node: NodeProto) -> None:
    """The maximum over all positions, per channel; FINN has no such layer."""
    _global(graph, node, "GlobalMaxPool_rtl")
