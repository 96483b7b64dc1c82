"""Maximum, sum or shifted sum of the windows that the depthwise sliding-window generator sends."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.pool import Pool
from qonnx.core.datatype import BaseDataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.backend import OwnRtl, replaces
from fpga_flow.finn.datatypes import checked, compares_signed, decoded, range_of, smallest

SUMS = ("AccPool", "QuantAvgPool")


@replaces("Pool_hls")
class Pool_rtl(OwnRtl, Pool):  # type: ignore[misc]
    """FINN's `Pool` with `df_pool` for a body: MaxPool, AccPool, and QuantAvgPool with the shift in `Size`.

    The output type of QuantAvgPool is taken as it is: the shifted sums must fit it.
    """

    modules = ("df_pool.sv",)

    def computes(self) -> bool:
        """See `OwnRtl.computes`: sums compute, the maximum compares."""
        return self.get_nodeattr("Function") in SUMS

    def window(self) -> int:
        """Return the positions of the kernel."""
        return math.prod(self.get_nodeattr("KernelSize"))

    def shift(self) -> int:
        """Return how many low bits of a sum are dropped."""
        return int(self.get_nodeattr("Size")) if self.get_nodeattr("Function") == "QuantAvgPool" else 0

    def _get_accumulator_datatype(self) -> BaseDataType:
        """Return the smallest type for the sums (FINN looks at one end of the range only)."""
        return smallest(*(self.window() * end for end in range_of(self.get_input_datatype())))

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`. Raises `UnsupportedError` for AvgPool, which divides."""
        function, name = self.get_nodeattr("Function"), self.onnx_node.name
        if function not in ("MaxPool", *SUMS):
            raise UnsupportedError(
                name, f"pooling function {function} has no RTL", f"use MaxPool, {' or '.join(SUMS)}"
            )
        datatype, out = self.get_input_datatype(), self.get_output_datatype()
        checked(name, [datatype, out])
        bits, signed = (
            decoded(datatype) if self.computes() else (datatype.bitwidth(), compares_signed(datatype))
        )
        return "df_pool", {
            "Window": self.window(),
            "PE": self.get_nodeattr("PE"),
            "Width": bits,
            "Signed": int(signed),
            "Function": '"sum"' if self.computes() else '"max"',
            "Shift": self.shift(),
            "OutWidth": out.bitwidth(),
        }

    def execute_node(self, context: dict[str, Any], graph: object) -> None:
        """Execute in Python; QuantAvgPool shifts by `Size`, as FINN's HLS does."""
        if self.get_nodeattr("Function") != "QuantAvgPool":
            Pool.execute_node(self, context, graph)
            return
        node = self.onnx_node
        windows = context[node.input[0]].reshape(-1, self.window(), self.get_nodeattr("Channels"))
        sums = np.rint(windows.sum(axis=1, dtype=np.float64)).astype(np.int64) >> self.shift()
        context[node.output[0]] = sums.reshape(self.get_normal_output_shape()).astype(np.float32)
