"""Product of two streams (a gate), or of a stream and a constant per channel (a scale)."""

from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.elementwise_binary import ElementwiseMul
from onnx import NodeProto
from qonnx.core.datatype import BaseDataType, DataType
from qonnx.core.modelwrapper import ModelWrapper

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
    """FINN's `ElementwiseMul` with `df_mul` or `df_channel_mul` for a body.

    `ElementwiseMul_rtl` is taken: FINN's own, for Versal parts.
    """

    modules = ("df_mul.sv", "df_channel_mul.sv")

    def _derive_out_dtype(self, model: ModelWrapper) -> BaseDataType:
        """Return the smallest type for the products."""
        products = [a * b for a in range_of(self.lhs_dtype) for b in self.range_of_right(model)]
        return smallest(min(products), max(products))

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`; writes the constants."""
        self.check()
        bits, signed = decoded(self.lhs_dtype)
        if self.streams_in() == 2:
            bits_1, signed_1 = decoded(self.rhs_dtype)
            return "df_mul", {
                "PE": self.get_nodeattr("PE"),
                "Width0": bits,
                "Signed0": int(signed),
                "Width1": bits_1,
                "Signed1": int(signed_1),
                "OutWidth": self.out_dtype.bitwidth(),
            }
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
    """Append a product, of two streams or with constants: of channels, or of positions."""
    constant = any(graph.is_constant(node, index) for index in (0, 1))
    values = graph.constant_of(node)[0] if constant else np.zeros(1)
    if values.ndim < 4 or max(values.shape[2:]) == 1:
        elementwise(graph, node, "IntegerMul_rtl")
        return
    x, y = graph.read(node.input[0]), graph.output(node)
    position_mul.append(graph, node, x, values[0, 0].astype(np.int64), y)
    graph.done(node.output[0], y)


def schedule(layer: Any) -> Schedule:
    """`df_mul.sv` of two streams, `df_channel_mul.sv` of one and constants: three stages, moving together."""
    return steps(((1 << layer.streams_in()) - 1,), (1,), latency=3, places=3, rigid=True)


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    left, right = bits_of(a["lhs_dtype"]), bits_of(a["rhs_dtype"])
    if a["rhs_style"] != "const":
        return _of_two(a, family)
    if min(left, right) > 1 and left + right >= family.dsp_product:
        return elementwise_resources(a, weights, family) + Resources(dsp=a["PE"])
    return elementwise_resources(a, weights, family) + Resources(lut=a["PE"] * left * right)


def _of_two(a: Attributes, family: Family) -> Resources:
    """Return what `df_mul.sv` takes; a DSP slice has all its registers."""
    left, right = (decoded(DataType[a[f"{side}_dtype"]])[0] for side in ("lhs", "rhs"))
    control = Resources(lut=4, ff=3)
    if min(left, right) > 1 and left + right >= family.dsp_product:
        return control + Resources(dsp=a["PE"])
    added = 1.3 if min(left, right) > 3 else 1.0  # rows of partial products; smaller ones are tables
    registers = left + right + 2 * bits_of(a["out_dtype"])
    return control + Resources(lut=added * left * right, ff=registers).times(a["PE"])


MUL = register(
    LayerKind(
        word="scale",
        finn="ElementwiseMul",
        implementations=(Implementation("rtl", "IntegerMul_rtl", schedule, resources),),
        lowers={"Mul": mul},
        foldings=lanes("PE"),
    )
)
