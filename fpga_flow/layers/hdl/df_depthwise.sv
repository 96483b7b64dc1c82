// SPDX-License-Identifier: BSD-3-Clause
/// Depthwise convolution of the windows that FINN's depthwise sliding-window generator sends.
///
/// A word holds `SIMD` positions of `PE` channels; the `Kernel / SIMD` words of a channel group's window follow each
/// other, then come those of the next group, then the next window. `Channels / PE` words of results per window. One
/// word per cycle.
module df_depthwise #(
  parameter int unsigned Channels,           /// A multiple of PE.
  parameter int unsigned Kernel,             /// Positions of a window; a multiple of SIMD.
  parameter int unsigned SIMD = 1,           /// Positions per cycle.
  parameter int unsigned PE,                 /// Channels per cycle.
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
  parameter string       InitFile = "",      /// Weights, a line per cycle of a window: [PE][SIMD], hexadecimal.
  parameter logic [Channels*Kernel*WeightWidth-1:0] Init = '0  /// The same, first cycle in the low bits.
) (
  input  logic                        clk_i,    /// Rising edge.
  input  logic                        rst_ni,   /// Synchronous, active low.
  input  logic [SIMD*PE*ActWidth-1:0] data_i,   /// [SIMD][PE] activations.
  input  logic                        valid_i,
  output logic                        ready_o,
  output logic [PE*OutWidth-1:0]      data_o,   /// Stable while `valid_o && !ready_i`.
  output logic                        valid_o,
  input  logic                        ready_i
);
  if (PE < 1 || Channels < 1 || Channels % PE != 0)
    $error("df_depthwise: Channels must be a multiple of PE, not %0d and %0d", Channels, PE);
  if (SIMD < 1 || Kernel < 1 || Kernel % SIMD != 0)
    $error("df_depthwise: Kernel must be a multiple of SIMD, not %0d and %0d", Kernel, SIMD);
  if (RamStyle != "auto" && RamStyle != "block" && RamStyle != "distributed")
    $error("df_depthwise: RamStyle must be auto, block or distributed, not %s", RamStyle);

  localparam int unsigned Words = Channels / PE * (Kernel / SIMD);
  localparam int unsigned AddressWidth = Words > 1 ? $clog2(Words) : 1;
  localparam int unsigned ActBits = PE * SIMD * ActWidth;
  localparam int unsigned WeightBits = PE * SIMD * WeightWidth;

  (* ram_style = RamStyle *) logic [WeightBits-1:0] weights[Words];
  if (InitFile != "") begin : gen_file
    initial begin
`ifndef SYNTHESIS  // which stops at a missing file by itself
      int file;
      file = $fopen(InitFile, "r");
      if (file == 0) $fatal(1, "df_depthwise: cannot read %s in the folder of the simulation", InitFile);
      $fclose(file);
`endif
      $readmemh(InitFile, weights);
    end
  end else begin : gen_parameter
    initial for (int unsigned i = 0; i < Words; i++) weights[i] = Init[i*WeightBits+:WeightBits];
  end

  logic operands_valid_q, operands_ready;
  logic [AddressWidth-1:0] address_q;
  logic [WeightBits-1:0] weight_q;
  logic [ActBits-1:0] act, act_q;
  for (genvar p = 0; p < PE; p++) begin : gen_channel
    for (genvar s = 0; s < SIMD; s++) begin : gen_position
      assign act[(p*SIMD+s)*ActWidth+:ActWidth] = data_i[(s*PE+p)*ActWidth+:ActWidth];
    end
  end

  assign ready_o = !operands_valid_q || operands_ready;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      operands_valid_q <= 1'b0;
      address_q <= '0;
    end else if (ready_o) begin
      operands_valid_q <= valid_i;
      if (valid_i) address_q <= address_q == AddressWidth'(Words - 1) ? '0 : address_q + 1'b1;
    end
    if (ready_o && valid_i) begin
      act_q <= act;
      weight_q <= weights[address_q];
    end
  end

  df_dot #(
    .PE(PE), .Lanes(SIMD), .Fold(Kernel / SIMD), .Shared(0), .ActWidth(ActWidth), .ActSigned(ActSigned),
    .ActBipolar(ActBipolar), .WeightWidth(WeightWidth), .WeightSigned(WeightSigned), .WeightBipolar(WeightBipolar),
    .Popcount(Popcount), .InLuts(InLuts), .OutWidth(OutWidth)
  ) dot (
    .clk_i, .rst_ni,
    .data_i({weight_q, act_q}), .valid_i(operands_valid_q), .ready_o(operands_ready),
    .data_o, .valid_o, .ready_i
  );
endmodule
