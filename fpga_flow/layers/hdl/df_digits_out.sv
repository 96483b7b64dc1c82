// SPDX-License-Identifier: BSD-3-Clause
/// Takes values digit by digit, the least significant one first, and gives them word by word.
///
/// The values of word k come k cycles later than those of word 0, so that each word is whole in the cycle in which it
/// leaves and nothing is kept twice. `enable_o` is 0 only while a word is whole and the one before it has not been
/// taken; everything before this module must stand still then.
module df_digits_out #(
  parameter int unsigned Values,        /// Of a vector.
  parameter int unsigned Lanes,         /// Values a word. Must divide Values.
  parameter int unsigned Digit,         /// Bits of a digit.
  parameter int unsigned Digits,        /// Of a value. Must be at least 1.
  parameter bit          Signed   = 0,  /// The highest bit of the digits is a sign.
  parameter int unsigned Width          /// Bits of a value as it leaves; higher ones are cut off.
) (
  input  logic                    clk_i,    /// Rising edge.
  input  logic                    rst_ni,   /// Synchronous, active low.
  input  logic                    start_i,  /// The first digits of word 0.
  input  logic [Values*Digit-1:0] digits_i,
  output logic                    enable_o,
  output logic [Lanes*Width-1:0]  data_o,   /// Stable while `valid_o && !ready_i`.
  output logic                    valid_o,
  input  logic                    ready_i
);
  if (Lanes < 1 || Values < 1 || Values % Lanes != 0)
    $error("df_digits_out: Values must be a multiple of Lanes, not %0d and %0d", Values, Lanes);
  if (Digit < 1 || Digits < 1 || Width < 1)
    $error("df_digits_out: Digit, Digits and Width must be at least 1, not %0d, %0d and %0d", Digit, Digits, Width);

  localparam int unsigned Words = Values / Lanes;
  localparam int unsigned Steps = Digits + Words - 1;  // from the first digit to the last word
  logic [Steps-1:0] step;  // the vector is in its k-th cycle; of two vectors two may be set
  logic whole, valid_q;
  logic [Lanes*Width-1:0] data_q, word;
  assign step[0] = start_i;
  assign whole = |step[Steps-1:Digits-1];
  assign enable_o = !(whole && valid_q && !ready_i);
  assign data_o = data_q;
  assign valid_o = valid_q;
  if (Steps > 1) begin : gen_steps
    logic [Steps-1:1] step_q;
    assign step[Steps-1:1] = step_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) step_q <= '0;
      else if (enable_o) step_q <= step[Steps-2:0];
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (whole) valid_q <= 1'b1;
    else if (ready_i) valid_q <= 1'b0;
    if (enable_o && whole) data_q <= word;
  end

  localparam int unsigned Bits = Digit * Digits;
  logic [Words-1:0][Lanes*Width-1:0] words;
  for (genvar v = 0; v < Values; v++) begin : gen_value
    // verilator lint_off UNUSEDSIGNAL
    logic [Bits-1:0] value;
    // verilator lint_on UNUSEDSIGNAL
    assign value[Bits-1-:Digit] = digits_i[v*Digit+:Digit];
    if (Digits > 1) begin : gen_shift
      logic [Bits-1:Digit] value_q;
      assign value[Bits-Digit-1:0] = value_q;
      always_ff @(posedge clk_i) if (enable_o) value_q <= value[Bits-1:Digit];
    end
    assign words[v/Lanes][v%Lanes*Width+:Width] = Signed ? Width'($signed(value)) : Width'(value);
  end
  if (Words == 1) begin : gen_whole
    assign word = words[0];
  end else begin : gen_choice
    localparam int unsigned IndexWidth = $clog2(Words);
    logic [IndexWidth-1:0] index_q;
    assign word = words[index_q];
    always_ff @(posedge clk_i) begin
      if (!rst_ni) index_q <= '0;
      else if (enable_o && whole) index_q <= index_q == IndexWidth'(Words - 1) ? '0 : index_q + 1'b1;
    end
  end
endmodule
