// SPDX-License-Identifier: BSD-3-Clause
/// Leaves out the rows and columns of an image that no window reads where windows are smaller than their stride:
/// of every `RowStride` rows the first `RowKeep` pass, `Rows` times, and the same of columns.
///
/// One word per cycle in; no latency: a word that passes is offered in the cycle it comes.
module df_decimate #(
  parameter int unsigned Height,      /// Of the image that comes.
  parameter int unsigned Width,
  parameter int unsigned Words,       /// Per position.
  parameter int unsigned WordBits,
  parameter int unsigned RowKeep,     /// At least 1, at most RowStride.
  parameter int unsigned RowStride,
  parameter int unsigned Rows,        /// Windows from top to bottom.
  parameter int unsigned ColKeep,
  parameter int unsigned ColStride,
  parameter int unsigned Cols
) (
  input  logic                clk_i,    /// Rising edge.
  input  logic                rst_ni,   /// Synchronous, active low.
  input  logic [WordBits-1:0] data_i,
  input  logic                valid_i,
  output logic                ready_o,
  output logic [WordBits-1:0] data_o,   /// Stable while `valid_o && !ready_i`, if `data_i` is.
  output logic                valid_o,
  input  logic                ready_i
);
  if (Height < 1 || Width < 1 || Words < 1 || WordBits < 1)
    $error("df_decimate: Height, Width, Words and WordBits must be at least 1, not %0d, %0d, %0d and %0d",
           Height, Width, Words, WordBits);
  if (RowKeep < 1 || RowKeep > RowStride || Rows < 1 || (Rows - 1) * RowStride + RowKeep > Height)
    $error("df_decimate: %0d times %0d of %0d rows must fit into %0d", Rows, RowKeep, RowStride, Height);
  if (ColKeep < 1 || ColKeep > ColStride || Cols < 1 || (Cols - 1) * ColStride + ColKeep > Width)
    $error("df_decimate: %0d times %0d of %0d columns must fit into %0d", Cols, ColKeep, ColStride, Width);

  localparam int unsigned WordWidth = $clog2(Words + 1);
  localparam int unsigned ColWidth  = $clog2(Width + 1);
  localparam int unsigned RowWidth  = $clog2(Height + 1);

  // Place of the word that comes: in its position, its row, its frame; and in the period of rows and columns.
  logic [WordWidth-1:0] word_q;
  logic [ColWidth-1:0]  col_q, col_phase_q, col_window_q;
  logic [RowWidth-1:0]  row_q, row_phase_q, row_window_q;

  logic passes, taken, last_word, last_col, last_row, col_turn, row_turn;
  assign passes = row_phase_q < RowWidth'(RowKeep) && row_window_q < RowWidth'(Rows) &&
                  col_phase_q < ColWidth'(ColKeep) && col_window_q < ColWidth'(Cols);
  assign data_o  = data_i;
  assign valid_o = valid_i && passes;
  assign ready_o = ready_i || !passes;
  assign taken   = valid_i && ready_o;

  assign last_word = word_q == WordWidth'(Words - 1);
  assign last_col  = col_q == ColWidth'(Width - 1);
  assign last_row  = row_q == RowWidth'(Height - 1);
  assign col_turn  = col_phase_q == ColWidth'(ColStride - 1);
  assign row_turn  = row_phase_q == RowWidth'(RowStride - 1);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      word_q <= '0;
      {col_q, col_phase_q, col_window_q} <= '0;
      {row_q, row_phase_q, row_window_q} <= '0;
    end else if (taken) begin
      word_q <= last_word ? '0 : word_q + 1'b1;
      if (last_word) begin
        col_q        <= last_col ? '0 : col_q + 1'b1;
        col_phase_q  <= last_col || col_turn ? '0 : col_phase_q + 1'b1;
        col_window_q <= last_col ? '0 : col_turn ? col_window_q + 1'b1 : col_window_q;
        if (last_col) begin
          row_q        <= last_row ? '0 : row_q + 1'b1;
          row_phase_q  <= last_row || row_turn ? '0 : row_phase_q + 1'b1;
          row_window_q <= last_row ? '0 : row_turn ? row_window_q + 1'b1 : row_window_q;
        end
      end
    end
  end
endmodule
