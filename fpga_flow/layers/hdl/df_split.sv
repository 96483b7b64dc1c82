// SPDX-License-Identifier: BSD-3-Clause
/// Deals the words of each pixel out to several streams: the first words to output 0, the next to output 1, and so on.
///
/// Words stay in order: one that its output does not take holds back those behind it, whichever output they are for.
/// One word per cycle; latency 1 cycle.
module df_split #(
  parameter int unsigned Outputs,          /// Streams; at least 1.
  parameter int unsigned Width,            /// Bits per word.
  parameter logic [Outputs*32-1:0] Words   /// Words per pixel of each output, 32 bits each, output 0 lowest.
) (
  input  logic                     clk_i,    /// Rising edge.
  input  logic                     rst_ni,   /// Synchronous, active low.
  input  logic [Width-1:0]         data_i,
  input  logic                     valid_i,
  output logic                     ready_o,
  output logic [Outputs*Width-1:0] data_o,   /// Each output's word stable while its `valid_o && !ready_i`.
  output logic [Outputs-1:0]       valid_o,
  input  logic [Outputs-1:0]       ready_i
);
  if (Outputs < 1) $error("df_split: Outputs must be at least 1, not %0d", Outputs);
  if (Width < 1) $error("df_split: Width must be at least 1, not %0d", Width);

  /// Returns the most words any output has per pixel.
  function automatic int unsigned most_words();
    most_words = 1;
    for (int unsigned i = 0; i < Outputs; i++) if (Words[i*32+:32] > most_words) most_words = Words[i*32+:32];
  endfunction

  localparam int unsigned CountWidth = most_words() > 1 ? $clog2(most_words()) : 1;

  // Whose turn it is, one bit per output, and which of its words comes next.
  logic [Outputs-1:0] turn_q, last_word;
  logic [CountWidth-1:0] count_q;
  for (genvar i = 0; i < Outputs; i++) begin : gen_output
    if (Words[i*32+:32] < 1) $error("df_split: output %0d must have at least 1 word per pixel", i);
    assign last_word[i] = count_q == CountWidth'(Words[i*32+:32] - 1);
  end

  logic [Width-1:0] data_q;
  logic [Outputs-1:0] valid_q;
  logic take, last;
  assign last = |(turn_q & last_word);
  assign take = valid_i && ready_o;
  assign ready_o = (valid_q & ~ready_i) == '0;
  assign valid_o = valid_q;
  assign data_o = {Outputs{data_q}};
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      turn_q <= Outputs'(1);
      count_q <= '0;
      valid_q <= '0;
    end else begin
      if (take) begin
        count_q <= last ? '0 : count_q + 1'b1;
        if (last) turn_q <= Outputs'({turn_q, turn_q[Outputs-1]});
      end
      if (ready_o) valid_q <= turn_q & {Outputs{valid_i}};
    end
    if (take) data_q <= data_i;
  end
endmodule
