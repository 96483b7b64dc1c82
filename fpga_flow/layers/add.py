"""Sum of two streams (a residual connection), or of a stream and a constant per channel (a bias)."""

from pathlib import Path
from typing import Any

from finn.custom_op.fpgadataflow.elementwise_binary import ElementwiseAdd
from onnx import NodeProto
from qonnx.core.datatype import BaseDataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn import constants
from fpga_flow.finn.backend import replaces
from fpga_flow.finn.datatypes import decoded, range_of, smallest
from fpga_flow.finn.elementwise import Elementwise
from fpga_flow.layers.base import Implementation, LayerKind, lanes, register
from fpga_flow.layers.graph import LayerGraph
from fpga_flow.layers.joins import elementwise, elementwise_resources
from fpga_flow.layers.schedules import Schedule, steps


@replaces("ElementwiseAdd_hls")
class IntegerAdd_rtl(Elementwise, ElementwiseAdd):  # type: ignore[misc]
    """FINN's `ElementwiseAdd` with `df_add` or `df_channel_add` for a body.

    `ElementwiseAdd_rtl` is taken: FINN's own, for Versal parts.
    """

    modules = ("df_add.sv", "df_channel_add.sv")

    def _derive_out_dtype(self, model: ModelWrapper) -> BaseDataType:
        """Return the smallest type for the sums (FINN's is too small for INT4 + UINT4)."""
        (low_0, high_0), (low_1, high_1) = range_of(self.lhs_dtype), self.range_of_right(model)
        return smallest(low_0 + low_1, high_0 + high_1)

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`; writes the constants."""
        self.check()
        bits, signed = decoded(self.lhs_dtype)
        common = {"PE": self.get_nodeattr("PE"), "OutWidth": self.out_dtype.bitwidth()}
        if self.streams_in() == 2:
            bits_1, signed_1 = decoded(self.rhs_dtype)
            return "df_add", {
                **common,
                "Width0": bits,
                "Signed0": int(signed),
                "Width1": bits_1,
                "Signed1": int(signed_1),
            }
        const_bits, const_signed = constants.width(self.constants(model))
        return "df_channel_add", {
            **common,
            "Channels": self.channels(),
            "InWidth": bits,
            "InSigned": int(signed),
            "ConstWidth": const_bits,
            "ConstSigned": int(const_signed),
            "InitFile": f'"./{self.write_constants(model, folder)}"',
        }


def add(graph: LayerGraph, node: NodeProto) -> None:
    """Append a sum."""
    elementwise(graph, node, "IntegerAdd_rtl")


def schedule(layer: Any) -> Schedule:
    """`df_add.sv` of two streams, `df_channel_add.sv` of one and constants."""
    return steps(((1 << layer.streams_in()) - 1,), (1,))


ADD = register(
    LayerKind(
        word="add",
        finn="ElementwiseAdd",
        implementations=(Implementation("rtl", "IntegerAdd_rtl", schedule, elementwise_resources),),
        lowers={"Add": add},
        foldings=lanes("PE"),
    )
)
