"""A kind of layer: absolute values. This file and `df_abs.sv` are all there is of it."""

from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.hwcustomop import HWCustomOp
from onnx import NodeProto, helper
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn.backend import RTL_DOMAIN, OwnRtl, replaces
from fpga_flow.finn.datatypes import range_of, smallest
from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Weights, lanes
from fpga_flow.layers.graph import LayerGraph
from fpga_flow.layers.schedules import Schedule, steps
from fpga_flow.target.family import Family
from fpga_flow.target.resources import Resources


@replaces(None)
class Absolute_rtl(OwnRtl, HWCustomOp):  # type: ignore[misc]
    """The absolute value of each value."""

    modules = (str(Path(__file__).with_name("df_abs.sv")),)

    def get_nodeattr_types(self) -> dict[str, Any]:
        own = {
            "Shape": ("ints", True, []),
            "PE": ("i", False, 1),
            "inputDataType": ("s", True, ""),
        }
        return {**HWCustomOp.get_nodeattr_types(self), **OwnRtl.get_nodeattr_types(self), **own}

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        return tuple(int(size) for size in self.get_nodeattr("Shape"))

    get_normal_output_shape = get_normal_input_shape

    def get_folded_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        *vectors, channels = self.get_normal_input_shape()
        pe = int(self.get_nodeattr("PE"))
        return (*vectors, channels // pe, pe)

    get_folded_output_shape = get_folded_input_shape

    def get_input_datatype(self, ind: int = 0) -> BaseDataType:
        return DataType[self.get_nodeattr("inputDataType")]

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        low, high = range_of(self.get_input_datatype())
        return smallest(0, max(-low, high))

    def get_instream_width(self, ind: int = 0) -> int:
        return int(self.get_input_datatype().bitwidth() * self.get_nodeattr("PE"))

    def get_outstream_width(self, ind: int = 0) -> int:
        return int(self.get_output_datatype().bitwidth() * self.get_nodeattr("PE"))

    def get_exp_cycles(self) -> int:
        return int(np.prod(self.get_folded_input_shape()[:-1]))

    def infer_node_datatype(self, model: ModelWrapper) -> None:
        node = self.onnx_node
        self.set_nodeattr("inputDataType", model.get_tensor_datatype(node.input[0]).name)
        model.set_tensor_datatype(node.output[0], self.get_output_datatype())

    def make_shape_compatible_op(self, model: ModelWrapper) -> NodeProto:
        shape = list(self.get_normal_output_shape())
        return helper.make_node("RandomNormal", [], [self.onnx_node.output[0]], shape=shape)

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
