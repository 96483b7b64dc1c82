"""Zeros around an image: FINN's layer."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import NodeProto

from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Timing, Weights, lanes, register
from fpga_flow.layers.graph import LayerGraph, Stream
from fpga_flow.layers.schedules import Schedule, steps
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of
from fpga_flow.target.resources import Resources


def padded(graph: LayerGraph, node: NodeProto, x: Stream, pads: Sequence[int]) -> Stream:
    """Return `x` with zeros around it; `pads` are top, left, bottom, right."""
    if not any(pads):
        return x
    _, height, width, channels = x.shape
    shape = (1, height + pads[0] + pads[2], width + pads[1] + pads[3], channels)
    y = graph.wire(f"{node.name}_padded", shape, x.datatype)
    graph.layer(
        "FMPadding",
        f"{node.name}_pad",
        [x.tensor],
        [y.tensor],
        ImgDim=[height, width],
        Padding=list(pads),
        NumChannels=channels,
        SIMD=1,
        inputDataType=x.datatype,
    )
    return y


def timing(a: Attributes, cycles: int) -> Timing:
    """Return when a padding gives its words."""
    (_, left, bottom, right), (_, w) = a["Padding"], a["ImgDim"]
    fold = a["NumChannels"] // a["SIMD"]
    return Timing(cycles, 0.0, 0, 1, (bottom * (w + left + right) + right) * fold + 1)


def schedule(layer: Any) -> Schedule:
    """FINN's padding: a word a cycle, its input's inside, zeros around."""
    rows, columns = layer.get_nodeattr("ImgDim")
    top, left, bottom, right = layer.get_nodeattr("Padding")
    takes = np.zeros((rows + top + bottom, columns + left + right), np.int64)
    takes[top : top + rows, left : left + columns] = 1
    takes = np.repeat(takes.reshape(-1), layer.get_nodeattr("NumChannels") // layer.get_nodeattr("SIMD"))
    return steps(takes, np.ones_like(takes), skid=True)


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    top, left, bottom, right = a["Padding"]
    (h, w), fold = a["ImgDim"], a["NumChannels"] // a["SIMD"]
    width = math.ceil(a["SIMD"] * bits_of(a["inputDataType"]) / 8) * 8
    counters = (h + top + bottom).bit_length() + (w + left + right).bit_length() + (fold - 1).bit_length() + 1
    # Two words wait, the one behind may be 0.
    return Resources(lut=width + 12 + 0.7 * counters, ff=2 * (width + 1) + counters)


PADDING = register(
    LayerKind(
        word="padding",
        finn="FMPadding",
        implementations=(Implementation("rtl", "FMPadding_rtl", schedule, resources, timing),),
        foldings=lanes("SIMD"),
    )
)
