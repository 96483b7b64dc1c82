// SPDX-License-Identifier: BSD-3-Clause
// Two functions of five inputs, or one of six: O6 is bit {I5..I0} of INIT, O5 is bit {0, I4..I0}.
module LUT6_2 #(parameter [63:0] INIT = 64'h0) (
  output O6, output O5, input I0, input I1, input I2, input I3, input I4, input I5
);
  assign O6 = INIT[{I5, I4, I3, I2, I1, I0}];
  assign O5 = INIT[{1'b0, I4, I3, I2, I1, I0}];
endmodule
