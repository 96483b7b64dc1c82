// SPDX-License-Identifier: BSD-3-Clause
/// A FIFO of one word: `fifo.sv` with the ports of a layer.
module df_register #(
  parameter int unsigned DataWidth          /// Bits per word. Must be at least 1.
) (
  input  logic                 clk_i,       /// Rising edge.
  input  logic                 rst_ni,      /// Synchronous, active low.
  input  logic [DataWidth-1:0] data_i,
  input  logic                 valid_i,
  output logic                 ready_o,     /// Depends on `ready_i` in the same cycle.
  output logic [DataWidth-1:0] data_o,      /// Stable while `valid_o && !ready_i`.
  output logic                 valid_o,
  input  logic                 ready_i
);
  // verilator lint_off UNUSEDSIGNAL
  logic [1:0] count, maxcount;
  // verilator lint_on UNUSEDSIGNAL
  fifo #(.DEPTH(1), .DATA_WIDTH(DataWidth)) register (
    .clk(clk_i), .rst(!rst_ni),
    .idat(data_i), .ivld(valid_i), .irdy(ready_o),
    .odat(data_o), .ovld(valid_o), .ordy(ready_i),
    .count, .maxcount
  );
endmodule
