"""Nearest-neighbour upsampling along rows and columns."""

from pathlib import Path

from finn.custom_op.fpgadataflow.upsampler import UpsampleNearestNeighbour
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.backend import OwnRtl, replaces


@replaces("UpsampleNearestNeighbour_hls")
class UpsampleNearestNeighbour_rtl(OwnRtl, UpsampleNearestNeighbour):  # type: ignore[misc]
    """FINN's `UpsampleNearestNeighbour` with `df_upsample` for a body."""

    modules = ("df_upsample.sv",)

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        size_in = [self.get_nodeattr(name) for name in ("HI", "WI")]
        size_out = [self.get_nodeattr(name) for name in ("HO", "WO")]
        if any(out < 1 or out % size for out, size in zip(size_out, size_in, strict=True)):
            raise UnsupportedError(
                self.onnx_node.name,
                f"upsampling from {size_in} to {size_out}",
                "use whole factors along both axes",
            )
        return "df_upsample", {
            "Columns": size_in[1],
            "Words": self.get_nodeattr("NumChannels") // self.get_nodeattr("SIMD"),
            "Width": self.get_instream_width(),
            "ScaleX": size_out[1] // size_in[1],
            "ScaleY": size_out[0] // size_in[0],
        }
