"""Indices of the `K` largest values of a frame, lowest index first on ties."""

from pathlib import Path

from finn.custom_op.fpgadataflow.labelselect import LabelSelect
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn.backend import OwnRtl, replaces
from fpga_flow.finn.datatypes import compares_signed


@replaces("LabelSelect_hls")
class LabelSelect_rtl(OwnRtl, LabelSelect):  # type: ignore[misc]
    """FINN's `LabelSelect` with `df_label_select` for a body."""

    modules = ("df_label_select.sv",)

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        datatype = self.get_input_datatype()
        return "df_label_select", {
            "Labels": self.get_nodeattr("Labels"),
            "PE": self.get_nodeattr("PE"),
            "Width": datatype.bitwidth(),
            "Signed": int(compares_signed(datatype)),
            "K": self.get_nodeattr("K"),
            "IndexWidth": self.get_outstream_width(),
        }

    def get_exp_cycles(self) -> int:
        """Return the cycles per frame; FINN leaves out the indices, which leave one by one."""
        return max(int(LabelSelect.get_exp_cycles(self)), int(self.get_nodeattr("K")))
