"""From one operator of the integer network to FINN's layers: a function each, in `BUILDERS`."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.errors import UnsupportedError
from fpga_flow.finn_adapter.backend import RTL_DOMAIN
from fpga_flow.hardware.graph import LayerGraph, Stream, attributes_of, channels_last


def _output(graph: LayerGraph, node: NodeProto, index: int = 0, order: Any = None) -> Stream:
    """Declare the stream of a node's output, shape and datatype as in the network, channels last.

    Where its values come in another order than the network's it gets another name too.
    """
    name = node.output[index]
    shape, datatype = graph.network.get_tensor_shape(name), graph.network.get_tensor_datatype(name).name
    return graph.wire(name if order is None else f"{name}_reordered", channels_last(shape), datatype, order)


def _constant(graph: LayerGraph, node: NodeProto, index: int = 1) -> tuple[NDArray[Any], str]:
    """Return the constant at input `index` and its datatype."""
    name = node.input[index]
    return graph.network.get_initializer(name), graph.network.get_tensor_datatype(name).name


def _is_constant(graph: LayerGraph, node: NodeProto, index: int) -> bool:
    return graph.network.get_initializer(node.input[index]) is not None


def _padded(graph: LayerGraph, node: NodeProto, x: Stream, pads: Sequence[int]) -> Stream:
    """Return `x` with zeros around it; `pads` are top, left, bottom, right."""
    if not any(pads):
        return x
    _, height, width, channels = x.shape
    shape = (1, height + pads[0] + pads[2], width + pads[1] + pads[3], channels)
    y = graph.wire(f"{node.name}_padded", shape, x.datatype)
    graph.layer(
        "FMPadding",
        node.name,
        [x.tensor],
        [y.tensor],
        ImgDim=[height, width],
        Padding=list(pads),
        NumChannels=channels,
        SIMD=1,
        inputDataType=x.datatype,
    )
    return y


def _decimated(
    graph: LayerGraph, node: NodeProto, x: Stream, extent: Sequence[int], strides: Sequence[int]
) -> tuple[Stream, list[int]]:
    """Return `x` without what no window reads, and the strides that are left.

    `extent` is how far a window reaches. FINN's window generator needs windows that reach to the next one.
    """
    if all(reach >= stride for reach, stride in zip(extent, strides, strict=True)):
        return x, list(strides)
    keep, period, windows, left = [], [], [], []
    for size, reach, stride in zip(x.shape[1:3], extent, strides, strict=True):
        gaps = reach < stride
        count = (size - reach) // stride + 1 if gaps else 1
        keep.append(reach if gaps else size)
        period.append(stride if gaps else size)
        windows.append(count)
        left.append((reach if count > 1 else 1) if gaps else stride)
    shape = (1, *(k * n for k, n in zip(keep, windows, strict=True)), x.channels)
    y = graph.wire(f"{node.name}_decimated", shape, x.datatype)
    graph.layer(
        "Decimate_rtl",
        node.name,
        [x.tensor],
        [y.tensor],
        domain=RTL_DOMAIN,
        ImgDim=list(x.shape[1:3]),
        Keep=keep,
        Stride=period,
        Windows=windows,
        NumChannels=x.channels,
        SIMD=1,
        inputDataType=x.datatype,
    )
    return y, left


def _windows(
    graph: LayerGraph, node: NodeProto, x: Stream, *, depthwise: bool, unit: bool = False
) -> tuple[Stream, list[int]]:
    """Return the sliding windows of `x` (1, OH, OW, KH*KW*C) and the kernel's size; `node` has the geometry.

    `unit`: a kernel of one value with stride 1 needs no windows.
    """
    settings = attributes_of(node)
    kernel, strides = list(settings["kernel_shape"]), list(settings.get("strides", [1, 1]))
    dilations = list(settings.get("dilations", [1, 1]))
    x = _padded(graph, node, x, list(settings.get("pads", [0, 0, 0, 0])))
    extent = [dilation * (size - 1) + 1 for dilation, size in zip(dilations, kernel, strict=True)]
    x, strides = _decimated(graph, node, x, extent, strides)
    if unit and kernel == [1, 1] and strides == [1, 1]:
        return x, kernel
    _, height, width, channels = x.shape
    out = [
        (size - dilation * (window - 1) - 1) // stride + 1
        for size, window, stride, dilation in zip((height, width), kernel, strides, dilations, strict=True)
    ]
    y = graph.wire(f"{node.name}_windows", (1, *out, kernel[0] * kernel[1] * channels), x.datatype)
    graph.layer(
        "ConvolutionInputGenerator",
        node.name,
        [x.tensor],
        [y.tensor],
        ConvKernelDim=kernel,
        IFMChannels=channels,
        IFMDim=[height, width],
        OFMDim=out,
        SIMD=1,
        Stride=strides,
        Dilation=dilations,
        inputDataType=x.datatype,
        outputDataType=x.datatype,
        depthwise=int(depthwise),
        is1D=int(height == 1 or width == 1),
    )
    return y, kernel


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


def conv(graph: LayerGraph, node: NodeProto) -> None:
    """A convolution: windows and a matrix unit, or a unit per channel, or a pool where all weights are 1."""
    x, (kernel, datatype) = graph.read(node.input[0]), _constant(graph, node)
    group = int(attributes_of(node).get("group", 1))
    by_channel = group == x.channels == kernel.shape[0]
    if group == 1 and not (by_channel and np.all(kernel == 1)):
        windows, _ = _windows(graph, node, x, depthwise=False, unit=True)
        y = _output(graph, node)
        weights = kernel.transpose(2, 3, 1, 0).reshape(-1, kernel.shape[0])
        _matrix(graph, node, windows, weights, datatype, y)
    elif by_channel:
        windows, size = _windows(graph, node, x, depthwise=True)
        y = _output(graph, node)
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


def max_pool(graph: LayerGraph, node: NodeProto) -> None:
    """The maximum of each window."""
    windows, size = _windows(graph, node, graph.read(node.input[0]), depthwise=True)
    y = _output(graph, node)
    _pool(graph, node, windows, y, size, "MaxPool", 0)
    graph.done(node.output[0], y)


def matmul(graph: LayerGraph, node: NodeProto) -> None:
    """A dense layer."""
    x, (weights, datatype) = graph.read(node.input[0]), _constant(graph, node)
    y = _output(graph, node)
    _matrix(graph, node, x, x.reordered(weights), datatype, y)
    graph.done(node.output[0], y)


def thresholds(graph: LayerGraph, node: NodeProto) -> None:
    """An activation."""
    x, (steps, datatype) = graph.read(node.input[0]), _constant(graph, node)
    y = _output(graph, node, order=x.order)
    steps = np.broadcast_to(steps, (x.channels, steps.shape[1]))
    bipolar = y.datatype == "BIPOLAR"
    graph.layer(
        "Thresholding",
        node.name,
        [x.tensor, graph.constant(f"{node.name}_thresholds", x.reordered(steps), datatype)],
        [y.tensor],
        NumChannels=x.channels,
        PE=1,
        numSteps=steps.shape[1],
        inputDataType=x.datatype,
        weightDataType=datatype,
        outputDataType=y.datatype,
        # FINN codes -1 and 1 as 0 and 1
        ActVal=0 if bipolar else int(attributes_of(node)["out_bias"]),
        numInputVectors=x.vectors,
    )
    graph.done(node.output[0], y)


def flatten(graph: LayerGraph, node: NodeProto) -> None:
    """Nothing in hardware: what comes is the same, and what reads it minds the order."""
    x = graph.read(node.input[0])
    order = x.order
    if len(x.shape) == 4:
        _, height, width, channels = x.shape
        index = np.arange(channels * height * width).reshape(channels, height, width)
        order = None if height * width == 1 or channels == 1 else index.transpose(1, 2, 0).reshape(-1)
    graph.done(node.output[0], replace(x, shape=(1, int(np.prod(x.shape))), order=order))


def _elementwise(graph: LayerGraph, node: NodeProto, operator: str) -> None:
    """A sum or product of two streams, or of a stream and constants."""
    constant = next((i for i in (0, 1) if _is_constant(graph, node, i)), None)
    if constant is None:
        left, right = (graph.read(name) for name in node.input)
        if not np.array_equal(_positions(left), _positions(right)):
            raise UnsupportedError(
                node.name, "its two inputs were flattened in different ways", "flatten behind it"
            )
        names, shapes = [left.tensor, right.tensor], [left.shape, right.shape]
        types = [left.datatype, right.datatype]
    else:
        left = graph.read(node.input[1 - constant])
        values, datatype = _constant(graph, node, constant)
        values = left.reordered(np.broadcast_to(values.reshape(-1), (left.channels,)))
        name = graph.constant(f"{node.name}_values", values, datatype)
        names, shapes = [left.tensor, name], [left.shape, values.shape]
        types = [left.datatype, datatype]
    y = _output(graph, node, order=left.order)
    graph.layer(
        operator,
        node.name,
        names,
        [y.tensor],
        domain=RTL_DOMAIN,  # at once: FINN's own has five bits for INT4 + UINT4, which clips later steps
        lhs_shape=list(shapes[0]),
        rhs_shape=list(shapes[1]),
        out_shape=list(left.shape),
        lhs_dtype=types[0],
        rhs_dtype=types[1],
        out_dtype=y.datatype,
        lhs_style="input",
        rhs_style="input" if constant is None else "const",
        inFIFODepths=[2, 2],
    )
    graph.done(node.output[0], y)


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
    y = _output(graph, node, order=order if ordered else None)
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
    parts = [_output(graph, node, index) for index in range(len(node.output))]
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


def _global(graph: LayerGraph, node: NodeProto, operator: str) -> None:
    x = graph.read(node.input[0])
    y = _output(graph, node)
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


def upsample(graph: LayerGraph, node: NodeProto) -> None:
    """Every value several times, along rows and columns."""
    x = graph.read(node.input[0])
    y = _output(graph, node)
    graph.layer(
        "UpsampleNearestNeighbour",
        node.name,
        [x.tensor],
        [y.tensor],
        SIMD=1,
        HI=x.shape[1],
        WI=x.shape[2],
        HO=y.shape[1],
        WO=y.shape[2],
        NumChannels=x.channels,
        inputDataType=x.datatype,
    )
    graph.done(node.output[0], y)


BUILDERS: dict[str, Callable[[LayerGraph, NodeProto], None]] = {
    "Conv": conv,
    "MatMul": matmul,
    "MultiThreshold": thresholds,
    "MaxPool": max_pool,
    "GlobalMaxPool": global_max,
    "ReduceSum": global_sum,
    "Flatten": flatten,
    "Add": add,
    "Mul": mul,
    "Concat": concat,
    "Split": split,
    "Resize": upsample,
}
"""Operator of the integer network -> what appends its layers."""

CLASS_TENSOR = "class"
"""Name of the accelerator's output where it decides: the indices of the largest logits."""


def to_layers(network: ModelWrapper, top_k: int) -> ModelWrapper:
    """Return the graph of FINN's layers for the integer `network`.

    With `top_k` > 0 it ends in the indices of the largest logits, else in the logits.
    Raises `UnsupportedError` naming the network's node.
    """
    graph = LayerGraph(network)
    first = network.graph.input[0].name
    shape, datatype = network.get_tensor_shape(first), network.get_tensor_datatype(first).name
    source = graph.wire(first, channels_last(shape), datatype)
    graph.done(first, source)
    for node in network.graph.node:
        if node.op_type not in BUILDERS:
            raise UnsupportedError(
                node.name,
                f"operator {node.op_type} has no hardware layer",
                f"operators that have: {', '.join(BUILDERS)}",
            )
        BUILDERS[node.op_type](graph, node)
    last = network.graph.node[-1].name
    result = graph.read(network.graph.output[0].name)
    if result.order is not None:
        raise UnsupportedError(last, "the network ends in a flatten", "end in a dense layer, or before it")
    if top_k:
        result = _top_k(graph, result, last, top_k)
    return graph.model(source, result)


def _top_k(graph: LayerGraph, logits: Stream, last: str, k: int) -> Stream:
    labels = logits.channels
    if int(np.prod(logits.shape)) != labels:
        raise UnsupportedError(
            last,
            f"a class is decided, but the output has the shape {list(logits.shape)}, channels last",
            "set hardware.top_k to 0 for the numbers themselves",
        )
    if k > labels:
        raise UnsupportedError(last, f"hardware.top_k is {k}, of {labels} classes", f"use {labels} or less")
    datatype = DataType.get_smallest_possible(labels - 1).name
    result = graph.wire(CLASS_TENSOR, (1, k), datatype)
    graph.layer(
        "LabelSelect",
        last,
        [logits.tensor],
        [result.tensor],
        Labels=labels,
        PE=1,
        K=k,
        inputDataType=logits.datatype,
        outputDataType=datatype,
        numInputVectors=[1],
    )
    return result
