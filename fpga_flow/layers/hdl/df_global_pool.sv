// SPDX-License-Identifier: BSD-3-Clause
/// Sum or maximum of each channel over all pixels of a frame.
///
/// Takes `Pixels` times `Channels / PE` words and sends `Channels / PE` words, which come out with the words of the
/// last pixel: no cycle is lost between frames. One word per cycle in; latency 1 cycle after the last pixel's word.
module df_global_pool #(
  parameter int unsigned Pixels,            /// Positions per frame.
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
  if (Pixels < 1) $error("df_global_pool: Pixels must be at least 1, not %0d", Pixels);
  if (PE < 1 || Channels < 1 || Channels % PE != 0)
    $error("df_global_pool: Channels must be a multiple of PE, not %0d and %0d", Channels, PE);
  if (Function != "max" && Function != "sum")
    $error("df_global_pool: Function must be max or sum, not %s", Function);
  if (Width < 1 || OutWidth < Width)
    $error("df_global_pool: OutWidth must be at least Width, which must be at least 1, not %0d and %0d",
           OutWidth, Width);

  localparam int unsigned Words = Channels / PE;
  localparam int unsigned PixelWidth = Pixels > 1 ? $clog2(Pixels) : 1;
  localparam int unsigned AddressWidth = Words > 1 ? $clog2(Words) : 1;
  localparam bit Max = Function == "max";
  typedef logic [OutWidth-1:0] state_t;
  typedef logic [PE-1:0][OutWidth-1:0] word_t;

  logic take, first, last, last_word;
  logic [PixelWidth-1:0] pixel_q;
  logic [AddressWidth-1:0] address_q, address_d;
  assign take = valid_i && ready_o;
  assign first = pixel_q == '0;
  assign last = pixel_q == PixelWidth'(Pixels - 1);
  assign last_word = address_q == AddressWidth'(Words - 1);
  always_comb begin
    address_d = address_q;
    if (!rst_ni) address_d = '0;
    else if (take) address_d = last_word ? '0 : address_q + 1'b1;
  end
  always_ff @(posedge clk_i) begin
    address_q <= address_d;
    if (!rst_ni) pixel_q <= '0;
    else if (take && last_word) pixel_q <= last ? '0 : pixel_q + 1'b1;
  end

  // `state_q` is the state of the next word so far; the first pixel does not look at it.
  word_t state_q, state_d;
  if (Words > 1) begin : gen_memory
    word_t memory[Words];
    always_ff @(posedge clk_i) begin
      if (take) memory[address_q] <= state_d;
      if (take) state_q <= memory[address_d];  // another word than the one that is written
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

  // Only the last pixel's words wait for a result that is stuck.
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
