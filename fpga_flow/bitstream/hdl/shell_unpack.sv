// SPDX-License-Identifier: BSD-3-Clause
// From dense frames in 64-bit memory words to the words of a stream. The words of a frame follow each other bit by
// bit; a frame is filled up to whole bytes, and the next one begins with the next byte.
module shell_unpack #(
  int unsigned Width      = 8,   // bits of a stream's word
  int unsigned FrameWords = 1,   // words of a frame
  int unsigned FrameCount = 32   // bits of the number of frames
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,

  input  logic                  start_i,
  input  logic [2:0]            offset_i,   // bytes of the first memory word that come before the first frame
  input  logic [FrameCount-1:0] frames_i,

  input  logic [63:0]           data_i,
  input  logic                  valid_i,
  output logic                  ready_o,

  output logic [Width-1:0]      data_o,
  output logic                  valid_o,
  input  logic                  ready_i,
  output logic                  idle_o      // all frames have gone
);
  localparam int unsigned Fill  = (8 - (Width * FrameWords) % 8) % 8;  // bits behind a frame's last word
  localparam int unsigned Room  = Width + Fill + 63 + 64;              // a memory word fits whenever less than
                                                                       // a last word is here
  localparam int unsigned FillBits = $clog2(Room + 1);
  localparam int unsigned WordBits = FrameWords > 1 ? $clog2(FrameWords) : 1;
  if (Width < 1) $error("shell_unpack: Width must be at least 1, not %0d", Width);
  if (FrameWords < 1) $error("shell_unpack: FrameWords must be at least 1, not %0d", FrameWords);

  logic [Room-1:0]       held_q;
  logic [FillBits-1:0]   count_q;   // bits held
  logic [WordBits-1:0]   word_q;    // of the frame
  logic [FrameCount-1:0] left_q;    // frames
  logic [2:0]            skip_q;    // bytes of the next memory word to leave out

  logic [FillBits-1:0] step, kept, added;
  logic give, take, last;
  assign idle_o  = left_q == '0;
  assign last    = word_q == WordBits'(FrameWords - 1);
  assign step    = last ? FillBits'(Width + Fill) : FillBits'(Width);
  assign valid_o = left_q != '0 && count_q >= step;
  assign data_o  = held_q[Width-1:0];
  assign give    = valid_o && ready_i;
  assign ready_o = count_q <= FillBits'(Room - 64);
  assign take    = valid_i && ready_o;
  assign kept    = give ? count_q - step : count_q;
  assign added   = take ? FillBits'(64) - {{FillBits - 6{1'b0}}, skip_q, 3'b000} : '0;

  logic [Room-1:0] rest, fresh;
  assign rest  = !give ? held_q : last ? held_q >> (Width + Fill) : held_q >> Width;
  assign fresh = Room'(data_i >> {skip_q, 3'b000});

  always_ff @(posedge clk_i) begin
    if (!rst_ni || start_i) begin
      held_q  <= '0;
      count_q <= '0;
      word_q  <= '0;
      left_q  <= rst_ni ? frames_i : '0;
      skip_q  <= offset_i;
    end else begin
      count_q <= kept + added;
      // Bits above `kept` are zero: they were shifted in.
      held_q  <= take ? rest | (fresh << kept) : rest;
      if (take) skip_q <= '0;
      if (give) begin
        word_q <= last ? '0 : word_q + 1'b1;
        if (last) left_q <= left_q - 1'b1;
      end
    end
  end
endmodule
