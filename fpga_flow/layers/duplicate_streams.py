"""A fork: every word goes to several streams."""

from pathlib import Path

from finn.custom_op.fpgadataflow.duplicatestreams import DuplicateStreams
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn.backend import OwnRtl, replaces


@replaces("DuplicateStreams_hls")
class DuplicateStreams_rtl(OwnRtl, DuplicateStreams):  # type: ignore[misc]
    """FINN's `DuplicateStreams` with `df_fork` for a body."""

    modules = ("df_fork.sv",)

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        return "df_fork", {"Width": self.get_instream_width(), "Outputs": self.get_num_output_streams()}
