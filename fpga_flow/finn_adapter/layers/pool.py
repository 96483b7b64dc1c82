"""Max-pooling over the windows that the depthwise sliding-window generator sends."""

from pathlib import Path

import numpy as np
from finn.custom_op.fpgadataflow.pool import Pool
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.errors import UnsupportedError
from fpga_flow.finn_adapter.backend import OwnRtl, replaces


@replaces("Pool_hls")
class Pool_rtl(OwnRtl, Pool):  # type: ignore[misc]
    """FINN's `Pool` with `df_pool` for a body."""

    modules = ("df_pool.sv",)

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`; only the maximum is there yet."""
        if self.get_nodeattr("Function") != "MaxPool":
            raise UnsupportedError(
                self.onnx_node.name,
                f"pooling function {self.get_nodeattr('Function')} has no RTL",
                "use max-pooling",
            )
        datatype = self.get_input_datatype()
        return "df_pool", {
            "Window": int(np.prod(self.get_nodeattr("KernelSize"))),
            "PE": self.get_nodeattr("PE"),
            "Width": datatype.bitwidth(),
            "Signed": int(datatype.signed()),
        }
