// SPDX-License-Identifier: BSD-3-Clause
/// Multiplies two streams value by value (a gate, a mask).
///
/// Input 0 is in the low bits of `data_i`, input 1 above it. A word of one input waits until the other's is there.
/// One word per cycle; latency 3 cycles: operands, product and result have a register each, as a DSP slice has them.
module df_mul #(
  parameter int unsigned PE,             /// Values per word.
  parameter int unsigned Width0,         /// Bits of a value of input 0.
  parameter bit          Signed0  = 1,   /// The values of input 0 are signed.
  parameter int unsigned Width1,         /// Bits of a value of input 1.
  parameter bit          Signed1  = 1,   /// The values of input 1 are signed.
  parameter int unsigned OutWidth        /// Bits of a product; must hold it (higher bits are cut off).
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
  if (PE < 1) $error("df_mul: PE must be at least 1, not %0d", PE);
  // Both operands are signed; an unsigned one has a zero in front.
  localparam int unsigned Wide0 = Width0 + 32'(!Signed0);
  localparam int unsigned Wide1 = Width1 + 32'(!Signed1);
  if (Width0 < 1 || Width1 < 1) $error("df_mul: Width0 and Width1 must be at least 1, not %0d and %0d", Width0, Width1);
  if (OutWidth < 1 || OutWidth > Wide0 + Wide1)
    $error("df_mul: OutWidth must be 1 to %0d, not %0d", Wide0 + Wide1, OutWidth);

  // All stages move together, and stand where the last one holds a result that is not taken.
  logic move;
  logic [2:0] valid_q;
  assign move = !valid_q[2] || ready_i;
  assign ready_o = {2{&valid_i && move}};
  assign valid_o = valid_q[2];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else if (move) valid_q <= {valid_q[1:0], &valid_i};
  end

  for (genvar p = 0; p < PE; p++) begin : gen_lane
    logic [Width0-1:0] value_0, value_0_q;
    logic [Width1-1:0] value_1, value_1_q;
    logic signed [Wide0-1:0] wide_0;
    logic signed [Wide1-1:0] wide_1;
    // verilator lint_off UNUSEDSIGNAL
    logic signed [Wide0+Wide1-1:0] product_q;  // its high bits are copies of the sign where OutWidth is less
    // verilator lint_on UNUSEDSIGNAL
    logic [OutWidth-1:0] result_q;
    assign value_0 = data_i[p*Width0+:Width0];
    assign value_1 = data_i[PE*Width0+p*Width1+:Width1];
    assign wide_0 = Signed0 ? Wide0'($signed(value_0_q)) : Wide0'(value_0_q);
    assign wide_1 = Signed1 ? Wide1'($signed(value_1_q)) : Wide1'(value_1_q);
    always_ff @(posedge clk_i)
      if (move) begin
        value_0_q <= value_0;
        value_1_q <= value_1;
        product_q <= wide_0 * wide_1;
        result_q <= OutWidth'(product_q);
      end
    assign data_o[p*OutWidth+:OutWidth] = result_q;
  end
endmodule
