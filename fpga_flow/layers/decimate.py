"""Leaves out what no window reads, where windows are smaller than their stride.

FINN's window generator is wrong or fails there; behind this layer the stride is the window's size.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn.backend import RTL_DOMAIN, OwnRtl, replaces
from fpga_flow.finn.image import ImageLayer
from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Weights, lanes, register
from fpga_flow.layers.graph import LayerGraph, Stream
from fpga_flow.layers.schedules import Schedule, wire
from fpga_flow.target.family import Family
from fpga_flow.target.resources import Resources


@replaces(None)
class Decimate_rtl(OwnRtl, ImageLayer):
    """Of every `Stride` rows and columns the first `Keep`, `Windows` times; FINN has no such layer."""

    modules = ("df_decimate.sv",)

    lanes = "SIMD"
    own = {
        "ImgDim": ("ints", True, []),
        "Keep": ("ints", True, []),
        "Stride": ("ints", True, []),
        "Windows": ("ints", True, []),
    }
    """Pairs: [rows, columns]."""

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return (1, H, W, C)."""
        return (1, *(int(size) for size in self.get_nodeattr("ImgDim")), self.get_nodeattr("NumChannels"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return (1, H, W, C)."""
        sizes = zip(self.get_nodeattr("Keep"), self.get_nodeattr("Windows"), strict=True)
        return (1, *(int(keep * count) for keep, count in sizes), self.get_nodeattr("NumChannels"))

    def execute_node(self, context: dict[str, Any], graph: object) -> None:
        """Execute in Python."""
        node = self.onnx_node
        rows, cols = (
            np.add.outer(np.arange(windows) * stride, np.arange(keep)).reshape(-1)
            for keep, stride, windows in zip(
                *(self.get_nodeattr(name) for name in ("Keep", "Stride", "Windows")), strict=True
            )
        )
        context[node.output[0]] = context[node.input[0]][:, rows][:, :, cols]

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        (height, width), keep, stride, windows = (
            [int(size) for size in self.get_nodeattr(name)]
            for name in ("ImgDim", "Keep", "Stride", "Windows")
        )
        return "df_decimate", {
            "Height": height,
            "Width": width,
            "Words": self.get_nodeattr("NumChannels") // self.get_nodeattr("SIMD"),
            "WordBits": self.get_instream_width(),
            "RowKeep": keep[0],
            "RowStride": stride[0],
            "Rows": windows[0],
            "ColKeep": keep[1],
            "ColStride": stride[1],
            "Cols": windows[1],
        }


def decimated(
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
    return kept(graph, node, x, keep=keep, period=period, windows=windows), left


def kept(
    graph: LayerGraph,
    node: NodeProto,
    x: Stream,
    *,
    keep: Sequence[int],
    period: Sequence[int],
    windows: Sequence[int],
) -> Stream:
    """Return the first `keep` of every `period` rows and columns of `x`, `windows` times."""
    sizes = [k * n for k, n in zip(keep, windows, strict=True)]
    if sizes == list(x.shape[1:3]):
        return x
    y = graph.wire(f"{node.name}_decimated", (1, *sizes, x.channels), x.datatype)
    graph.layer(
        "Decimate_rtl",
        f"{node.name}_decimate",
        [x.tensor],
        [y.tensor],
        domain=RTL_DOMAIN,
        ImgDim=list(x.shape[1:3]),
        Keep=list(keep),
        Stride=list(period),
        Windows=list(windows),
        NumChannels=x.channels,
        SIMD=1,
        inputDataType=x.datatype,
    )
    return y


def schedule(layer: Any) -> Schedule:
    """`df_decimate.sv`: some words pass, the others end here."""
    kept = []
    numbers = (layer.get_nodeattr(name) for name in ("ImgDim", "Keep", "Stride", "Windows"))
    for size, keep, stride, windows in zip(*numbers, strict=True):
        place = np.arange(size)
        kept.append((place % stride < keep) & (place // stride < windows))
    passes = np.multiply.outer(*kept).reshape(-1).astype(np.int64)
    return wire(np.repeat(passes, layer.get_nodeattr("NumChannels") // layer.get_nodeattr("SIMD")))


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    return Resources(lut=33, ff=23)  # counters: words pass by


DECIMATE = register(
    LayerKind(
        word="decimate",
        finn="Decimate",
        implementations=(Implementation("rtl", "Decimate_rtl", schedule, resources),),
        foldings=lanes("SIMD"),
    )
)
