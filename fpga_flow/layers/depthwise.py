"""Depthwise convolution: a kernel per channel on the windows of the depthwise sliding-window generator."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.vectorvectoractivation import VVAU
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.backend import replaces
from fpga_flow.finn.weights import Weighted


@replaces("VVAU_hls")
class Depthwise_rtl(Weighted, VVAU):  # type: ignore[misc]
    """FINN's `VVAU` with `df_depthwise` for a body.

    `VVAU_rtl` is taken: FINN's own, for Versal parts.
    """

    modules = ("df_dot.sv", "df_depthwise.sv")

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`; writes the weights."""
        channels, simd, pe = (int(self.get_nodeattr(name)) for name in ("Channels", "SIMD", "PE"))
        kernel = math.prod(self.get_nodeattr("Kernel"))
        if channels % pe or kernel % simd:
            raise UnsupportedError(
                self.onnx_node.name,
                f"SIMD={simd} PE={pe}",
                f"use a divisor of {kernel} and one of {channels}",
            )
        weights = self.integer_weights(model).reshape(channels, kernel)
        blocks = weights.reshape(channels // pe, pe, kernel // simd, simd).transpose(0, 2, 1, 3)
        return "df_depthwise", {
            "Channels": channels,
            "Kernel": kernel,
            "SIMD": simd,
            "PE": pe,
            **self.common(model, weights.T),
            **self.write_weights(model, blocks, pe * simd, folder),
        }

    def execute_node(self, context: dict[str, Any], graph: object) -> None:
        """Execute in Python, on windows whose channels lie next to each other (as the graph has them).

        FINN's own takes them in groups of PE, unless a window generator is in front of it, and counts
        where both operands are BIPOLAR.
        """
        node = self.onnx_node
        channels, kernel = self.get_nodeattr("Channels"), math.prod(self.get_nodeattr("Kernel"))
        windows = context[node.input[0]].reshape(-1, kernel, channels).astype(np.int64)
        weights = context[node.input[1]].reshape(channels, kernel).T.astype(np.int64)
        if self.get_nodeattr("binaryXnorMode"):
            sums = (windows == weights).sum(axis=1)
        else:
            sums = (windows * weights).sum(axis=1)
        context[node.output[0]] = sums.reshape(self.get_normal_output_shape()).astype(np.float32)
