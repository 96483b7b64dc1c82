// SPDX-License-Identifier: BSD-3-Clause
/// Takes a constant of its lane from each value, drops the lowest bits, and cuts off what is below 0 or too large.
///
/// An activation whose thresholds are equally far apart, by a power of two, and the first of them where it likes. A
/// word a cycle, which leaves in the next one; it stands still only while a word is not taken.
module df_clip #(
  parameter int unsigned Lanes,        /// Must be at least 1.
  parameter int unsigned Width,        /// Bits of a value. Must be at least 1.
  parameter bit          Signed = 0,
  parameter int unsigned Shift = 0,    /// Lowest bits that are dropped.
  parameter int unsigned OutWidth,     /// Bits that are left. Must be at least 1.
  /// [Lanes] what is subtracted, two's complement.
  parameter logic [Lanes*(Width+1)-1:0] Offsets = '0
) (
  input  logic                      clk_i,    /// Rising edge.
  input  logic                      rst_ni,   /// Synchronous, active low.
  input  logic [Lanes*Width-1:0]    data_i,
  input  logic                      valid_i,
  output logic                      ready_o,
  output logic [Lanes*OutWidth-1:0] data_o,   /// Stable while `valid_o && !ready_i`.
  output logic                      valid_o,
  input  logic                      ready_i
);
  if (Lanes < 1 || Width < 1 || OutWidth < 1)
    $error("df_clip: Lanes, Width and OutWidth must be at least 1, not %0d, %0d and %0d", Lanes, Width, OutWidth);

  logic valid_q, enable;
  assign enable = !valid_q || ready_i;
  assign ready_o = enable;
  assign valid_o = valid_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (enable) valid_q <= valid_i;
  end

  // Of a difference that is not negative: what is left, and what it must not have.
  localparam int unsigned Bits = Width + 1 > Shift + OutWidth ? Width + 1 : Shift + OutWidth;
  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    logic signed [Width:0] value, offset;
    // verilator lint_off UNUSEDSIGNAL
    logic signed [Bits:0] difference;
    // verilator lint_on UNUSEDSIGNAL
    logic above;
    logic [OutWidth-1:0] clipped, data_q;
    assign value = {Signed && data_i[l*Width+Width-1], data_i[l*Width+:Width]};
    assign offset = Offsets[l*(Width+1)+:Width+1];
    assign difference = (Bits + 1)'(value) - (Bits + 1)'(offset);
    if (Bits > Shift + OutWidth) begin : gen_above
      assign above = |difference[Bits-1:Shift+OutWidth];
    end else begin : gen_all
      assign above = 1'b0;
    end
    assign clipped = difference[Bits] ? '0 : difference[Shift+:OutWidth] | {OutWidth{above}};
    always_ff @(posedge clk_i) if (enable) data_q <= clipped;
    assign data_o[l*OutWidth+:OutWidth] = data_q;
  end
endmodule
