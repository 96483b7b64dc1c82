// SPDX-License-Identifier: BSD-3-Clause
/// Puts zeros between the positions of an image: `RowStep - 1` rows of them between two rows, `ColStep - 1` positions
/// between two of a row. None come before the first or behind the last.
///
/// One word per cycle out; latency 1 cycle.
module df_insert_zeros #(
  parameter int unsigned Rows,       /// Of the image that comes.
  parameter int unsigned Cols,
  parameter int unsigned Words,      /// Per position.
  parameter int unsigned Width,      /// Bits per word.
  parameter int unsigned RowStep,    /// At least 1.
  parameter int unsigned ColStep     /// At least 1.
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
  if (Rows < 1 || Cols < 1 || Words < 1 || Width < 1)
    $error("df_insert_zeros: Rows, Cols, Words and Width must be at least 1, not %0d, %0d, %0d and %0d",
           Rows, Cols, Words, Width);
  if (RowStep < 1 || ColStep < 1)
    $error("df_insert_zeros: RowStep and ColStep must be at least 1, not %0d and %0d", RowStep, ColStep);

  localparam int unsigned WordBits = Words > 1 ? $clog2(Words) : 1;
  localparam int unsigned ColBits = Cols > 1 ? $clog2(Cols) : 1;
  localparam int unsigned RowBits = Rows > 1 ? $clog2(Rows) : 1;
  localparam int unsigned ColStepBits = ColStep > 1 ? $clog2(ColStep) : 1;
  localparam int unsigned RowStepBits = RowStep > 1 ? $clog2(RowStep) : 1;

  // Place of the word that goes out next: its word, the position it belongs to or is behind, and how far behind.
  logic [WordBits-1:0] word_q;
  logic [ColBits-1:0] col_q;
  logic [RowBits-1:0] row_q;
  logic [ColStepBits-1:0] col_step_q;
  logic [RowStepBits-1:0] row_step_q;
  logic word_ends, col_step_ends, row_step_ends, col_ends, row_ends;
  assign word_ends = word_q == WordBits'(Words - 1);
  assign col_ends = col_q == ColBits'(Cols - 1);  // nothing is behind the last one
  assign row_ends = row_q == RowBits'(Rows - 1);
  assign col_step_ends = col_step_q == ColStepBits'(ColStep - 1);
  assign row_step_ends = row_step_q == RowStepBits'(RowStep - 1);

  logic takes, free, step, valid_q;
  logic [Width-1:0] data_q;
  assign takes = col_step_q == '0 && row_step_q == '0;
  assign free = !valid_q || ready_i;
  assign step = free && (!takes || valid_i);
  assign ready_o = free && takes;
  assign data_o = data_q;
  assign valid_o = valid_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      word_q <= '0;
      col_q <= '0;
      row_q <= '0;
      col_step_q <= '0;
      row_step_q <= '0;
    end else begin
      if (free) valid_q <= step;
      if (step) begin
        word_q <= word_ends ? '0 : word_q + 1'b1;
        if (word_ends) begin
          col_step_q <= col_ends || col_step_ends ? '0 : col_step_q + 1'b1;
          if (col_ends) begin
            col_q <= '0;
            row_step_q <= row_ends || row_step_ends ? '0 : row_step_q + 1'b1;
            if (row_ends) row_q <= '0;
            else if (row_step_ends) row_q <= row_q + 1'b1;
          end else if (col_step_ends) begin
            col_q <= col_q + 1'b1;
          end
        end
      end
    end
    if (step) data_q <= takes ? data_i : '0;
  end
endmodule
