// SPDX-License-Identifier: BSD-3-Clause
/// Multiplies each position of an image by a factor of its row and one of its column.
///
/// A frame is `Rows` times `Cols` positions of `Words` words of `PE` values each. One word per cycle; latency 2
/// cycles: the operands have a register, then the product.
module df_position_mul #(
  parameter int unsigned Rows,
  parameter int unsigned Cols,
  parameter int unsigned Words,            /// Per position.
  parameter int unsigned PE,               /// Values per word.
  parameter int unsigned InWidth,          /// Bits of a value.
  parameter bit          InSigned    = 1,  /// The values are signed.
  parameter int unsigned RowWidth,         /// Bits of a row's factor, which is not negative.
  parameter int unsigned ColWidth,         /// Bits of a column's factor, which is not negative.
  parameter int unsigned OutWidth,         /// Bits of a product; must hold it (higher bits are cut off).
  parameter logic [Rows*RowWidth-1:0] RowFactors,  /// Row 0 in the low bits.
  parameter logic [Cols*ColWidth-1:0] ColFactors   /// Column 0 in the low bits.
) (
  input  logic                   clk_i,    /// Rising edge.
  input  logic                   rst_ni,   /// Synchronous, active low.
  input  logic [PE*InWidth-1:0]  data_i,
  input  logic                   valid_i,
  output logic                   ready_o,
  output logic [PE*OutWidth-1:0] data_o,   /// Stable while `valid_o && !ready_i`.
  output logic                   valid_o,
  input  logic                   ready_i
);
  if (Rows < 1 || Cols < 1 || Words < 1 || PE < 1)
    $error("df_position_mul: Rows, Cols, Words and PE must be at least 1, not %0d, %0d, %0d and %0d",
           Rows, Cols, Words, PE);
  if (InWidth < 1 || RowWidth < 1 || ColWidth < 1 || OutWidth < 1)
    $error("df_position_mul: widths must be at least 1, not %0d, %0d, %0d and %0d",
           InWidth, RowWidth, ColWidth, OutWidth);

  localparam int unsigned WordBits = Words > 1 ? $clog2(Words) : 1;
  localparam int unsigned RowBits = Rows > 1 ? $clog2(Rows) : 1;
  localparam int unsigned ColBits = Cols > 1 ? $clog2(Cols) : 1;
  localparam int unsigned FactorWidth = RowWidth + ColWidth;
  localparam int unsigned WideIn = InWidth + 32'(!InSigned);  // signed, as is the factor: with a zero in front

  logic [RowWidth-1:0] rows[Rows];
  logic [ColWidth-1:0] cols[Cols];
  for (genvar i = 0; i < Rows; i++) begin : gen_row
    assign rows[i] = RowFactors[i*RowWidth+:RowWidth];
  end
  for (genvar i = 0; i < Cols; i++) begin : gen_col
    assign cols[i] = ColFactors[i*ColWidth+:ColWidth];
  end

  // Both stages move together, and stand where the last one holds a result that is not taken.
  logic [1:0] valid_q;
  logic [WordBits-1:0] word_q;
  logic [ColBits-1:0] col_q;
  logic [RowBits-1:0] row_q;
  logic [PE*InWidth-1:0] value_q;
  logic [FactorWidth-1:0] factor_q;
  logic last_word, last_col, last_row;
  assign last_word = word_q == WordBits'(Words - 1);
  assign last_col = col_q == ColBits'(Cols - 1);
  assign last_row = row_q == RowBits'(Rows - 1);
  assign ready_o = !valid_q[1] || ready_i;
  assign valid_o = valid_q[1];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      word_q <= '0;
      col_q <= '0;
      row_q <= '0;
    end else if (ready_o) begin
      valid_q <= {valid_q[0], valid_i};
      if (valid_i) begin
        word_q <= last_word ? '0 : word_q + 1'b1;
        if (last_word) col_q <= last_col ? '0 : col_q + 1'b1;
        if (last_word && last_col) row_q <= last_row ? '0 : row_q + 1'b1;
      end
    end
    if (ready_o) begin
      value_q <= data_i;
      factor_q <= FactorWidth'(rows[row_q]) * FactorWidth'(cols[col_q]);
    end
  end

  for (genvar p = 0; p < PE; p++) begin : gen_lane
    logic [InWidth-1:0] value;
    logic signed [WideIn-1:0] value_wide;
    logic signed [FactorWidth:0] factor_wide;
    // verilator lint_off UNUSEDSIGNAL
    logic signed [WideIn+FactorWidth:0] product;  // its high bits are copies of the sign where OutWidth is less
    // verilator lint_on UNUSEDSIGNAL
    logic [OutWidth-1:0] result_q;
    assign value = value_q[p*InWidth+:InWidth];
    assign value_wide = InSigned ? WideIn'($signed(value)) : WideIn'(value);
    assign factor_wide = $signed({1'b0, factor_q});
    assign product = value_wide * factor_wide;
    always_ff @(posedge clk_i) if (ready_o) result_q <= OutWidth'(product);
    assign data_o[p*OutWidth+:OutWidth] = result_q;
  end
endmodule
