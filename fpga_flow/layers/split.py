"""Channels of a stream, dealt out to several."""

from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.split import StreamingSplit
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.backend import OwnRtl, replaces
from fpga_flow.finn.datatypes import fields
from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Weights, register
from fpga_flow.layers.graph import LayerGraph
from fpga_flow.layers.schedules import Schedule, steps
from fpga_flow.layers.turns import common_foldings, turns
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of
from fpga_flow.target.resources import Resources


@replaces("StreamingSplit_hls")
class StreamingSplit_rtl(OwnRtl, StreamingSplit):  # type: ignore[misc]
    """FINN's `StreamingSplit` with `df_split` for a body."""

    modules = ("df_split.sv",)

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        channels, simd = self.get_nodeattr("ChannelsPerStream"), self.get_nodeattr("SIMD")
        if any(count % simd for count in channels):
            raise UnsupportedError(
                self.onnx_node.name, f"SIMD is {simd}", f"use a common divisor of {list(channels)}"
            )
        return "df_split", {
            "Outputs": len(channels),
            "Width": self.get_instream_width(),
            "Words": fields([count // simd for count in channels]),
        }


def lower(graph: LayerGraph, node: NodeProto) -> None:
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


def schedule(layer: Any) -> Schedule:
    """`df_split.sv`: the words of a pixel to one output after the other, over one register."""
    gives = turns(layer)
    return steps(np.ones_like(gives), gives, joint=True)


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    width = a["SIMD"] * bits_of(a["inputDataType"])
    return Resources(lut=9, ff=5 + width)


SPLIT = register(
    LayerKind(
        word="split",
        finn="StreamingSplit",
        implementations=(Implementation("rtl", "StreamingSplit_rtl", schedule, resources),),
        lowers={"Split": lower},
        foldings=common_foldings,
    )
)
