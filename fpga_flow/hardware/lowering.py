"""From the integer network to FINN's layers; what a kind of layer stands for, it appends itself."""

from dataclasses import replace

import numpy as np
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.integer.output import decides, left_out
from fpga_flow.layers import depthwise, label_select, matrix, pool
from fpga_flow.layers.base import Lower, kinds
from fpga_flow.layers.graph import LayerGraph, attributes_of, channels_last
from fpga_flow.layers.window import windows_of


def conv(graph: LayerGraph, node: NodeProto) -> None:
    """A convolution: windows and a matrix unit, or a unit per channel, or a pool where all weights are 1."""
    x, (kernel, datatype) = graph.read(node.input[0]), graph.constant_of(node)
    group = int(attributes_of(node).get("group", 1))
    by_channel = group == x.channels == kernel.shape[0]
    if group == 1 and not (by_channel and np.all(kernel == 1)):
        windows, _ = windows_of(graph, node, x, depthwise=False)
        y = graph.output(node)
        weights = kernel.transpose(2, 3, 1, 0).reshape(-1, kernel.shape[0])
        matrix.append(graph, node, windows, weights, datatype, y)
    elif by_channel:
        windows, size = windows_of(graph, node, x, depthwise=True)
        y = graph.output(node)
        if np.all(kernel == 1):
            pool.append(graph, node, windows, y, size, "QuantAvgPool", y.bits)
        else:
            depthwise.append(graph, node, windows, y, kernel, datatype)
    else:
        raise UnsupportedError(
            node.name,
            f"a convolution of {x.channels} to {kernel.shape[0]} channels in {group} groups",
            "use one group, or as many groups as input and output channels",
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


OTHERS: dict[str, Lower] = {"Conv": conv, "Flatten": flatten, "Reshape": unflatten}
"""Operators of the integer network that become several kinds of layer, or none."""


def lowered() -> dict[str, Lower]:
    """Return what appends the layers of each operator of the integer network."""
    return OTHERS | {operator: append for kind in kinds() for operator, append in kind.lowers.items()}


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
    graph, operators = LayerGraph(network), lowered()
    first = network.graph.input[0].name
    shape, datatype = network.get_tensor_shape(first), network.get_tensor_datatype(first).name
    source = graph.wire(first, channels_last(shape), datatype)
    graph.done(first, source)
    for node in network.graph.node:
        if node.op_type not in operators:
            raise UnsupportedError(
                node.name,
                f"operator {node.op_type} has no hardware layer",
                f"operators that have: {', '.join(sorted(operators))}",
            )
        operators[node.op_type](graph, node)
    last = network.graph.node[-1].name
    result = graph.read(network.graph.output[0].name)
    if result.order is not None:
        raise UnsupportedError(last, "the network ends in a flatten", "end in a dense layer, or before it")
    if top_k:
        result = label_select.append(graph, result, last, top_k)
    return graph.model(source, result)
