// SPDX-License-Identifier: BSD-3-Clause
/// Joins the pixels of several streams: the words of input 0, then those of input 1, and so on, pixel by pixel.
///
/// Input 0 is in the low bits of `data_i`. All inputs have `PE` values per word, of any width and sign, which are
/// extended to `OutWidth` bits. One word per cycle; latency 1 cycle.
module df_concat #(
  parameter int unsigned Inputs,                 /// Streams; at least 1.
  parameter int unsigned PE,                     /// Values per word.
  parameter logic [Inputs*32-1:0] Words,         /// Words per pixel of each input, 32 bits each, input 0 lowest.
  parameter logic [Inputs*32-1:0] Widths,        /// Bits of a value of each input, likewise.
  parameter logic [Inputs-1:0]    Signed = '1,   /// Whether each input's values are signed.
  parameter int unsigned OutWidth,               /// Bits of a value that comes out; must hold every input's.
  parameter int unsigned InBits                  /// Bits of all inputs' words: PE times the sum of Widths.
) (
  input  logic                   clk_i,    /// Rising edge.
  input  logic                   rst_ni,   /// Synchronous, active low.
  input  logic [InBits-1:0]      data_i,
  input  logic [Inputs-1:0]      valid_i,
  output logic [Inputs-1:0]      ready_o,
  output logic [PE*OutWidth-1:0] data_o,   /// Stable while `valid_o && !ready_i`.
  output logic                   valid_o,
  input  logic                   ready_i
);
  if (Inputs < 1) $error("df_concat: Inputs must be at least 1, not %0d", Inputs);
  if (PE < 1) $error("df_concat: PE must be at least 1, not %0d", PE);

  /// Returns the first bit of an input's word.
  function automatic int unsigned low_bit(input int unsigned number);
    low_bit = 0;
    for (int unsigned i = 0; i < Inputs; i++) if (i < number) low_bit += PE * Widths[i*32+:32];
  endfunction

  /// Returns the most words any input has per pixel.
  function automatic int unsigned most_words();
    most_words = 1;
    for (int unsigned i = 0; i < Inputs; i++) if (Words[i*32+:32] > most_words) most_words = Words[i*32+:32];
  endfunction

  if (low_bit(Inputs) != InBits)
    $error("df_concat: InBits must be PE times the sum of Widths (%0d), not %0d", low_bit(Inputs), InBits);

  localparam int unsigned CountWidth = most_words() > 1 ? $clog2(most_words()) : 1;

  logic [PE*OutWidth-1:0] extended[Inputs];
  logic [CountWidth-1:0] last_word[Inputs];
  for (genvar i = 0; i < Inputs; i++) begin : gen_input
    localparam int unsigned Width = Widths[i*32+:32];
    localparam int unsigned Low = low_bit(i);
    if (Width < 1 || Width + 32'(!Signed[i] && |Signed) > OutWidth)
      $error("df_concat: OutWidth must hold the %0d bits of input %0d, not %0d", Width, i, OutWidth);
    if (Words[i*32+:32] < 1) $error("df_concat: input %0d must have at least 1 word per pixel", i);
    assign last_word[i] = CountWidth'(Words[i*32+:32] - 1);
    for (genvar p = 0; p < PE; p++) begin : gen_lane
      logic [Width-1:0] value;
      assign value = data_i[Low+p*Width+:Width];
      assign extended[i][p*OutWidth+:OutWidth] = Signed[i] ? OutWidth'($signed(value)) : OutWidth'(value);
    end
  end

  // Whose turn it is, one bit per input, and which of its words comes next.
  logic [Inputs-1:0] turn_q;
  logic [CountWidth-1:0] count_q;
  logic space, take, last;
  logic [PE*OutWidth-1:0] chosen;
  always_comb begin
    chosen = '0;
    last = 1'b0;
    for (int unsigned i = 0; i < Inputs; i++)
      if (turn_q[i]) begin
        chosen |= extended[i];
        last |= count_q == last_word[i];
      end
  end

  logic valid_q;
  logic [PE*OutWidth-1:0] data_q;
  assign space = !valid_q || ready_i;
  assign take = space && |(turn_q & valid_i);
  assign ready_o = turn_q & {Inputs{space}};
  assign valid_o = valid_q;
  assign data_o = data_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      turn_q <= Inputs'(1);
      count_q <= '0;
      valid_q <= 1'b0;
    end else begin
      if (take) begin
        count_q <= last ? '0 : count_q + 1'b1;
        if (last) turn_q <= Inputs'({turn_q, turn_q[Inputs-1]});
      end
      if (space) valid_q <= take;
    end
    if (take) data_q <= chosen;
  end
endmodule
