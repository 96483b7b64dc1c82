"""Product of a constant matrix with each vector, for operands that FINN's matrix unit does not take."""

from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.matrixvectoractivation import MVAU
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.backend import replaces
from fpga_flow.finn.weights import Weighted


@replaces("MVAU_hls")
class MatrixVector_rtl(Weighted, MVAU):  # type: ignore[misc]
    """FINN's `MVAU` with `df_matrix_vector` for a body.

    `MVAU_rtl` is taken: FINN's own, for signed weights and activations of two bits or more.
    """

    modules = ("df_dot.sv", "df_matrix_vector.sv")

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`; writes the weights."""
        weights = self.integer_weights(model)
        columns, rows, simd, pe = (int(self.get_nodeattr(name)) for name in ("MW", "MH", "SIMD", "PE"))
        if columns % simd or rows % pe or self.get_nodeattr("TH") != 1:
            raise UnsupportedError(
                self.onnx_node.name,
                f"SIMD={simd} PE={pe} TH={self.get_nodeattr('TH')}",
                f"use a divisor of {columns}, one of {rows}, and 1",
            )
        blocks = weights.T.reshape(rows // pe, pe, columns // simd, simd).transpose(0, 2, 1, 3)
        return "df_matrix_vector", {
            "MW": columns,
            "MH": rows,
            "SIMD": simd,
            "PE": pe,
            **self.common(model, weights),
            **self.write_weights(model, blocks, pe * simd, folder),
        }

    def execute_node(self, context: dict[str, Any], graph: object) -> None:
        """Execute in Python; two BIPOLAR operands are multiplied (FINN counts, which is `binaryXnorMode`)."""
        if self.get_nodeattr("binaryXnorMode"):
            MVAU.execute_node(self, context, graph)
            return
        node = self.onnx_node
        vectors = context[node.input[0]].reshape(self.get_normal_input_shape())
        products = np.matmul(vectors.astype(np.int64), context[node.input[1]].astype(np.int64))
        context[node.output[0]] = products.reshape(self.get_normal_output_shape()).astype(np.float32)
