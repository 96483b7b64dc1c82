// SPDX-License-Identifier: BSD-3-Clause
/// Absolute values of a stream. One word per cycle; latency 1 cycle.
module df_abs #(
  parameter int unsigned PE,       /// Values per word.
  parameter int unsigned Width,    /// Bits of a value, signed.
  parameter int unsigned OutWidth  /// Bits of an absolute value, unsigned.
) (
  input  logic                   clk_i,   /// Rising edge.
  input  logic                   rst_ni,  /// Synchronous, active low.
  input  logic [PE*Width-1:0]    data_i,
  input  logic                   valid_i,
  output logic                   ready_o,
  output logic [PE*OutWidth-1:0] data_o,  /// Stable while `valid_o && !ready_i`.
  output logic                   valid_o,
  input  logic                   ready_i
);
  if (PE < 1 || Width < 2 || OutWidth < 1)
    $error("df_abs: PE, Width and OutWidth must be at least 1, 2 and 1, not %0d, %0d and %0d", PE, Width, OutWidth);

  assign ready_o = !valid_o || ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_o <= 1'b0;
    else if (ready_o) valid_o <= valid_i;
    if (ready_o)
      for (int unsigned i = 0; i < PE; i++) begin
        automatic logic signed [Width-1:0] value = data_i[i*Width+:Width];
        data_o[i*OutWidth+:OutWidth] <= OutWidth'(value < 0 ? -(Width + 1)'(value) : (Width + 1)'(value));
      end
  end
endmodule
