"""`df_sparse_product.sv`: all products of all operands."""

from pathlib import Path

import numpy as np
import pytest

from fpga_flow.sim.simulator import Port, Simulator
from tests.rtl.modules import HDL
from tests.rtl.operands import Operand
from tests.words import pack_words, unpack_words

STREAM = """
module product_stream #(parameter int A = 1, W = 1, parameter bit SA = 0, SW = 0, InLuts = 1) (
  input logic clk_i, input logic rst_ni,
  input logic [A+W:0] data_i, input logic valid_i, output logic ready_o,
  output logic [A+W-1:0] data_o, output logic valid_o, input logic ready_i
);
  df_sparse_product #(
    .ActWidth(A), .ActSigned(SA), .WeightWidth(W), .WeightSigned(SW), .InLuts(InLuts)
  ) product (
    .clk_i, .step_i(ready_o), .act_i(data_i[A-1:0]), .weight_i(data_i[A+:W]), .product_o(data_o)
  );
  logic valid_q;
  always_ff @(posedge clk_i)
    if (!rst_ni) valid_q <= 1'b0;
    else if (ready_o) valid_q <= valid_i;
  assign valid_o = valid_q;
  assign ready_o = !valid_q || ready_i;
endmodule
"""


@pytest.mark.parametrize(
    ("act", "weight", "in_luts"),
    [
        ("UINT4", "INT4", 1),
        ("INT4", "UINT4", 1),
        ("UINT3", "INT3", 1),
        ("INT1", "UINT1", 1),
        ("UINT8", "INT3", 1),
        ("INT5", "INT7", 1),
        ("UINT7", "UINT5", 1),
        ("INT8", "INT8", 1),
        ("UINT8", "UINT8", 1),
        ("UINT2", "INT8", 1),
        ("INT8", "UINT6", 0),
    ],
)
def test_all_products(act: str, weight: str, in_luts: int, simulators: Path, tmp_path: Path) -> None:
    operands = Operand(act), Operand(weight)
    bits = [operand.bits for operand in operands]
    source = tmp_path / "product_stream.sv"
    source.write_text(STREAM)
    simulator = Simulator.build(
        "product_stream",
        [HDL / "df_sparse_product.sv", source],
        inputs=[Port("in", sum(bits) + 1, ("data_i", "valid_i", "ready_o"))],
        outputs=[Port("out", sum(bits), ("data_o", "valid_o", "ready_i"))],
        parameters={
            "A": bits[0],
            "W": bits[1],
            "SA": int(operands[0].signed),
            "SW": int(operands[1].signed),
            "InLuts": in_luts,
        },
        clock="clk_i",
        reset="rst_ni",
        effort="quick",
        cache=simulators,
    )
    codes = np.arange(1 << sum(bits))
    parts = codes & ((1 << bits[0]) - 1), codes >> bits[0]
    x, w = (
        part - (part >> (count - 1) << count) if operand.signed else part
        for part, count, operand in zip(parts, bits, operands, strict=True)
    )
    result = simulator.run({"in": pack_words(codes[:, None], sum(bits) + 1)}, {"out": len(codes)})
    signed = any(operand.signed for operand in operands)
    found = unpack_words(result.outputs["out"], sum(bits), 1, signed=signed)[:, 0]
    np.testing.assert_array_equal(found, x * w)
