// SPDX-License-Identifier: BSD-3-Clause
// The vendor's LUT with both outputs, as an empty module: the SystemVerilog front end needs its parameters and
// ports; Yosys treats it as a black box (`--blackboxed-module`) and counts it as one LUT.
// verilator lint_off DECLFILENAME
// verilator lint_off UNDRIVEN
// verilator lint_off UNUSED

/// LUT of six inputs (O6), whose lower half is there too (O5), of five inputs (UG953, UG974).
module LUT6_2 #(
  parameter logic [63:0] INIT = 64'h0
) (
  output logic O6,
  output logic O5,
  input logic I0,
  input logic I1,
  input logic I2,
  input logic I3,
  input logic I4,
  input logic I5
);
endmodule
