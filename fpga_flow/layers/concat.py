"""Channels of several streams, one after the other, pixel by pixel."""

from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.concat import StreamingConcat
from onnx import NodeProto
from qonnx.core.datatype import BaseDataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.backend import OwnRtl, replaces
from fpga_flow.finn.datatypes import checked, decoded, fields, flags, hull, range_of, smallest
from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Weights, register
from fpga_flow.layers.graph import LayerGraph
from fpga_flow.layers.joins import positions
from fpga_flow.layers.schedules import Schedule, steps
from fpga_flow.layers.turns import common_foldings, turns
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of
from fpga_flow.target.resources import Resources


@replaces("StreamingConcat_hls")
class StreamingConcat_rtl(OwnRtl, StreamingConcat):  # type: ignore[misc]
    """FINN's `StreamingConcat` with `df_concat` for a body."""

    modules = ("df_concat.sv",)

    def computes(self) -> bool:
        """See `OwnRtl.computes`."""
        return True

    def streams_in(self) -> int:
        """See `OwnRtl.streams_in`."""
        return int(self.get_n_inputs())

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        """Return the smallest type for the values of all inputs (FINN takes logarithms of floats)."""
        inputs = [self.get_input_datatype(i) for i in range(self.streams_in())]
        return smallest(*hull(range_of(datatype) for datatype in inputs))

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        datatypes = [self.get_input_datatype(i) for i in range(self.streams_in())]
        checked(self.onnx_node.name, datatypes)
        channels, simd = self.get_nodeattr("ChannelsPerStream"), self.get_nodeattr("SIMD")
        if any(count % simd for count in channels):
            raise UnsupportedError(
                self.onnx_node.name, f"SIMD is {simd}", f"use a common divisor of {list(channels)}"
            )
        lanes = [decoded(datatype) for datatype in datatypes]
        return "df_concat", {
            "Inputs": len(lanes),
            "PE": simd,
            "Words": fields([count // simd for count in channels]),
            "Widths": fields([bits for bits, _ in lanes]),
            "Signed": flags([signed for _, signed in lanes]),
            "OutWidth": self.get_output_datatype().bitwidth(),
            "InBits": simd * sum(bits for bits, _ in lanes),
        }


def lower(graph: LayerGraph, node: NodeProto) -> None:
    """Channels of several tensors, one after the other."""
    parts = [graph.read(name) for name in node.input]
    starts = np.cumsum([0, *(part.channels for part in parts)])
    ordered = any(part.order is not None for part in parts)
    order = np.concatenate([positions(p) + start for p, start in zip(parts, starts, strict=False)])
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


def schedule(layer: Any) -> Schedule:
    """`df_concat.sv`: the words of a pixel from one input after the other."""
    takes = turns(layer)
    return steps(takes, np.ones_like(takes))


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    width = a["SIMD"] * max(bits_of(name) for name in a["inputDataTypes"])
    return Resources(lut=7 + width * len(a["ChannelsPerStream"]) / 2, ff=4 + width)


CONCAT = register(
    LayerKind(
        word="concat",
        finn="StreamingConcat",
        implementations=(Implementation("rtl", "StreamingConcat_rtl", schedule, resources),),
        lowers={"Concat": lower},
        foldings=common_foldings,
    )
)
