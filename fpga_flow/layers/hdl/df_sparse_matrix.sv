// SPDX-License-Identifier: BSD-3-Clause
/// Product of a constant matrix with each vector of a stream, at the cost of its nonzero weights: `MW / SIMD` words in,
/// `MH / PE` words out.
///
/// `Lanes` lanes walk lists of (word of the vector, weight, end of a row's part), all in step. A lane sees one of the
/// SIMD positions of the words and works for one of the PE positions of the results; the K = Lanes / (SIMD * PE) lanes
/// with the same positions have dealt the rows among them. The result of a row is the sum of what SIMD lanes have left in
/// their memories. The next vector comes in while one is walked, and the results of the one before go out: a vector takes
/// exactly the most of `Steps`, MW/SIMD and MH/PE cycles. Neither side's ready depends on the other's in the same cycle.
module df_sparse_matrix #(
  parameter int unsigned MW,                 /// Columns of the matrix; a multiple of SIMD.
  parameter int unsigned MH,                 /// Rows of the matrix; a multiple of PE.
  parameter int unsigned SIMD,               /// Activations in a word.
  parameter int unsigned PE,                 /// Results in a word.
  parameter int unsigned Lanes,              /// Products per cycle; a multiple of SIMD * PE.
  parameter int unsigned Steps,              /// Length of the lists.
  parameter int unsigned Places,             /// Rows that a lane works for, at most.
  parameter int unsigned ActWidth,           /// Bits of an activation, 1 to 8.
  parameter bit          ActSigned    = 0,
  parameter int unsigned WeightWidth,        /// Bits of a weight, 1 to 8.
  parameter bit          WeightSigned = 1,
  parameter bit          InLuts       = 1,   /// Products take no DSP.
  parameter int unsigned Sharing      = 3,   /// Lanes that read a copy of their part of the vector: the ports of a RAM.
  parameter int unsigned SumWidth,           /// Bits of a lane's sums, of the signedness of OutWidth.
  parameter int unsigned OutWidth,           /// Bits of a result; must hold it (higher bits are cut off).
  parameter string       RamStyle = "auto",  /// Of the lists: "auto", "block" or "distributed".
  parameter string       ListFile = "",      /// A line per step: [Lanes] of end, weight and word of the vector.
  parameter string       OrderFile = "",     /// A line per word out: [PE][SIMD] of place and lane of the K.
  localparam int unsigned K = Lanes / (SIMD * PE),
  localparam int unsigned Words = MW / SIMD,
  localparam int unsigned Results = MH / PE,
  localparam int unsigned WordWidth = Words > 1 ? $clog2(Words) : 1,
  localparam int unsigned PlaceWidth = Places > 1 ? $clog2(Places) : 1,
  localparam int unsigned LaneWidth = K > 1 ? $clog2(K) : 1,
  localparam int unsigned EntryWidth = 1 + WeightWidth + WordWidth,
  localparam int unsigned SourceWidth = PlaceWidth + LaneWidth,
  parameter logic [Steps*Lanes*EntryWidth-1:0] List = '0,     /// The same, first step in the low bits, without a file.
  parameter logic [Results*PE*SIMD*SourceWidth-1:0] Order = '0  /// The same, first word in the low bits.
) (
  input  logic                     clk_i,    /// Rising edge.
  input  logic                     rst_ni,   /// Synchronous, active low.
  input  logic [SIMD*ActWidth-1:0] data_i,
  input  logic                     valid_i,
  output logic                     ready_o,
  output logic [PE*OutWidth-1:0]   data_o,   /// Stable while `valid_o && !ready_i`.
  output logic                     valid_o,
  input  logic                     ready_i
);
  if (PE < 1 || MH < 1 || MH % PE != 0)
    $error("df_sparse_matrix: MH must be a multiple of PE, not %0d and %0d", MH, PE);
  if (SIMD < 1 || MW < 1 || MW % SIMD != 0)
    $error("df_sparse_matrix: MW must be a multiple of SIMD, not %0d and %0d", MW, SIMD);
  if (Lanes < 1 || Lanes % (SIMD * PE) != 0)
    $error("df_sparse_matrix: Lanes must be a multiple of SIMD * PE, not %0d and %0d * %0d", Lanes, SIMD, PE);
  if (Steps < 1) $error("df_sparse_matrix: Steps must be at least 1, not %0d", Steps);

  //- Lists -----------------------------------------------------------------------
  logic [Lanes-1:0][EntryWidth-1:0] entry;
  logic fetched, last, walk, step;
  logic [1:0] loaded_q;  // vectors in the buffer
  assign walk = step && fetched && loaded_q != 2'd0;
  df_sequence #(
    .Length(Steps), .Width(Lanes * EntryWidth), .RamStyle(RamStyle), .InitFile(ListFile), .Init(List)
  ) lists (
    .clk_i, .rst_ni, .data_o(entry), .last_o(last), .valid_o(fetched), .ready_i(walk)
  );

  //- Vectors ---------------------------------------------------------------------
  logic push, vector_in, vector_done, write_half_q, walk_half_q;
  logic [WordWidth-1:0] write_q;
  assign ready_o = loaded_q != 2'd2;
  assign push = valid_i && ready_o;
  assign vector_in = push && write_q == WordWidth'(Words - 1);
  assign vector_done = walk && last;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_q <= '0;
      write_half_q <= 1'b0;
      walk_half_q <= 1'b0;
      loaded_q <= '0;
    end else begin
      if (push) write_q <= vector_in ? '0 : write_q + 1'b1;
      write_half_q <= write_half_q ^ vector_in;
      walk_half_q <= walk_half_q ^ vector_done;
      if (vector_in != vector_done) loaded_q <= vector_in ? loaded_q + 1'b1 : loaded_q - 1'b1;
    end
  end

  // Steps on their way through the lanes.
  logic operands_valid_q, operands_last_q, product_valid_q, product_last_q, sum, vector_out, sum_half_q;
  logic [1:0] filled_q;  // vectors of which there are results
  assign step = !(product_valid_q && filled_q == 2'd2);
  // Not in the first cycle of a reset, when it may be anything: places that no lane writes hold 0 for rows without weights.
  assign sum = rst_ni && step && product_valid_q;
  assign vector_out = sum && product_last_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      operands_valid_q <= 1'b0;
      product_valid_q <= 1'b0;
      sum_half_q <= 1'b0;
    end else begin
      if (step) {product_valid_q, operands_valid_q} <= {operands_valid_q, walk};
      sum_half_q <= sum_half_q ^ vector_out;
    end
    if (step) {product_last_q, operands_last_q} <= {operands_last_q, last};
  end

  //- Lanes -----------------------------------------------------------------------
  localparam int unsigned VectorWidth = $clog2(2 * Words);
  localparam int unsigned Readers = PE * K;
  logic [PE-1:0][SIMD-1:0][K-1:0][ActWidth-1:0] act;
  logic [PE-1:0][SIMD-1:0][K-1:0][SumWidth-1:0] sums;
  logic [PE-1:0][SIMD-1:0][SourceWidth-1:0] source;
  logic read_half_q;
  for (genvar s = 0; s < SIMD; s++) begin : gen_position
    for (genvar c = 0; c < (Readers + Sharing - 1) / Sharing; c++) begin : gen_copy
      localparam int unsigned Own = Sharing * (c + 1) <= Readers ? Sharing : Readers - Sharing * c;
      // Words of both halves alternate, so that the memory has no gap between them.
      (* ram_style = "distributed" *) logic [ActWidth-1:0] vectors[2*Words];
      always_ff @(posedge clk_i) if (push) vectors[VectorWidth'({write_q, write_half_q})] <= data_i[s*ActWidth+:ActWidth];
      for (genvar i = 0; i < Own; i++) begin : gen_reader
        localparam int unsigned P = (Sharing * c + i) / K;
        localparam int unsigned Lane = (Sharing * c + i) % K;
        assign act[P][s][Lane] = vectors[VectorWidth'({entry[(P*SIMD+s)*K+Lane][WordWidth-1:0], walk_half_q})];
      end
    end
  end
  for (genvar l = 0; l < SIMD * PE * K; l++) begin : gen_lane
    localparam int unsigned P = l / (SIMD * K);
    localparam int unsigned S = l / K % SIMD;
    df_sparse_lane #(
      .Places(Places), .ActWidth(ActWidth), .ActSigned(ActSigned), .WeightWidth(WeightWidth),
      .WeightSigned(WeightSigned), .InLuts(InLuts), .SumWidth(SumWidth)
    ) lane (
      .clk_i, .rst_ni, .step_i(step),
      .act_i(act[P][S][l%K]), .weight_i(entry[l][WordWidth+:WeightWidth]), .end_i(entry[l][EntryWidth-1]),
      .sum_i(sum), .last_i(product_last_q), .half_i(sum_half_q),
      .place_i(source[P][S][LaneWidth+:PlaceWidth]), .read_half_i(read_half_q), .sum_o(sums[P][S][l%K])
    );
  end

  //- Results ---------------------------------------------------------------------
  logic ordered, final_word, read, move, vector_read;
  assign read = move && ordered && filled_q != 2'd0;
  assign vector_read = read && final_word;
  df_sequence #(
    .Length(Results), .Width(PE * SIMD * SourceWidth), .RamStyle("distributed"), .InitFile(OrderFile), .Init(Order)
  ) order (
    .clk_i, .rst_ni, .data_o(source), .last_o(final_word), .valid_o(ordered), .ready_i(read)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      read_half_q <= 1'b0;
      filled_q <= '0;
    end else begin
      read_half_q <= read_half_q ^ vector_read;
      if (vector_out != vector_read) filled_q <= vector_out ? filled_q + 1'b1 : filled_q - 1'b1;
    end
  end

  // The parts of a row are added, four at a time with a register behind.
  localparam int unsigned Group = 4;
  function automatic int unsigned nodes(input int unsigned stage);
    int unsigned left;
    left = SIMD;
    for (int unsigned i = 0; i < stage; i++) left = (left + Group - 1) / Group;
    return left;
  endfunction
  function automatic int unsigned stages();
    int unsigned count;
    count = 0;
    while (nodes(count) > 1) count++;
    return count;
  endfunction
  localparam int unsigned Stages = stages();

  logic [Stages:0] valid_q;
  assign valid_o = valid_q[Stages];
  assign move = !valid_o || ready_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else if (move) valid_q <= (Stages+1)'({valid_q, read});
  end
  localparam bit SumSigned = ActSigned || WeightSigned;
  for (genvar p = 0; p < PE; p++) begin : gen_result
    for (genvar t = 0; t <= Stages; t++) begin : gen_stage
      localparam int unsigned Width = t == 0 ? SumWidth : OutWidth;
      localparam int unsigned Below = t == 0 ? SIMD : nodes(t - 1);
      logic [nodes(t)-1:0][Width-1:0] sum_q;
      for (genvar n = 0; n < nodes(t); n++) begin : gen_node
        if (t == 0) begin : gen_read
          if (K == 1) begin : gen_only
            always_ff @(posedge clk_i) if (move) sum_q[n] <= sums[p][n][0];
          end else begin : gen_select
            always_ff @(posedge clk_i) if (move) sum_q[n] <= sums[p][n][source[p][n][LaneWidth-1:0]];
          end
        end else begin : gen_add
          logic [Group-1:0][OutWidth-1:0] value;
          for (genvar i = 0; i < Group; i++) begin : gen_value
            if (Group * n + i < Below) begin : gen_some
              assign value[i] = SumSigned ? OutWidth'($signed(gen_stage[t-1].sum_q[Group*n+i]))
                                          : OutWidth'(gen_stage[t-1].sum_q[Group*n+i]);
            end else begin : gen_none
              assign value[i] = '0;
            end
          end
          always_ff @(posedge clk_i) if (move) sum_q[n] <= (value[0] + value[1]) + (value[2] + value[3]);
        end
      end
    end
    assign data_o[p*OutWidth+:OutWidth] = SumSigned ? OutWidth'($signed(gen_stage[Stages].sum_q[0]))
                                                    : OutWidth'(gen_stage[Stages].sum_q[0]);
  end
endmodule
