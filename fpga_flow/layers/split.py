"""Channels of a stream, dealt out to several."""

from pathlib import Path

from finn.custom_op.fpgadataflow.split import StreamingSplit
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.backend import OwnRtl, replaces
from fpga_flow.finn.datatypes import fields


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
