// SPDX-License-Identifier: BSD-3-Clause
/// Product of an activation and a weight, with a register in it.
///
/// Without DSPs the narrower operand is cut into pieces of two bits. A piece and the other operand give a partial
/// product: a table where both have six bits together or less, for which synthesis takes a LUT for each bit of the
/// product, else a sum. The partial products are added in pairs, and two pairs behind the register. Two operands of three
/// bits are one table.
module df_sparse_product #(
  parameter int unsigned ActWidth,           /// Bits of an activation, 1 to 8.
  parameter bit          ActSigned    = 0,
  parameter int unsigned WeightWidth,        /// Bits of a weight, 1 to 8.
  parameter bit          WeightSigned = 1,
  parameter bit          InLuts       = 1    /// No `*`: synthesis shall use no DSP.
) (
  input  logic                            clk_i,    /// Rising edge.
  input  logic                            step_i,   /// The register moves.
  input  logic [ActWidth-1:0]             act_i,
  input  logic [WeightWidth-1:0]          weight_i,
  output logic [ActWidth+WeightWidth-1:0] product_o   /// Signed where an operand is.
);
  if (ActWidth < 1 || WeightWidth < 1 || ActWidth > 8 || WeightWidth > 8)
    $error("df_sparse_product: widths must be 1 to 8, not %0d and %0d", ActWidth, WeightWidth);

  localparam int unsigned Width = ActWidth + WeightWidth;
  localparam int unsigned Table = 6;  // inputs of a LUT

  /// Returns the products of all operands: of `low` bits in the low bits of the index, of `high` bits above.
  function automatic logic [2**Table-1:0][Table-1:0] products(
      input int unsigned low, input bit low_signed, input int unsigned high, input bit high_signed);
    int x, y;
    products = '0;
    for (int unsigned code = 0; code < 2 ** (low + high); code++) begin
      x = int'(code % 2 ** low);
      y = int'(code / 2 ** low);
      if (low_signed && x >= 2 ** (low - 1)) x = x - 2 ** low;
      if (high_signed && y >= 2 ** (high - 1)) y = y - 2 ** high;
      products[code] = Table'(x * y);
    end
  endfunction

  if (!InLuts) begin : gen_any
    // Simulators compute fastest with 32 bits; synthesis leaves out what is not used.
    logic signed [31:0] act, weight;
    assign act = ActSigned ? 32'($signed(act_i)) : 32'(act_i);
    assign weight = WeightSigned ? 32'($signed(weight_i)) : 32'(weight_i);
    always_ff @(posedge clk_i) if (step_i) product_o <= Width'(act * weight);
  end else begin : gen_luts
    localparam bit ByWeight = WeightWidth <= ActWidth;
    localparam int unsigned Wide = ByWeight ? ActWidth : WeightWidth;
    localparam int unsigned Narrow = ByWeight ? WeightWidth : ActWidth;
    localparam bit WideSigned = ByWeight ? ActSigned : WeightSigned;
    localparam bit NarrowSigned = ByWeight ? WeightSigned : ActSigned;
    localparam int unsigned Piece = Wide <= 3 ? 3 : 2;
    localparam int unsigned Pieces = (Narrow + Piece - 1) / Piece;
    logic [Wide-1:0] wide;
    logic [Narrow-1:0] narrow;
    assign wide = ByWeight ? Wide'(act_i) : Wide'(weight_i);
    assign narrow = ByWeight ? Narrow'(weight_i) : Narrow'(act_i);

    logic [Width-1:0] partial[4];
    for (genvar i = 0; i < 4; i++) begin : gen_piece
      if (i >= Pieces) begin : gen_none
        assign partial[i] = '0;
      end else begin : gen_some
        localparam int unsigned Bits = Piece * (i + 1) <= Narrow ? Piece : Narrow - Piece * i;
        localparam bit Signed = NarrowSigned && i == Pieces - 1;
        logic [Wide+Bits-1:0] value;
        if (Wide + Bits <= Table) begin : gen_table
          localparam logic [2**Table-1:0][Table-1:0] Products = products(Wide, WideSigned, Bits, Signed);
          assign value = (Wide+Bits)'(Products[Table'({narrow[Piece*i+:Bits], wide})]);
        end else begin : gen_sum
          logic [Wide+Bits-1:0] once, high;
          assign once = WideSigned ? (Wide+Bits)'($signed(wide)) : (Wide+Bits)'(wide);
          assign high = narrow[Piece*i+Bits-1] ? once << (Bits - 1) : '0;
          if (Bits == 1) begin : gen_one
            assign value = Signed ? -high : high;
          end else begin : gen_two
            logic [Wide+Bits-1:0] first;
            assign first = narrow[Piece*i] ? once : '0;
            assign value = Signed ? first - high : first + high;
          end
        end
        assign partial[i] = WideSigned || Signed ? Width'($signed(value)) : Width'(value);
      end
    end

    // What is below a partial product goes around its adder.
    logic [Width-1:0] low, low_q;
    always_ff @(posedge clk_i) if (step_i) low_q <= low;
    if (Pieces == 1) begin : gen_one
      assign low = partial[0];
    end else begin : gen_low
      assign low = {partial[0][Width-1:2] + partial[1][Width-3:0], partial[0][1:0]};
    end
    if (Pieces <= 2) begin : gen_pair
      assign product_o = low_q;
    end else begin : gen_pairs
      // verilator lint_off UNUSEDSIGNAL
      logic [Width-1:0] high_q;
      // verilator lint_on UNUSEDSIGNAL
      always_ff @(posedge clk_i) if (step_i) high_q <= {partial[2][Width-1:2] + partial[3][Width-3:0], partial[2][1:0]};
      assign product_o = {low_q[Width-1:4] + high_q[Width-5:0], low_q[3:0]};
    end
  end
endmodule
