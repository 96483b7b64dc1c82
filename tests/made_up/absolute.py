"""A kind of layer: absolute values. This file and `df_abs.sv` are all there is of it."""

from pathlib import Path
from typing import Any

import numpy as np
from onnx import NodeProto
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn.backend import RTL_DOMAIN, OwnRtl, replaces
from fpga_flow.finn.datatypes import range_of, smallest
from fpga_flow.finn.image import ImageLayer
from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Weights, lanes
from fpga_flow.layers.graph import LayerGraph
from fpga_flow.layers.schedules import Schedule, steps
from fpga_flow.target.family import Family
from fpga_flow.target.resources import Resources


@replaces(None)
class Absolute_rtl(OwnRtl, ImageLayer):
    """The absolute value of each value."""

    modules = (str(Path(__file__).with_name("df_abs.sv")),)

    own = {"Shape": ("ints", True, [])}

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return tuple(int(size) for size in self.get_nodeattr("Shape"))

    get_normal_output_shape = get_normal_input_shape

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        low, high = range_of(self.get_input_datatype())
        return smallest(0, max(-low, high))

    def execute_node(self, context: dict[str, Any], graph: object) -> None:
        node = self.onnx_node
        context[node.output[0]] = np.abs(context[node.input[0]])

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        return "df_abs", {
            "PE": self.get_nodeattr("PE"),
            "Width": self.get_input_datatype().bitwidth(),
            "OutWidth": self.get_output_datatype().bitwidth(),
        }


def lower(graph: LayerGraph, node: NodeProto) -> None:
    """Append the layer of an `Abs`."""
    x = graph.read(node.input[0])
    y = graph.output(node, order=x.order)
    graph.layer(
        "Absolute_rtl",
        node.name,
        [x.tensor],
        [y.tensor],
        domain=RTL_DOMAIN,
        Shape=list(x.shape),
        NumChannels=x.channels,
        inputDataType=x.datatype,
    )
    graph.done(node.output[0], y)


def schedule(layer: Any) -> Schedule:
    """A word in, a word out."""
    return steps((1,), (1,))


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """A subtraction and a register for each value."""
    width = a["PE"] * DataType[a["inputDataType"]].bitwidth()
    return Resources(lut=width + 2, ff=width + 1)


KIND = LayerKind(
    word="absolute",
    finn="Absolute",
    implementations=(Implementation("rtl", "Absolute_rtl", schedule, resources),),
    lowers={"Abs": lower},
    foldings=lanes("PE"),
)
