// SPDX-License-Identifier: BSD-3-Clause
/// Multiplies each channel of a stream of pixels, `Channels / PE` words of `PE` channels each, by its constant.
///
/// The constants come from `InitFile` (one hexadecimal word of `PE` constants per line, lane 0 in the low bits), or
/// from `Init` where that is empty. One word per cycle; latency 3 cycles: operands, product and result have a
/// register each, as a DSP slice has them.
module df_channel_mul #(
  parameter int unsigned Channels,         /// A multiple of PE.
  parameter int unsigned PE,               /// Channels per word.
  parameter int unsigned InWidth,          /// Bits of a value.
  parameter bit          InSigned    = 1,  /// The values are signed.
  parameter int unsigned ConstWidth,       /// Bits of a constant.
  parameter bit          ConstSigned = 1,  /// The constants are signed.
  parameter int unsigned OutWidth,         /// Bits of a product; must hold it (higher bits are cut off).
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
    $error("df_channel_mul: Channels must be a multiple of PE, not %0d and %0d", Channels, PE);
  if (InWidth < 1 || ConstWidth < 1 || OutWidth < 1)
    $error("df_channel_mul: widths must be at least 1, not %0d, %0d and %0d", InWidth, ConstWidth, OutWidth);

  localparam int unsigned Words = Channels / PE;
  localparam int unsigned AddressWidth = Words > 1 ? $clog2(Words) : 1;
  // Both operands are signed; an unsigned one has a zero in front.
  localparam int unsigned WideIn = InWidth + 32'(!InSigned);
  localparam int unsigned WideConst = ConstWidth + 32'(!ConstSigned);

  logic [PE*ConstWidth-1:0] memory[Words];
  if (InitFile != "") begin : gen_file
    initial begin
`ifndef SYNTHESIS  // which stops at a missing file by itself
      int file;
      file = $fopen(InitFile, "r");
      if (file == 0) $fatal(1, "df_channel_mul: cannot read %s in the folder of the simulation", InitFile);
      $fclose(file);
`endif
      $readmemh(InitFile, memory);
    end
  end else begin : gen_parameter
    initial for (int unsigned i = 0; i < Words; i++) memory[i] = Init[i*PE*ConstWidth+:PE*ConstWidth];
  end

  // All stages move together, and stand where the last one holds a result that is not taken.
  logic [2:0] valid_q;
  logic [AddressWidth-1:0] address_q;
  logic [PE*ConstWidth-1:0] constant_q;
  logic [PE*InWidth-1:0] value_q;
  assign ready_o = !valid_q[2] || ready_i;
  assign valid_o = valid_q[2];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      address_q <= '0;
    end else if (ready_o) begin
      valid_q <= {valid_q[1:0], valid_i};
      if (valid_i) address_q <= address_q == AddressWidth'(Words - 1) ? '0 : address_q + 1'b1;
    end
    if (ready_o) begin
      value_q <= data_i;
      constant_q <= memory[address_q];
    end
  end

  for (genvar p = 0; p < PE; p++) begin : gen_lane
    logic [InWidth-1:0] value;
    logic [ConstWidth-1:0] constant;
    logic signed [WideIn-1:0] value_wide;
    logic signed [WideConst-1:0] constant_wide;
    // verilator lint_off UNUSEDSIGNAL
    logic signed [WideIn+WideConst-1:0] product_q;  // its high bits are copies of the sign where OutWidth is less
    // verilator lint_on UNUSEDSIGNAL
    logic [OutWidth-1:0] result_q;
    assign value = value_q[p*InWidth+:InWidth];
    assign constant = constant_q[p*ConstWidth+:ConstWidth];
    assign value_wide = InSigned ? WideIn'($signed(value)) : WideIn'(value);
    assign constant_wide = ConstSigned ? WideConst'($signed(constant)) : WideConst'(constant);
    always_ff @(posedge clk_i)
      if (ready_o) begin
        product_q <= value_wide * constant_wide;
        result_q <= OutWidth'(product_q);
      end
    assign data_o[p*OutWidth+:OutWidth] = result_q;
  end
endmodule
