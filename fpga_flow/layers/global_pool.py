"""Sum and maximum of each channel over all positions of a frame."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.globalaccpool import GlobalAccPool
from onnx import NodeProto
from qonnx.core.datatype import BaseDataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn.backend import RTL_DOMAIN, OwnRtl, replaces
from fpga_flow.finn.datatypes import checked, compares_signed, decoded, range_of, smallest
from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Timing, Weights, lanes, register
from fpga_flow.layers.block_pool import blocks
from fpga_flow.layers.graph import LayerGraph
from fpga_flow.layers.schedules import Schedule, once, steps
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of
from fpga_flow.target.resources import Resources


class GlobalPool(OwnRtl):
    """What both have in common: `df_block_pool`, with the layer's attributes."""

    modules = ("df_block_pool.sv",)
    function = "sum"

    def positions(self) -> int:
        """Return the positions per frame and channel."""
        return math.prod(self.get_nodeattr("numInputVectors"))

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        datatype = self.get_input_datatype()
        checked(self.onnx_node.name, [datatype, self.get_output_datatype()])
        bits, signed = (
            decoded(datatype) if self.computes() else (datatype.bitwidth(), compares_signed(datatype))
        )
        return "df_block_pool", {
            "Cols": self.positions(),
            "Channels": self.get_nodeattr("NumChannels"),
            "PE": self.get_nodeattr("PE"),
            "Width": bits,
            "Signed": int(signed),
            "Function": f'"{self.function}"',
            "OutWidth": self.get_output_datatype().bitwidth(),
        }


@replaces("GlobalAccPool_hls")
class GlobalAccPool_rtl(GlobalPool, GlobalAccPool):  # type: ignore[misc]
    """FINN's `GlobalAccPool`: the sum."""

    def computes(self) -> bool:
        """See `OwnRtl.computes`."""
        return True

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        """Return the smallest type for the sums (FINN looks at one end of the range and two axes only)."""
        return smallest(*(self.positions() * end for end in range_of(self.get_input_datatype())))


@replaces(None)
class GlobalMaxPool_rtl(GlobalPool, GlobalAccPool):  # type: ignore[misc]
    """The maximum, with the attributes of FINN's `GlobalAccPool`; FINN has no such layer."""

    function = "max"

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        """Return the type of the input."""
        return self.get_input_datatype()

    def execute_node(self, context: dict[str, Any], graph: object) -> None:
        """Execute in Python."""
        node = self.onnx_node
        result = np.max(context[node.input[0]], axis=(1, 2))
        context[node.output[0]] = result.reshape(self.get_normal_output_shape()).astype(np.float32)


def _append(graph: LayerGraph, node: NodeProto, operator: str) -> None:
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
    _append(graph, node, "GlobalAccPool_rtl")


def global_max(graph: LayerGraph, node: NodeProto) -> None:
    """The maximum over all positions, per channel; FINN has no such layer."""
    _append(graph, node, "GlobalMaxPool_rtl")


def timing(a: Attributes, cycles: int) -> Timing:
    """Return when a global pool gives its words: with the last position's."""
    return Timing(cycles, 1.0, cycles, 1, a["NumChannels"] // a["PE"])


def schedule(layer: Any) -> Schedule:
    """`df_block_pool.sv`: results with the words of the last pixel."""
    words = layer.get_nodeattr("NumChannels") // layer.get_nodeattr("PE")
    gives = np.repeat(once(math.prod(layer.get_nodeattr("numInputVectors"))), words)
    return steps(np.ones_like(gives), gives)


def max_resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what a maximum takes; see `Implementation.resources`."""
    return _resources(a, family, bits_of(a["inputDataType"]))


def sum_resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what a sum takes; see `Implementation.resources`."""
    positions = math.prod(a["numInputVectors"])
    return _resources(a, family, bits_of(a["inputDataType"]) + (positions - 1).bit_length())


def _resources(a: Attributes, family: Family, bits: int) -> Resources:
    fold = a["NumChannels"] // a["PE"]
    return blocks(family, a["PE"] * bits, fold, (math.prod(a["numInputVectors"]), fold))


GLOBAL_SUM = register(
    LayerKind(
        word="pool",
        finn="GlobalAccPool",
        implementations=(Implementation("rtl", "GlobalAccPool_rtl", schedule, sum_resources, timing),),
        lowers={"ReduceSum": global_sum},
        foldings=lanes("PE"),
    )
)
GLOBAL_MAX = register(
    LayerKind(
        word="pool",
        finn="GlobalMaxPool",
        implementations=(Implementation("rtl", "GlobalMaxPool_rtl", schedule, max_resources, timing),),
        lowers={"GlobalMaxPool": global_max},
        foldings=lanes("PE"),
    )
)
