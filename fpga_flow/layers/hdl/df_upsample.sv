// SPDX-License-Identifier: BSD-3-Clause
/// Repeats every pixel `ScaleX` times along its row, and every row `ScaleY` times (nearest-neighbour upsampling).
///
/// A frame is `Rows` times `Columns` pixels of `Words` words. One word per cycle out; latency 2 cycles. The words that
/// are still to be repeated are in a ring of memory, which is as large as input needs that comes in evenly, one word
/// in every `ScaleX * ScaleY` cycles, to be taken without a pause.
module df_upsample #(
  parameter int unsigned Columns,    /// Pixels per row that comes in.
  parameter int unsigned Words,      /// Words per pixel.
  parameter int unsigned Width,      /// Bits per word.
  parameter int unsigned ScaleX,     /// How often a pixel is repeated, at least 1.
  parameter int unsigned ScaleY      /// How often a row is repeated, at least 1.
) (
  input  logic             clk_i,    /// Rising edge.
  input  logic             rst_ni,   /// Synchronous, active low.
  input  logic [Width-1:0] data_i,
  input  logic             valid_i,
  output logic             ready_o,
  output logic [Width-1:0] data_o,   /// Stable while `valid_o && !ready_i`.
  output logic             valid_o,
  input  logic             ready_i
);
  if (Columns < 1) $error("df_upsample: Columns must be at least 1, not %0d", Columns);
  if (Words < 1) $error("df_upsample: Words must be at least 1, not %0d", Words);
  if (Width < 1) $error("df_upsample: Width must be at least 1, not %0d", Width);
  if (ScaleX < 1 || ScaleY < 1)
    $error("df_upsample: ScaleX and ScaleY must be at least 1, not %0d and %0d", ScaleX, ScaleY);

  // What is repeated: whole rows, or pixels where rows are not. While the last repetition of one goes out its places
  // come free one by one, and while the others go out the next one comes in: 2 - 2/Scale of its size is held.
  localparam int unsigned Row = Columns * Words;
  localparam int unsigned Held = ScaleY > 1 ? 2 * Row - 2 * Row / ScaleY + (ScaleX > 1 ? Words : 0)
                                            : 2 * Words - 2 * Words / (ScaleX > 0 ? ScaleX : 1);
  localparam int unsigned Depth = Held + 3;  // and what is on its way through the registers
  localparam int unsigned AddressWidth = $clog2(Depth);
  localparam int unsigned CountWidth = $clog2(Depth + 1);
  localparam int unsigned WordWidth = Words > 1 ? $clog2(Words) : 1;
  localparam int unsigned ColumnWidth = Columns > 1 ? $clog2(Columns) : 1;
  localparam int unsigned XWidth = ScaleX > 1 ? $clog2(ScaleX) : 1;
  localparam int unsigned YWidth = ScaleY > 1 ? $clog2(ScaleY) : 1;

  typedef logic [AddressWidth-1:0] place_t;

  // Where the next word to go out is: its word, its pixel, and the repetitions of both.
  logic [WordWidth-1:0] word_q;
  logic [XWidth-1:0] x_q;
  logic [ColumnWidth-1:0] column_q;
  logic [YWidth-1:0] y_q;
  logic word_ends, x_ends, column_ends, y_ends;
  assign word_ends = word_q == WordWidth'(Words - 1);
  assign x_ends = x_q == XWidth'(ScaleX - 1);
  assign column_ends = column_q == ColumnWidth'(Columns - 1);
  assign y_ends = y_q == YWidth'(ScaleY - 1);

  logic put, get, free, pixel_again, row_again;
  place_t write_q, read_q;
  logic [CountWidth-1:0] held_q;   // words that are not free
  logic [CountWidth-1:0] ahead_q;  // words from `read_q` on
  assign put = valid_i && ready_o;
  assign free = get && x_ends && y_ends;
  assign pixel_again = word_ends && !x_ends;
  assign row_again = word_ends && x_ends && column_ends && !y_ends;
  assign ready_o = held_q != CountWidth'(Depth);

  /// Returns the place after another in the ring.
  function automatic place_t place_next(input place_t place);
    return place == place_t'(Depth - 1) ? '0 : place + 1'b1;
  endfunction

  /// Returns the place `back` words before another in the ring.
  function automatic place_t place_back(input place_t place, input int unsigned back);
    return place < place_t'(back) ? place + place_t'(Depth - back) : place - place_t'(back);
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      word_q <= '0;
      x_q <= '0;
      column_q <= '0;
      y_q <= '0;
      write_q <= '0;
      read_q <= '0;
      held_q <= '0;
      ahead_q <= '0;
    end else begin
      if (put) write_q <= place_next(write_q);
      held_q <= held_q + CountWidth'(put) - CountWidth'(free);
      ahead_q <= ahead_q + CountWidth'(put);
      if (get) begin
        word_q <= word_ends ? '0 : word_q + 1'b1;
        if (word_ends) x_q <= x_ends ? '0 : x_q + 1'b1;
        if (word_ends && x_ends) column_q <= column_ends ? '0 : column_q + 1'b1;
        if (word_ends && x_ends && column_ends) y_q <= y_ends ? '0 : y_q + 1'b1;
        if (pixel_again) begin
          read_q <= place_back(read_q, Words - 1);
          ahead_q <= ahead_q + CountWidth'(put) + CountWidth'(Words - 1);
        end else if (row_again) begin
          read_q <= place_back(read_q, Row - 1);
          ahead_q <= ahead_q + CountWidth'(put) + CountWidth'(Row - 1);
        end else begin
          read_q <= place_next(read_q);
          ahead_q <= ahead_q + CountWidth'(put) - 1'b1;
        end
      end
    end
  end

  // The memory's read register is the output.
  logic [Width-1:0] memory[Depth];
  logic [Width-1:0] data_q;
  logic valid_q;
  assign get = ahead_q != '0 && (!valid_q || ready_i);
  assign data_o = data_q;
  assign valid_o = valid_q;
  always_ff @(posedge clk_i) begin
    if (put) memory[write_q] <= data_i;
    if (get) data_q <= memory[read_q];
    if (!rst_ni) valid_q <= 1'b0;
    else if (get) valid_q <= 1'b1;
    else if (ready_i) valid_q <= 1'b0;
  end
endmodule
