// SPDX-License-Identifier: BSD-3-Clause
/// Adds a constant per channel to a stream of pixels, `Channels / PE` words of `PE` channels each.
///
/// The constants come from `InitFile` (one hexadecimal word of `PE` constants per line, lane 0 in the low bits), or
/// from `Init` where that is empty. One word per cycle; latency 1 cycle.
module df_channel_add #(
  parameter int unsigned Channels,         /// A multiple of PE.
  parameter int unsigned PE,               /// Channels per word.
  parameter int unsigned InWidth,          /// Bits of a value.
  parameter bit          InSigned    = 1,  /// The values are signed.
  parameter int unsigned ConstWidth,       /// Bits of a constant.
  parameter bit          ConstSigned = 1,  /// The constants are signed.
  parameter int unsigned OutWidth,         /// Bits of a sum; must hold it (higher bits are cut off).
  parameter string       InitFile    = "", /// Read when a simulation or synthesis starts.
  parameter logic [Channels*ConstWidth-1:0] Init = '0  /// All constants, channel 0 in the low bits.
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
  if (PE < 1 || Channels < 1 || Channels % PE != 0)
    $error("df_channel_add: Channels must be a multiple of PE, not %0d and %0d", Channels, PE);
  if (InWidth < 1 || ConstWidth < 1 || OutWidth < 1)
    $error("df_channel_add: widths must be at least 1, not %0d, %0d and %0d", InWidth, ConstWidth, OutWidth);

  localparam int unsigned Words = Channels / PE;
  localparam int unsigned AddressWidth = Words > 1 ? $clog2(Words) : 1;

  logic [PE*ConstWidth-1:0] memory[Words];
  if (InitFile != "") begin : gen_file
    initial begin
`ifndef SYNTHESIS  // which stops at a missing file by itself
      int file;
      file = $fopen(InitFile, "r");
      if (file == 0) $fatal(1, "df_channel_add: cannot read %s in the folder of the simulation", InitFile);
      $fclose(file);
`endif
      $readmemh(InitFile, memory);
    end
  end else begin : gen_parameter
    initial for (int unsigned i = 0; i < Words; i++) memory[i] = Init[i*PE*ConstWidth+:PE*ConstWidth];
  end

  // `constant_q` is always the constant of the next word: a synchronous read, which block RAM can do.
  logic [AddressWidth-1:0] address_q, address_d;
  logic [PE*ConstWidth-1:0] constant_q;
  logic take;
  assign take = valid_i && ready_o;
  always_comb begin
    address_d = address_q;
    if (!rst_ni) address_d = '0;
    else if (take) address_d = address_q == AddressWidth'(Words - 1) ? '0 : address_q + 1'b1;
  end
  always_ff @(posedge clk_i) begin
    address_q <= address_d;
    constant_q <= memory[address_d];
  end

  logic valid_q;
  assign ready_o = !valid_q || ready_i;
  assign valid_o = valid_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (ready_o) valid_q <= valid_i;
  end

  for (genvar p = 0; p < PE; p++) begin : gen_lane
    logic [InWidth-1:0] value;
    logic [ConstWidth-1:0] constant;
    logic [OutWidth-1:0] value_wide, constant_wide, sum_q;
    assign value = data_i[p*InWidth+:InWidth];
    assign constant = constant_q[p*ConstWidth+:ConstWidth];
    assign value_wide = InSigned ? OutWidth'($signed(value)) : OutWidth'(value);
    assign constant_wide = ConstSigned ? OutWidth'($signed(constant)) : OutWidth'(constant);
    always_ff @(posedge clk_i) if (take) sum_q <= value_wide + constant_wide;
    assign data_o[p*OutWidth+:OutWidth] = sum_q;
  end
endmodule
