"""From the integer network to FINN's layers: a function for each operator, in `BUILDERS`."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from onnx import NodeProto
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.hardware import joins, products
from fpga_flow.hardware.graph import LayerGraph, Stream, attributes_of, channels_last
from fpga_flow.integer.output import decides, left_out


def thresholds(graph: LayerGraph, node: NodeProto) -> None:
    """An activation."""
    x, (steps, datatype) = joins.decoded(graph, node, graph.read(node.input[0])), graph.constant_of(node)
    y = graph.output(node, order=x.order)
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
        # One register a step of the search, not two: at these clocks a third less flip-flops for nothing.
        deep_pipeline=0,
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


def unflatten(graph: LayerGraph, node: NodeProto) -> None:
    """Nothing in hardware: the features become channels at one position."""
    x = graph.read(node.input[0])
    graph.done(node.output[0], replace(x, shape=(1, 1, 1, x.channels)))


def upsample(graph: LayerGraph, node: NodeProto) -> None:
    """Every value several times, along rows and columns."""
    x = graph.read(node.input[0])
    y = graph.output(node)
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
    "Conv": products.conv,
    "MatMul": products.matmul,
    "MultiThreshold": thresholds,
    "MaxPool": products.max_pool,
    "GlobalMaxPool": products.global_max,
    "ReduceSum": products.global_sum,
    "Flatten": flatten,
    "Reshape": unflatten,
    "Add": joins.add,
    "Mul": joins.mul,
    "Concat": joins.concat,
    "Split": joins.split,
    "Resize": upsample,
}
"""Operator of the integer network -> what appends its layers."""

CLASS_TENSOR = "class"
"""Name of the accelerator's output where it decides: the indices of the largest logits."""


def chosen_classes(network: ModelWrapper) -> int:
    """Return how many indices the integer `network` gives, by its shape and what export noted; 0: numbers."""
    shape = network.get_tensor_shape(network.graph.output[0].name)
    ending = left_out(network)
    return ending.k * int(decides(tuple(shape[1:]), ending.operators))


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
            "leave hardware.top_k out for the numbers themselves",
        )
    if labels == 1:
        raise UnsupportedError(
            last,
            f"hardware.top_k is {k}, but the output is one number, whose index is always 0",
            "leave hardware.top_k out for the number itself",
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
