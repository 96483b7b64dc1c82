"""Channels of several streams, one after the other, pixel by pixel."""

from pathlib import Path

from finn.custom_op.fpgadataflow.concat import StreamingConcat
from qonnx.core.datatype import BaseDataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.backend import OwnRtl, replaces
from fpga_flow.finn.datatypes import checked, decoded, fields, flags, hull, range_of, smallest


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
