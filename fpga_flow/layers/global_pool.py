"""Sum and maximum of each channel over all positions of a frame."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.globalaccpool import GlobalAccPool
from qonnx.core.datatype import BaseDataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn.backend import OwnRtl, replaces
from fpga_flow.finn.datatypes import checked, compares_signed, decoded, range_of, smallest


class GlobalPool(OwnRtl):
    """What both have in common: `df_global_pool`, with the layer's attributes."""

    modules = ("df_global_pool.sv",)
    function = "sum"

    def positions(self) -> int:
        """Return the positions per frame and channel."""
        return math.prod(self.get_nodeattr("numInputVectors"))

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        datatype = self.get_input_datatype()
        checked(self.onnx_node.name, [datatype, self.get_output_datatype()])
        bits, signed = (
            decoded(datatype) if self.computes() else (datatype.bitwidth(), compares_signed(datatype))
        )
        return "df_global_pool", {
            "Pixels": self.positions(),
            "Channels": self.get_nodeattr("NumChannels"),
            "PE": self.get_nodeattr("PE"),
            "Width": bits,
            "Signed": int(signed),
            "Function": f'"{self.function}"',
            "OutWidth": self.get_output_datatype().bitwidth(),
        }


@replaces("GlobalAccPool_hls")
class GlobalAccPool_rtl(GlobalPool, GlobalAccPool):  # type: ignore[misc]
    """FINN's `GlobalAccPool`: the sum."""

    def computes(self) -> bool:
        """See `OwnRtl.computes`."""
        return True

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        """Return the smallest type for the sums (FINN looks at one end of the range and two axes only)."""
        return smallest(*(self.positions() * end for end in range_of(self.get_input_datatype())))


@replaces(None)
class GlobalMaxPool_rtl(GlobalPool, GlobalAccPool):  # type: ignore[misc]
    """The maximum, with the attributes of FINN's `GlobalAccPool`; FINN has no such layer."""

    function = "max"

    def get_output_datatype(self, ind: int = 0) -> BaseDataType:
        """Return the type of the input."""
        return self.get_input_datatype()

    def execute_node(self, context: dict[str, Any], graph: object) -> None:
        """Execute in Python."""
        node = self.onnx_node
        result = np.max(context[node.input[0]], axis=(1, 2))
        context[node.output[0]] = result.reshape(self.get_normal_output_shape()).astype(np.float32)
