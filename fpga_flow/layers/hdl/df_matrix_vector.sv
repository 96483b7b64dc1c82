// SPDX-License-Identifier: BSD-3-Clause
/// Product of a constant matrix with each vector of a stream: `MW / SIMD` words in, `MH / PE` words out.
///
/// For `PE` rows at a time the vector's words are taken one after the other; the first pass fills a buffer that the
/// others read, in which the words of the next vector follow while the last pass frees their places. A vector takes
/// exactly (MW/SIMD) * (MH/PE) cycles where its words are there in time. Neither side's ready depends on the other's
/// in the same cycle, except with all rows or all columns at once, where there is no buffer.
module df_matrix_vector #(
  parameter int unsigned MW,                 /// Columns of the matrix; a multiple of SIMD.
  parameter int unsigned MH,                 /// Rows of the matrix; a multiple of PE.
  parameter int unsigned SIMD,               /// Columns per cycle.
  parameter int unsigned PE,                 /// Rows per cycle.
  parameter int unsigned ActWidth,           /// Bits of an activation.
  parameter bit          ActSigned     = 0,
  parameter bit          ActBipolar    = 0,  /// One bit: 0 is -1, 1 is 1.
  parameter int unsigned WeightWidth,        /// Bits of a weight.
  parameter bit          WeightSigned  = 1,
  parameter bit          WeightBipolar = 0,  /// One bit: 0 is -1, 1 is 1.
  parameter bit          Popcount      = 0,  /// With both bipolar, count the products that are 1 instead of adding.
  parameter bit          InLuts        = 0,  /// Synthesis shall use no DSP.
  parameter int unsigned OutWidth,           /// Bits of a sum; must hold it (higher bits are cut off).
  parameter string       RamStyle = "auto",  /// Of the weights: "auto", "block" or "distributed".
  parameter string       InitFile = "",      /// Weights, a line per cycle of a vector: [PE][SIMD], hexadecimal.
  parameter logic [MW*MH*WeightWidth-1:0] Init = '0  /// The same, first cycle in the low bits, where there is no file.
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
    $error("df_matrix_vector: MH must be a multiple of PE, not %0d and %0d", MH, PE);
  if (SIMD < 1 || MW < 1 || MW % SIMD != 0)
    $error("df_matrix_vector: MW must be a multiple of SIMD, not %0d and %0d", MW, SIMD);
  if (RamStyle != "auto" && RamStyle != "block" && RamStyle != "distributed")
    $error("df_matrix_vector: RamStyle must be auto, block or distributed, not %s", RamStyle);

  localparam int unsigned Length = MW / SIMD;  // words of a vector
  localparam int unsigned Passes = MH / PE;
  localparam int unsigned Words = Length * Passes;
  localparam int unsigned AddressWidth = Words > 1 ? $clog2(Words) : 1;
  localparam int unsigned ActBits = SIMD * ActWidth;
  localparam int unsigned WeightBits = PE * SIMD * WeightWidth;

  (* ram_style = RamStyle *) logic [WeightBits-1:0] weights[Words];
  if (InitFile != "") begin : gen_file
    initial begin
`ifndef SYNTHESIS  // which stops at a missing file by itself
      int file;
      file = $fopen(InitFile, "r");
      if (file == 0) $fatal(1, "df_matrix_vector: cannot read %s in the folder of the simulation", InitFile);
      $fclose(file);
`endif
      $readmemh(InitFile, weights);
    end
  end else begin : gen_parameter
    initial for (int unsigned i = 0; i < Words; i++) weights[i] = Init[i*WeightBits+:WeightBits];
  end

  // A step reads the operands of a cycle into the registers in front of the sums.
  logic available, step, operands_valid_q, operands_ready;
  logic [AddressWidth-1:0] address_q;
  logic [WeightBits-1:0] weight_q;
  logic [ActBits-1:0] act_q;
  assign step = available && (!operands_valid_q || operands_ready);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      operands_valid_q <= 1'b0;
      address_q <= '0;
    end else begin
      if (step) operands_valid_q <= 1'b1;
      else if (operands_ready) operands_valid_q <= 1'b0;
      if (step) address_q <= address_q == AddressWidth'(Words - 1) ? '0 : address_q + 1'b1;
    end
    if (step) weight_q <= weights[address_q];
  end

  if (Passes == 1) begin : gen_direct
    assign available = valid_i;
    assign ready_o = !operands_valid_q || operands_ready;
    always_ff @(posedge clk_i) if (step) act_q <= data_i;
  end else begin : gen_replay
    localparam int unsigned PassWidth = $clog2(Passes);
    logic [PassWidth-1:0] pass_q;
    logic first_q, last_q, rewind;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        pass_q <= '0;
        first_q <= 1'b1;
        last_q <= 1'b0;
      end else if (step && rewind) begin
        pass_q <= last_q ? '0 : pass_q + 1'b1;
        first_q <= last_q;
        last_q <= pass_q == PassWidth'(Passes - 2);
      end
    end

    if (Length == 1) begin : gen_hold
      // The operand register is the buffer.
      assign rewind = 1'b1;
      assign available = !first_q || valid_i;
      assign ready_o = first_q && (!operands_valid_q || operands_ready);
      always_ff @(posedge clk_i) if (step && first_q) act_q <= data_i;
    end else begin : gen_buffer
      localparam int unsigned PlaceWidth = $clog2(Length);
      localparam int unsigned FillWidth = $clog2(Length + 1);
      localparam logic [PlaceWidth-1:0] LastPlace = PlaceWidth'(Length - 1);
      logic [ActBits-1:0] vector[Length];
      logic [PlaceWidth-1:0] write_q, read_q;
      // Words held: those of this vector, less those that its last pass has read, and the first ones of the next.
      logic [FillWidth-1:0] fill_q;
      logic push, free;
      assign ready_o = fill_q != FillWidth'(Length);
      assign push = valid_i && ready_o;
      assign free = step && last_q;
      assign rewind = read_q == LastPlace;
      // Only the first pass can come too early.
      assign available = !first_q || FillWidth'(read_q) < fill_q;
      always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
          write_q <= '0;
          read_q <= '0;
          fill_q <= '0;
        end else begin
          if (push) write_q <= write_q == LastPlace ? '0 : write_q + 1'b1;
          if (step) read_q <= rewind ? '0 : read_q + 1'b1;
          if (push != free) fill_q <= push ? fill_q + 1'b1 : fill_q - 1'b1;
        end
        if (push) vector[write_q] <= data_i;
        if (step) act_q <= vector[read_q];
      end
    end
  end

  df_dot #(
    .PE(PE), .Lanes(SIMD), .Fold(Length), .Shared(1), .ActWidth(ActWidth), .ActSigned(ActSigned),
    .ActBipolar(ActBipolar), .WeightWidth(WeightWidth), .WeightSigned(WeightSigned), .WeightBipolar(WeightBipolar),
    .Popcount(Popcount), .InLuts(InLuts), .OutWidth(OutWidth)
  ) dot (
    .clk_i, .rst_ni,
    .data_i({weight_q, act_q}), .valid_i(operands_valid_q), .ready_o(operands_ready),
    .data_o, .valid_o, .ready_i
  );
endmodule
