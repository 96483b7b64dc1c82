// SPDX-License-Identifier: BSD-3-Clause
// Technology map: a read-only memory of one bit (xilinx_rom.txt) becomes LUTs with a multiplexer of the slice between
// them.
module \$__XILINX_ROM_ (PORT_R_ADDR, PORT_R_RD_DATA);
  parameter INIT = 64'd0;
  parameter OPTION_ABITS = 6;
  parameter WIDTH = 1;
  input [OPTION_ABITS-1:0] PORT_R_ADDR;
  output PORT_R_RD_DATA;

  localparam LUTS = 1 << (OPTION_ABITS - 6);
  wire [LUTS-1:0] found;
  genvar i;
  generate
    for (i = 0; i < LUTS; i = i + 1) begin : gen_lut
      localparam [63:0] WORDS = INIT[64*i +: 64];
      if (WORDS == 64'd0 || WORDS == ~64'd0)
        assign found[i] = WORDS[0];
      else
        LUT6 #(.INIT(WORDS)) words (
          .I0(PORT_R_ADDR[0]), .I1(PORT_R_ADDR[1]), .I2(PORT_R_ADDR[2]),
          .I3(PORT_R_ADDR[3]), .I4(PORT_R_ADDR[4]), .I5(PORT_R_ADDR[5]), .O(found[i])
        );
    end
    if (LUTS == 1)
      assign PORT_R_RD_DATA = found[0];
    else if (LUTS == 2)
      MUXF7 pair (.I0(found[0]), .I1(found[1]), .S(PORT_R_ADDR[6]), .O(PORT_R_RD_DATA));
    else begin : gen_four
      wire low, high;
      MUXF7 first (.I0(found[0]), .I1(found[1]), .S(PORT_R_ADDR[6]), .O(low));
      MUXF7 second (.I0(found[2]), .I1(found[3]), .S(PORT_R_ADDR[6]), .O(high));
      MUXF8 both (.I0(low), .I1(high), .S(PORT_R_ADDR[7]), .O(PORT_R_RD_DATA));
    end
  endgenerate
endmodule
