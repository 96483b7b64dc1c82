"""Product of a stream and a constant per channel (a scale)."""

from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.elementwise_binary import ElementwiseMul
from onnx import NodeProto
from qonnx.core.datatype import BaseDataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn import constants
from fpga_flow.finn.backend import replaces
from fpga_flow.finn.datatypes import decoded, range_of, smallest
from fpga_flow.finn.elementwise import Elementwise
from fpga_flow.layers import position_mul
from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Weights, lanes, register
from fpga_flow.layers.graph import LayerGraph
from fpga_flow.layers.joins import elementwise, elementwise_resources
from fpga_flow.layers.schedules import Schedule, steps
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of
from fpga_flow.target.resources import Resources


@replaces("ElementwiseMul_hls")
class IntegerMul_rtl(Elementwise, ElementwiseMul):  # type: ignore[misc]
    """FINN's `ElementwiseMul` with `df_channel_mul` for a body.

    `ElementwiseMul_rtl` is taken: FINN's own, for Versal parts.
    """

    modules = ("df_channel_mul.sv",)

    def _derive_out_dtype(self, model: ModelWrapper) -> BaseDataType:
        """Return the smallest type for the products."""
        products = [a * b for a in range_of(self.lhs_dtype) for b in self.range_of_right(model)]
        return smallest(min(products), max(products))

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`; writes the constants."""
        self.check()
        if self.streams_in() == 2:
            raise UnsupportedError(
                self.onnx_node.name, "a product of two streams has no RTL", "multiply by a constant"
            )
        bits, signed = decoded(self.lhs_dtype)
        const_bits, const_signed = constants.width(self.constants(model))
        return "df_channel_mul", {
            "Channels": self.channels(),
            "PE": self.get_nodeattr("PE"),
            "InWidth": bits,
            "InSigned": int(signed),
            "ConstWidth": const_bits,
            "ConstSigned": int(const_signed),
            "OutWidth": self.out_dtype.bitwidth(),
            "InitFile": f'"./{self.write_constants(model, folder)}"',
        }


def mul(graph: LayerGraph, node: NodeProto) -> None:
    """Append a product with constants: of channels, or of positions."""
    values = graph.constant_of(node)[0]
    if values.ndim < 4 or max(values.shape[2:]) == 1:
        elementwise(graph, node, "IntegerMul_rtl")
        return
    x, y = graph.read(node.input[0]), graph.output(node)
    position_mul.append(graph, node, x, values[0, 0].astype(np.int64), y)
    graph.done(node.output[0], y)


def schedule(layer: Any) -> Schedule:
    """`df_channel_mul.sv`: three stages that move together."""
    return steps((1,), (1,), latency=3, places=3, rigid=True)


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    left, right = bits_of(a["lhs_dtype"]), bits_of(a["rhs_dtype"])
    if min(left, right) > 1 and left + right >= family.dsp_product:
        return elementwise_resources(a, weights, family) + Resources(dsp=a["PE"])
    return elementwise_resources(a, weights, family) + Resources(lut=a["PE"] * left * right)


MUL = register(
    LayerKind(
        word="scale",
        finn="ElementwiseMul",
        implementations=(Implementation("rtl", "IntegerMul_rtl", schedule, resources),),
        lowers={"Mul": mul},
        foldings=lanes("PE"),
    )
)
