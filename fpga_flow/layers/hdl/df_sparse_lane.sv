// SPDX-License-Identifier: BSD-3-Clause
/// A lane of `df_sparse_matrix`: product, sum, and the memory of its sums.
///
/// A step goes through three registers: operands, product, sum. The last one of a unit writes the sum to the next place
/// of the half of this vector and begins the next sum at 0.
module df_sparse_lane #(
  parameter int unsigned Places,             /// Sums of a vector, at most.
  parameter int unsigned ActWidth,
  parameter bit          ActSigned    = 0,
  parameter int unsigned WeightWidth,
  parameter bit          WeightSigned = 1,
  parameter bit          InLuts       = 1,
  parameter int unsigned SumWidth,           /// Bits of a sum; must hold it (higher bits are cut off).
  localparam int unsigned PlaceWidth = Places > 1 ? $clog2(Places) : 1
) (
  input  logic                   clk_i,      /// Rising edge.
  input  logic                   rst_ni,     /// Synchronous, active low.
  input  logic                   step_i,     /// All registers move.
  input  logic [ActWidth-1:0]    act_i,      /// Into the first register.
  input  logic [WeightWidth-1:0] weight_i,
  input  logic                   end_i,      /// It is the last step of a unit.
  input  logic                   sum_i,      /// The step in the second register counts and moves on.
  input  logic                   last_i,     /// It is the last one of a vector.
  input  logic                   half_i,     /// Where its sums go.
  input  logic [PlaceWidth-1:0]  place_i,    /// What is read.
  input  logic                   read_half_i,
  output logic [SumWidth-1:0]    sum_o       /// The sum there; 0 where none was ever written.
);
  if (Places < 1) $error("df_sparse_lane: Places must be at least 1, not %0d", Places);
  if (SumWidth < 1) $error("df_sparse_lane: SumWidth must be at least 1, not %0d", SumWidth);

  localparam int unsigned Width = ActWidth + WeightWidth;
  logic [ActWidth-1:0] act_q;
  logic [WeightWidth-1:0] weight_q;
  // verilator lint_off UNUSEDSIGNAL
  logic [Width-1:0] product;
  // verilator lint_on UNUSEDSIGNAL
  logic operands_end_q, end_q;
  df_sparse_product #(
    .ActWidth(ActWidth), .ActSigned(ActSigned), .WeightWidth(WeightWidth), .WeightSigned(WeightSigned), .InLuts(InLuts)
  ) multiplier (
    .clk_i, .step_i, .act_i(act_q), .weight_i(weight_q), .product_o(product)
  );
  always_ff @(posedge clk_i) begin
    if (step_i) begin
      {act_q, weight_q, operands_end_q} <= {act_i, weight_i, end_i};
      end_q <= operands_end_q;
    end
  end

  localparam int unsigned Depth = Places < 1 ? 2 : 2 * Places;
  localparam int unsigned SumsWidth = $clog2(Depth);
  // Places of both halves alternate, so that the memory has no gap between them.
  (* ram_style = "distributed" *) logic [SumWidth-1:0] sums[Depth];
  initial for (int unsigned i = 0; i < Depth; i++) sums[i] = '0;
  logic [PlaceWidth-1:0] place_q;
  logic [SumWidth-1:0] term, sum, sum_q;
  logic write;
  assign term = ActSigned || WeightSigned ? SumWidth'($signed(product)) : SumWidth'(product);
  assign sum = term + sum_q;
  assign write = sum_i && end_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || write) sum_q <= '0;
    else if (sum_i) sum_q <= sum;
    if (write) sums[SumsWidth'({place_q, half_i})] <= sum;
  end
  assign sum_o = sums[SumsWidth'({place_i, read_half_i})];

  if (Places == 1) begin : gen_one_place
    assign place_q = '0;
    // verilator lint_off UNUSEDSIGNAL
    logic unused_last;
    assign unused_last = last_i;
    // verilator lint_on UNUSEDSIGNAL
  end else begin : gen_places
    always_ff @(posedge clk_i) begin
      if (!rst_ni || (sum_i && last_i)) place_q <= '0;
      else if (write) place_q <= place_q + 1'b1;
    end
  end
endmodule
