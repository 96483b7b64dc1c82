// SPDX-License-Identifier: BSD-3-Clause
/// Takes vectors word by word and gives them digit by digit, the least significant one first, all values side by side.
///
/// The words of the next vector are kept while this one's digits leave. A vector begins with its last word, when the
/// one before it began `Interval` cycles ago or more. Behind its own bits a value goes on with its sign.
module df_digits_in #(
  parameter int unsigned Values,        /// Of a vector.
  parameter int unsigned Lanes,         /// Values a word. Must divide Values.
  parameter int unsigned Width,         /// Bits of a value.
  parameter bit          Signed   = 0,
  parameter bit          Bipolar  = 0,  /// One bit: 0 is -1, 1 is 1; its digits are those of these numbers.
  parameter int unsigned Digit,         /// Bits of a digit; those of a value where it has one digit only.
  parameter int unsigned Interval       /// Cycles from vector to vector, at least. Must be at least 1.
) (
  input  logic                    clk_i,    /// Rising edge.
  input  logic                    rst_ni,   /// Synchronous, active low.
  input  logic [Lanes*Width-1:0]  data_i,
  input  logic                    valid_i,
  output logic                    ready_o,
  input  logic                    enable_i, /// Else digits stay as they are.
  output logic                    start_o,  /// The first digits of a vector.
  output logic [Values*Digit-1:0] digits_o
);
  if (Lanes < 1 || Values < 1 || Values % Lanes != 0)
    $error("df_digits_in: Values must be a multiple of Lanes, not %0d and %0d", Values, Lanes);
  if (Width < 1 || Digit < 1 || Interval < 1)
    $error("df_digits_in: Width, Digit and Interval must be at least 1, not %0d, %0d and %0d", Width, Digit, Interval);
  if (Bipolar && Width != 1) $error("df_digits_in: bipolar values must have 1 bit, not %0d", Width);

  localparam int unsigned Words = Values / Lanes;
  localparam int unsigned CountWidth = Interval > 1 ? $clog2(Interval) : 1;
  logic last, start, start_q;
  logic [CountWidth-1:0] wait_q;  // cycles before the next vector may begin
  assign start = valid_i && last && wait_q == '0 && enable_i;
  assign ready_o = !last || (wait_q == '0 && enable_i);
  assign start_o = start_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wait_q <= '0;
      start_q <= 1'b0;
    end else if (enable_i) begin
      start_q <= start;
      if (start) wait_q <= CountWidth'(Interval - 1);
      else if (wait_q != '0) wait_q <= wait_q - 1'b1;
    end
  end

  logic [Values*Width-1:0] vector;
  assign vector[(Words-1)*Lanes*Width+:Lanes*Width] = data_i;
  if (Words == 1) begin : gen_whole
    assign last = 1'b1;
  end else begin : gen_words
    localparam int unsigned IndexWidth = $clog2(Words);
    logic [IndexWidth-1:0] index_q;
    assign last = index_q == IndexWidth'(Words - 1);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) index_q <= '0;
      else if (valid_i && ready_o) index_q <= last ? '0 : index_q + 1'b1;
    end
    for (genvar w = 0; w < Words - 1; w++) begin : gen_word
      logic [Lanes*Width-1:0] word_q;
      assign vector[w*Lanes*Width+:Lanes*Width] = word_q;
      always_ff @(posedge clk_i) if (index_q == IndexWidth'(w) && valid_i) word_q <= data_i;
    end
  end

  localparam int unsigned Bits = Bipolar ? 2 : Width;
  for (genvar v = 0; v < Values; v++) begin : gen_value
    logic [Bits-1:0] value, value_q;
    if (Bipolar) begin : gen_bipolar
      assign value = {!vector[v], 1'b1};
    end else begin : gen_number
      assign value = vector[v*Width+:Width];
    end
    if (Bits > Digit) begin : gen_digits
      logic sign;
      assign sign = (Signed || Bipolar) && value_q[Bits-1];
      always_ff @(posedge clk_i) if (enable_i) value_q <= start ? value : {{Digit{sign}}, value_q[Bits-1:Digit]};
      assign digits_o[v*Digit+:Digit] = value_q[Digit-1:0];
    end else begin : gen_digit
      logic sign;
      assign sign = (Signed || Bipolar) && value_q[Bits-1];
      always_ff @(posedge clk_i) if (enable_i) value_q <= start ? value : {Bits{sign}};
      assign digits_o[v*Digit+:Digit] = Digit > Bits ? Digit'({{Digit{sign}}, value_q}) : Digit'(value_q);
    end
  end
endmodule
