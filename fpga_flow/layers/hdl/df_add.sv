// SPDX-License-Identifier: BSD-3-Clause
/// Adds two streams value by value (a residual connection).
///
/// Input 0 is in the low bits of `data_i`, input 1 above it. A word of one input waits until the other's is there.
/// One word per cycle; latency 1 cycle.
module df_add #(
  parameter int unsigned PE,             /// Values per word.
  parameter int unsigned Width0,         /// Bits of a value of input 0.
  parameter bit          Signed0  = 1,   /// The values of input 0 are signed.
  parameter int unsigned Width1,         /// Bits of a value of input 1.
  parameter bit          Signed1  = 1,   /// The values of input 1 are signed.
  parameter int unsigned OutWidth        /// Bits of a sum; must hold it.
) (
  input  logic                            clk_i,    /// Rising edge.
  input  logic                            rst_ni,   /// Synchronous, active low.
  input  logic [PE*(Width0+Width1)-1:0]   data_i,
  input  logic [1:0]                      valid_i,
  output logic [1:0]                      ready_o,
  output logic [PE*OutWidth-1:0]          data_o,   /// Stable while `valid_o && !ready_i`.
  output logic                            valid_o,
  input  logic                            ready_i
);
  if (PE < 1) $error("df_add: PE must be at least 1, not %0d", PE);
  if (Width0 < 1 || Width1 < 1 || OutWidth < Width0 || OutWidth < Width1)
    $error("df_add: OutWidth must be at least Width0 and Width1, and these 1, not %0d, %0d and %0d",
           OutWidth, Width0, Width1);

  logic valid_q, take;
  assign take = &valid_i && (!valid_q || ready_i);
  assign ready_o = {2{take}};
  assign valid_o = valid_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (take) valid_q <= 1'b1;
    else if (ready_i) valid_q <= 1'b0;
  end

  for (genvar p = 0; p < PE; p++) begin : gen_lane
    logic [Width0-1:0] value_0;
    logic [Width1-1:0] value_1;
    logic [OutWidth-1:0] wide_0, wide_1, sum_q;
    assign value_0 = data_i[p*Width0+:Width0];
    assign value_1 = data_i[PE*Width0+p*Width1+:Width1];
    assign wide_0 = Signed0 ? OutWidth'($signed(value_0)) : OutWidth'(value_0);
    assign wide_1 = Signed1 ? OutWidth'($signed(value_1)) : OutWidth'(value_1);
    always_ff @(posedge clk_i) if (take) sum_q <= wide_0 + wide_1;
    assign data_o[p*OutWidth+:OutWidth] = sum_q;
  end
endmodule
