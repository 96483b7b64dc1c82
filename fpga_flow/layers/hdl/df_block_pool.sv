// SPDX-License-Identifier: BSD-3-Clause
/// Sum or maximum of each channel over blocks of positions that touch and do not overlap; of the whole frame where
/// there is one block.
///
/// Takes the frame row by row and sends a block's `Channels / PE` words with those of its last position: no cycle is
/// lost between blocks or frames. One word per cycle in; latency 1 cycle after the last position's word. It keeps
/// the results so far of the blocks that are begun: one, or where a block has several rows a row of them.
module df_block_pool #(
  parameter int unsigned Rows     = 1,      /// Positions of a block, down.
  parameter int unsigned Cols,              /// Positions of a block, across.
  parameter int unsigned Blocks   = 1,      /// In a row of the frame.
  parameter int unsigned Channels,          /// A multiple of PE.
  parameter int unsigned PE,                /// Channels per word.
  parameter int unsigned Width,             /// Bits of a value.
  parameter bit          Signed   = 0,      /// The values are signed.
  parameter string       Function = "sum",  /// "sum" or "max".
  parameter int unsigned OutWidth           /// Bits of a result; must hold it.
) (
  input  logic                   clk_i,    /// Rising edge.
  input  logic                   rst_ni,   /// Synchronous, active low.
  input  logic [PE*Width-1:0]    data_i,
  input  logic                   valid_i,
  output logic                   ready_o,
  output logic [PE*OutWidth-1:0] data_o,   /// Stable while `valid_o && !ready_i`.
  output logic                   valid_o,
  input  logic                   ready_i
);
  if (Rows < 1 || Cols < 1 || Blocks < 1)
    $error("df_block_pool: Rows, Cols, Blocks must be at least 1, not %0d, %0d, %0d", Rows, Cols, Blocks);
  if (PE < 1 || Channels < 1 || Channels % PE != 0)
    $error("df_block_pool: Channels must be a multiple of PE, not %0d and %0d", Channels, PE);
  if (Function != "max" && Function != "sum")
    $error("df_block_pool: Function must be max or sum, not %s", Function);
  if (Width < 1 || OutWidth < Width)
    $error("df_block_pool: OutWidth must be at least Width, which must be at least 1, not %0d and %0d",
           OutWidth, Width);

  localparam int unsigned Words = Channels / PE;
  localparam int unsigned States = Rows > 1 ? Blocks * Words : Words;
  localparam int unsigned RowWidth = Rows > 1 ? $clog2(Rows) : 1;
  localparam int unsigned ColWidth = Cols > 1 ? $clog2(Cols) : 1;
  localparam int unsigned WordWidth = Words > 1 ? $clog2(Words) : 1;
  localparam int unsigned AddressWidth = States > 1 ? $clog2(States) : 1;
  localparam bit Max = Function == "max";
  typedef logic [OutWidth-1:0] state_t;
  typedef logic [PE-1:0][OutWidth-1:0] word_t;

  // Words of a position, positions of a block's row, blocks of a row, rows of a block: the innermost first.
  logic take, first, last, last_word, last_col, last_state;
  logic [RowWidth-1:0] row_q;
  logic [ColWidth-1:0] col_q;
  logic [WordWidth-1:0] word;
  logic [AddressWidth-1:0] address_q, address_d;
  assign take = valid_i && ready_o;
  assign last_word = word == WordWidth'(Words - 1);
  assign last_col = col_q == ColWidth'(Cols - 1);
  assign last_state = address_q == AddressWidth'(States - 1);
  assign first = row_q == '0 && col_q == '0;
  assign last = row_q == RowWidth'(Rows - 1) && last_col;
  always_comb begin
    address_d = address_q;
    if (!rst_ni) address_d = '0;
    else if (take) begin
      if (!last_word) address_d = address_q + 1'b1;
      else if (!last_col) address_d = address_q - AddressWidth'(Words - 1);
      else address_d = last_state ? '0 : address_q + 1'b1;
    end
  end
  always_ff @(posedge clk_i) begin
    address_q <= address_d;
    if (!rst_ni) begin
      row_q <= '0;
      col_q <= '0;
    end else if (take) begin
      if (last_word) col_q <= last_col ? '0 : col_q + 1'b1;
      if (last_word && last_col && last_state)
        row_q <= row_q == RowWidth'(Rows - 1) ? '0 : row_q + 1'b1;
    end
  end

  if (States == Words) begin : gen_word_of_address
    assign word = address_q;
  end else begin : gen_word
    logic [WordWidth-1:0] word_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) word_q <= '0;
      else if (take) word_q <= last_word ? '0 : word_q + 1'b1;
    end
    assign word = word_q;
  end

  // `state_q` is the state of the next word so far; a block's first position does not look at it.
  word_t state_q, state_d;
  if (States > 1) begin : gen_memory
    word_t memory[States];
    always_ff @(posedge clk_i) begin
      if (take) memory[address_q] <= state_d;
      // With one word a position the next one's state may be the one that is written.
      if (take) state_q <= Words == 1 && address_d == address_q ? state_d : memory[address_d];
    end
  end else begin : gen_register
    always_ff @(posedge clk_i) if (take) state_q <= state_d;
  end

  for (genvar p = 0; p < PE; p++) begin : gen_lane
    logic [Width-1:0] value;
    state_t wide, combined;
    assign value = data_i[p*Width+:Width];
    assign wide = Signed ? state_t'($signed(value)) : state_t'(value);
    if (!Max) begin : gen_sum
      assign combined = state_q[p] + wide;
    end else begin : gen_max
      logic greater;
      assign greater = Signed ? $signed(wide) > $signed(state_q[p]) : wide > state_q[p];
      assign combined = greater ? wide : state_q[p];
    end
    assign state_d[p] = first ? wide : combined;
  end

  // Only a block's last words wait for a result that is stuck.
  logic valid_q;
  word_t result_q;
  assign ready_o = !last || !valid_q || ready_i;
  assign valid_o = valid_q;
  assign data_o = result_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (take && last) valid_q <= 1'b1;
    else if (ready_i) valid_q <= 1'b0;
    if (take && last) result_q <= state_d;
  end
endmodule
