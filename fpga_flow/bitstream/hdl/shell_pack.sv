// SPDX-License-Identifier: BSD-3-Clause
// From the words of a stream to dense frames in 64-bit memory words; the inverse of shell_unpack. Bytes before the
// first frame and behind the last one have no strobe.
module shell_pack #(
  int unsigned Width      = 8,
  int unsigned FrameWords = 1,
  int unsigned FrameCount = 32
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,

  input  logic                  start_i,
  input  logic [2:0]            offset_i,   // bytes of the first memory word that are not ours
  input  logic [FrameCount-1:0] frames_i,
  output logic [FrameCount-1:0] left_o,     // frames that are still to come

  input  logic [Width-1:0]      data_i,
  input  logic                  valid_i,
  output logic                  ready_o,

  output logic [63:0]           data_o,
  output logic [7:0]            strobe_o,
  output logic                  valid_o,
  input  logic                  ready_i
);
  localparam int unsigned Fill  = (8 - (Width * FrameWords) % 8) % 8;
  localparam int unsigned Room  = Width + Fill + 63 + 64;
  localparam int unsigned FillBits = $clog2(Room + 1);
  localparam int unsigned WordBits = FrameWords > 1 ? $clog2(FrameWords) : 1;
  if (Width < 1) $error("shell_pack: Width must be at least 1, not %0d", Width);
  if (FrameWords < 1) $error("shell_pack: FrameWords must be at least 1, not %0d", FrameWords);

  logic [Room-1:0]       held_q;
  logic [FillBits-1:0]   count_q;
  logic [WordBits-1:0]   word_q;
  logic [FrameCount-1:0] left_q;
  logic [2:0]            skip_q;    // bytes of the next memory word that are not ours

  logic last, take, give, ending;
  logic [FillBits-1:0] kept;
  assign last    = word_q == WordBits'(FrameWords - 1);
  assign ready_o = left_q != '0 && count_q <= FillBits'(Room - Width - Fill);
  assign take    = valid_i && ready_o;
  assign ending  = left_q == '0 && count_q != '0;
  assign valid_o = count_q >= FillBits'(64) || ending;
  assign give    = valid_o && ready_i;
  assign data_o  = held_q[63:0];
  assign left_o  = left_q;
  assign kept    = !give ? count_q : count_q >= FillBits'(64) ? count_q - FillBits'(64) : '0;

  always_comb begin
    for (int unsigned i = 0; i < 8; i++) strobe_o[i] = i >= 32'(skip_q) && FillBits'(8 * i) < count_q;
  end

  logic [Room-1:0] rest;
  assign rest = give ? held_q >> 64 : held_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || start_i) begin
      held_q  <= '0;
      count_q <= rst_ni && frames_i != '0 ? {{FillBits - 6{1'b0}}, offset_i, 3'b000} : '0;
      word_q  <= '0;
      left_q  <= rst_ni ? frames_i : '0;
      skip_q  <= offset_i;
    end else begin
      count_q <= kept + (!take ? '0 : last ? FillBits'(Width + Fill) : FillBits'(Width));
      held_q  <= take ? rest | (Room'(data_i) << kept) : rest;
      if (give) skip_q <= '0;
      if (take) begin
        word_q <= last ? '0 : word_q + 1'b1;
        if (last) left_q <= left_q - 1'b1;
      end
    end
  end
endmodule
