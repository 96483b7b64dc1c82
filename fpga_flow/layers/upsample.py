"""Nearest-neighbour upsampling along rows and columns."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.upsampler import UpsampleNearestNeighbour
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.backend import OwnRtl, replaces
from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Timing, Weights, lanes, register
from fpga_flow.layers.graph import LayerGraph
from fpga_flow.layers.schedules import Schedule, ring
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of, memory
from fpga_flow.target.resources import Resources


@replaces("UpsampleNearestNeighbour_hls")
class UpsampleNearestNeighbour_rtl(OwnRtl, UpsampleNearestNeighbour):  # type: ignore[misc]
    """FINN's `UpsampleNearestNeighbour` with `df_upsample` for a body."""

    modules = ("df_upsample.sv",)

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        size_in = [self.get_nodeattr(name) for name in ("HI", "WI")]
        size_out = [self.get_nodeattr(name) for name in ("HO", "WO")]
        if any(out < 1 or out % size for out, size in zip(size_out, size_in, strict=True)):
            raise UnsupportedError(
                self.onnx_node.name,
                f"upsampling from {size_in} to {size_out}",
                "use whole factors along both axes",
            )
        return "df_upsample", {
            "Columns": size_in[1],
            "Words": self.get_nodeattr("NumChannels") // self.get_nodeattr("SIMD"),
            "Width": self.get_instream_width(),
            "ScaleX": size_out[1] // size_in[1],
            "ScaleY": size_out[0] // size_in[0],
        }


def lower(graph: LayerGraph, node: NodeProto) -> None:
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


def timing(a: Attributes, cycles: int) -> Timing:
    """Return when an upsampling gives its words."""
    fold = a["NumChannels"] // a["SIMD"]
    rows = (a["HO"] // a["HI"] - 1) * a["WO"]
    return Timing(cycles, 0.0, 0, 2, (rows + a["WO"] // a["WI"]) * fold)


def schedule(layer: Any) -> Schedule:
    """`df_upsample.sv`: every pixel several times along its row, and every row several times."""
    columns = layer.get_nodeattr("WI")
    scale_x, scale_y = (
        layer.get_nodeattr("WO") // columns,
        layer.get_nodeattr("HO") // layer.get_nodeattr("HI"),
    )
    words = layer.get_nodeattr("NumChannels") // layer.get_nodeattr("SIMD")
    row = columns * words
    if scale_y > 1:
        held = 2 * row - 2 * row // scale_y + (words if scale_x > 1 else 0)
    else:
        held = 2 * words - 2 * words // scale_x
    shape = (scale_y, columns, scale_x, words)
    y, column, x, word = np.unravel_index(np.arange(math.prod(shape)), shape)
    ends = (y == scale_y - 1) & (x == scale_x - 1)
    return ring(column * words + word, np.cumsum(ends), row, held + 3)


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    width, fold = a["SIMD"] * bits_of(a["inputDataType"]), a["NumChannels"] // a["SIMD"]
    words = a["WI"] * fold
    addresses = (words - 1).bit_length()
    return memory(family, width, words, writable=True) + Resources(
        lut=20 + 5 * addresses, ff=8 + width + 5 * addresses
    )


UPSAMPLE = register(
    LayerKind(
        word="upsample",
        finn="UpsampleNearestNeighbour",
        implementations=(Implementation("rtl", "UpsampleNearestNeighbour_rtl", schedule, resources, timing),),
        lowers={"Resize": lower},
        foldings=lanes("SIMD"),
    )
)
