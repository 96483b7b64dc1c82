// SPDX-License-Identifier: BSD-3-Clause
// What was tried beside the lanes of df_sparse_matrix, without lists and control: how lanes read the vector, and where
// their sums stand. 4-bit operands, sums of 12 bits; `bench_sparse.py` synthesises these.

/// Columns in order: a window of the stream in shift registers, sums of all rows of a lane in a memory with two ports.
module tried_columns #(
  parameter int unsigned Lanes = 8,
  parameter int unsigned Rows = 16,   /// Sums of a lane.
  localparam int unsigned Place = $clog2(Rows)
) (
  input  logic                                   clk_i, shift_i, half_i,
  input  logic [3:0]                             data_i,
  input  logic [Lanes-1:0][4:0]                  offset_i,
  input  logic [Lanes-1:0][Place-1:0]            place_i,
  input  logic [Lanes-1:0]                       first_i,
  input  logic signed [Lanes-1:0][3:0]           weight_i,
  input  logic [Place-1:0]                       read_i,
  output logic [Lanes-1:0][11:0]                 sum_o
);
  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    logic [3:0] act_q, weight_q;
    logic [7:0] product;
    logic [Place:0] place_q, placed_q;
    logic first_q, started_q;
    for (genvar b = 0; b < 4; b++) begin : gen_bit
      logic [31:0] window_q;
      always_ff @(posedge clk_i) if (shift_i) window_q <= {window_q[30:0], data_i[b]};
      always_ff @(posedge clk_i) act_q[b] <= window_q[offset_i[l]];
    end
    always_ff @(posedge clk_i) begin
      weight_q <= weight_i[l];
      {placed_q, place_q} <= {place_q, place_i[l], half_i};
      {started_q, first_q} <= {first_q, first_i[l]};
    end
    df_sparse_product #(.ActWidth(4), .WeightWidth(4)) multiplier (
      .clk_i, .step_i(1'b1), .act_i(act_q), .weight_i(weight_q), .product_o(product)
    );
    (* ram_style = "distributed" *) logic [11:0] sums[2*Rows];
    logic [11:0] state;
    assign state = started_q ? '0 : sums[placed_q];
    always_ff @(posedge clk_i) sums[placed_q] <= 12'($signed(product)) + state;
    always_ff @(posedge clk_i) sum_o[l] <= sums[{read_i, !half_i}];
  end
endmodule

/// Both vectors in `Banks` banks, of which each lane reads another one in each cycle, as the lists say.
module tried_banks #(
  parameter int unsigned Lanes = 8,
  parameter int unsigned Banks = 8,
  parameter int unsigned Words = 24,   /// Of a vector in a bank.
  localparam int unsigned Address = $clog2(2 * Words)
) (
  input  logic                                clk_i,
  input  logic [Banks-1:0]                    push_i,
  input  logic [Address-1:0]                  write_i,
  input  logic [3:0]                          data_i,
  input  logic [Banks-1:0][Address-1:0]       read_i,
  input  logic [Lanes-1:0][$clog2(Banks)-1:0] bank_i,
  output logic [Lanes-1:0][3:0]               act_o
);
  logic [Banks-1:0][3:0] found_q;
  for (genvar b = 0; b < Banks; b++) begin : gen_bank
    (* ram_style = "distributed" *) logic [3:0] vectors[2*Words];
    always_ff @(posedge clk_i) if (push_i[b]) vectors[write_i] <= data_i;
    always_ff @(posedge clk_i) found_q[b] <= vectors[read_i[b]];
  end
  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    always_ff @(posedge clk_i) act_o[l] <= found_q[bank_i[l]];
  end
endmodule

/// Both vectors once for `Lanes` lanes, `Sharing` of which read a copy.
module tried_copies #(
  parameter int unsigned Lanes = 8,
  parameter int unsigned Sharing = 3,
  parameter int unsigned Words = 192,  /// Of a vector.
  localparam int unsigned Address = $clog2(2 * Words)
) (
  input  logic                          clk_i, push_i,
  input  logic [Address-1:0]            write_i,
  input  logic [3:0]                    data_i,
  input  logic [Lanes-1:0][Address-1:0] read_i,
  output logic [Lanes-1:0][3:0]         act_o
);
  for (genvar c = 0; c < (Lanes + Sharing - 1) / Sharing; c++) begin : gen_copy
    (* ram_style = "distributed" *) logic [3:0] vectors[2*Words];
    always_ff @(posedge clk_i) if (push_i) vectors[write_i] <= data_i;
    for (genvar l = Sharing * c; l < Lanes && l < Sharing * (c + 1); l++) begin : gen_lane
      always_ff @(posedge clk_i) act_o[l] <= vectors[read_i[l]];
    end
  end
endmodule
