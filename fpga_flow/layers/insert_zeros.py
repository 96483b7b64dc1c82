"""Zeros between the positions of an image: FINN's layer, for transposed convolutions."""

from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.fmpadding_pixel import FMPadding_Pixel
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn.backend import OwnRtl, replaces
from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Timing, Weights, lanes, register
from fpga_flow.layers.graph import LayerGraph, attributes_of
from fpga_flow.layers.schedules import Schedule, steps
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of
from fpga_flow.target.resources import Resources


@replaces("FMPadding_Pixel_hls")
class FMPadding_Pixel_rtl(OwnRtl, FMPadding_Pixel):  # type: ignore[misc]
    """FINN's `FMPadding_Pixel` with `df_insert_zeros` for a body."""

    modules = ("df_insert_zeros.sv",)

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        size, factors = self.get_nodeattr("ImgDim"), self.get_nodeattr("Stride")
        return "df_insert_zeros", {
            "Rows": size[0],
            "Cols": size[1],
            "Words": self.get_nodeattr("NumChannels") // self.get_nodeattr("SIMD"),
            "Width": self.get_instream_width(),
            "RowStep": factors[0],
            "ColStep": factors[1],
        }

    def execute_node(self, context: dict[str, Any], graph: object) -> None:
        """Execute in Python."""
        node = self.onnx_node
        rows, columns = self.get_nodeattr("Stride")
        out = np.zeros(self.get_normal_output_shape(), dtype=np.float32)
        out[:, ::rows, ::columns] = context[node.input[0]]
        context[node.output[0]] = out


def lower(graph: LayerGraph, node: NodeProto) -> None:
    """A transposed convolution of each channel with a 1."""
    x = graph.read(node.input[0])
    y = graph.output(node)
    graph.layer(
        "FMPadding_Pixel",
        node.name,
        [x.tensor],
        [y.tensor],
        ImgDim=list(x.shape[1:3]),
        Stride=list(attributes_of(node)["strides"]),
        NumChannels=x.channels,
        SIMD=1,
        inputDataType=x.datatype,
    )
    graph.done(node.output[0], y)


def timing(a: Attributes, cycles: int) -> Timing:
    """Return when it gives its words: the last one with the last that comes."""
    return Timing(cycles, 0.0, 0, 1, 1)


def schedule(layer: Any) -> Schedule:
    """`df_insert_zeros.sv`: a word a cycle, its input's at every so many positions."""
    (rows, columns), (down, across) = layer.get_nodeattr("ImgDim"), layer.get_nodeattr("Stride")
    takes = np.zeros(((rows - 1) * down + 1, (columns - 1) * across + 1), np.int64)
    takes[::down, ::across] = 1
    takes = np.repeat(takes.reshape(-1), layer.get_nodeattr("NumChannels") // layer.get_nodeattr("SIMD"))
    return steps(takes, np.ones_like(takes))


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    width, fold = a["SIMD"] * bits_of(a["inputDataType"]), a["NumChannels"] // a["SIMD"]
    counters = sum((count - 1).bit_length() for count in (*a["ImgDim"], *a["Stride"], fold))
    return Resources(lut=8 + 1.5 * counters, ff=1 + width + counters)


INSERT_ZEROS = register(
    LayerKind(
        word="zeros",
        finn="FMPadding_Pixel",
        implementations=(Implementation("rtl", "FMPadding_Pixel_rtl", schedule, resources, timing),),
        lowers={"ConvTranspose": lower},
        foldings=lanes("SIMD"),
    )
)
