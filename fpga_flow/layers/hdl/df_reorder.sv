// SPDX-License-Identifier: BSD-3-Clause
/// Gives the words of each block in another order, that of nested loops over them.
///
/// Word k of a block that goes out is the word `sum of i_l * stride_l` of the block that came, where the i_l are the
/// digits of k: loop 0 is the innermost and counts to `Sizes[0]`. Every word must be read once. Two blocks are held,
/// so that one comes while the other goes: one word per cycle, without a pause. A word can be read in the cycle after
/// it was written; latency 2 cycles where the order is that of arrival.
module df_reorder #(
  parameter int unsigned Words,            /// Per block.
  parameter int unsigned Width,            /// Bits per word.
  parameter int unsigned Loops,            /// At least 1.
  parameter logic [32*Loops-1:0] Sizes,    /// Of the loops, the innermost in the low bits; their product is Words.
  parameter logic [32*Loops-1:0] Strides   /// By so many words a step of each loop moves on.
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
  /// Returns the steps of all loops below `loop`, multiplied.
  function automatic int unsigned steps_below(input int unsigned loop);
    steps_below = 1;
    for (int unsigned i = 0; i < loop; i++) steps_below = steps_below * Sizes[32*i+:32];
  endfunction

  /// Returns by how many words the last steps of all loops below `loop` are on from their first ones.
  function automatic int unsigned span_below(input int unsigned loop);
    span_below = 0;
    for (int unsigned i = 0; i < loop; i++) span_below = span_below + (Sizes[32*i+:32] - 1) * Strides[32*i+:32];
  endfunction

  if (Words < 2 || Width < 1 || Loops < 1)
    $error("df_reorder: Words must be at least 2, Width and Loops at least 1, not %0d, %0d and %0d",
           Words, Width, Loops);
  if (steps_below(Loops) != Words || span_below(Loops) != Words - 1)
    $error("df_reorder: the loops must read each of %0d words once, not %0d words up to %0d",
           Words, steps_below(Loops), span_below(Loops));

  localparam int unsigned Depth = 2 * Words;
  localparam int unsigned AddressWidth = $clog2(Depth);
  typedef logic [AddressWidth-1:0] place_t;

  logic put, get, write_ends, read_ends;
  place_t write_q, read_q, step;
  logic [1:0] full_q;  // blocks that are there as a whole, the one that is read among them
  logic [Loops:0] ends;  // all loops below this one are at their last step
  assign put = valid_i && ready_o;
  assign ready_o = full_q != 2'd2;
  assign write_ends = write_q == place_t'(Words - 1) || write_q == place_t'(Depth - 1);
  assign read_ends = ends[Loops];

  assign ends[0] = 1'b1;
  place_t moves[Loops];  // from one word to the next where this loop is the outermost that steps
  for (genvar i = 0; i < Loops; i++) begin : gen_loop
    localparam int unsigned Size = Sizes[32*i+:32];
    localparam int unsigned CountWidth = Size > 1 ? $clog2(Size) : 1;
    logic [CountWidth-1:0] count_q;
    assign ends[i+1] = ends[i] && count_q == CountWidth'(Size - 1);
    assign moves[i] = place_t'(Strides[32*i+:32] - span_below(i));
    always_ff @(posedge clk_i) begin
      if (!rst_ni) count_q <= '0;
      else if (get && ends[i]) count_q <= ends[i+1] ? '0 : count_q + 1'b1;
    end
  end
  always_comb begin
    step = '0;
    for (int unsigned i = 0; i < Loops; i++) if (ends[i] && !ends[i+1]) step = moves[i];
  end

  // The last word of a block that is read is the last that came; behind it is the other block.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_q <= '0;
      read_q <= '0;
      full_q <= '0;
    end else begin
      if (put) write_q <= write_q == place_t'(Depth - 1) ? '0 : write_q + 1'b1;
      if (get) read_q <= !read_ends ? read_q + step : read_q == place_t'(Depth - 1) ? '0 : read_q + 1'b1;
      full_q <= full_q + 2'(put && write_ends) - 2'(get && read_ends);
    end
  end

  // The memory's read register is the output.
  logic [Width-1:0] memory[Depth];
  logic [Width-1:0] data_q;
  logic valid_q;
  assign get = (full_q != '0 || read_q < write_q) && (!valid_q || ready_i);
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
