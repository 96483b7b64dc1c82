// SPDX-License-Identifier: BSD-3-Clause
/// Adds (or subtracts) two numbers that come digit by digit, the least significant one first, and keeps the carry.
///
/// In parts of AMD a LUT has two outputs of the same five inputs: two bits of a sum take two LUTs and one level.
/// Yosys does not find that by itself, so for synthesis the LUTs are instantiated.
module df_digit_adder #(
  parameter int unsigned Width,        /// Bits of a digit. Must be at least 1.
  parameter bit          Subtract = 0, /// `a_i - b_i`.
  parameter bit          Packed   = 1  /// The part has `LUT6_2`.
) (
  input  logic             clk_i,      /// Rising edge.
  input  logic             enable_i,   /// Else the carry stays.
  input  logic             more_i,     /// The next digit belongs to the same numbers; else they begin anew.
  input  logic             mask_i,     /// `b_i` counts; else it is taken as 0.
  input  logic [Width-1:0] a_i,
  input  logic [Width-1:0] b_i,
  output logic [Width-1:0] sum_o       /// In the same cycle.
);
  if (Width < 1) $error("df_digit_adder: Width must be at least 1, not %0d", Width);

`ifdef SYNTHESIS
  localparam bit Simulation = 1'b0;
`else
  localparam bit Simulation = 1'b1;
`endif
  localparam bit Luts = !Simulation && Packed && Width <= 4;  // beyond that a carry chain is faster
  logic carry_q, carry;
  always_ff @(posedge clk_i) if (enable_i) carry_q <= more_i ? carry : Subtract;

  if (!Luts) begin : gen_plus
    logic [Width-1:0] b;
    assign b = b_i & {Width{mask_i}} ^ {Width{Subtract}};
    assign {carry, sum_o} = (Width + 1)'(a_i) + (Width + 1)'(b) + (Width + 1)'(carry_q);
  end else begin : gen_luts
    for (genvar i = 0; i < Width; i += 2) begin : gen_bits
      logic in, out;
      if (i == 0) begin : gen_first
        assign in = carry_q;
      end else begin : gen_next
        assign in = gen_bits[i-2].out;
      end
      if (i + 1 < Width) begin : gen_two
        // a0, b0, a1, b1, carry: the second bit of the sum and the carry out of both; the first bit is a LUT of its own.
        logic [1:0] b;
        // verilator lint_off UNUSEDSIGNAL
        logic unused;
        // verilator lint_on UNUSEDSIGNAL
        assign b = b_i[i+:2] & {2{mask_i}};
        LUT6_2 #(.INIT(one(Subtract))) first (
          .O6(sum_o[i]), .O5(unused), .I0(a_i[i]), .I1(b_i[i]), .I2(mask_i), .I3(in), .I4(1'b0), .I5(1'b1)
        );
        LUT6_2 #(.INIT(two(Subtract))) lut (
          .O6(sum_o[i+1]), .O5(out), .I0(a_i[i]), .I1(b[0]), .I2(a_i[i+1]), .I3(b[1]), .I4(in), .I5(1'b1)
        );
      end else begin : gen_one
        LUT6_2 #(.INIT(one(Subtract))) lut (
          .O6(sum_o[i]), .O5(out), .I0(a_i[i]), .I1(b_i[i]), .I2(mask_i), .I3(in), .I4(1'b0), .I5(1'b1)
        );
      end
    end
    assign carry = gen_bits[(Width-1)/2*2].out;
  end

  /// Returns the contents of the LUT of two bits: the carry below, the second bit of the sum above.
  function automatic logic [63:0] two(input bit minus);
    // verilator lint_off UNUSEDSIGNAL
    logic [2:0] total;
    // verilator lint_on UNUSEDSIGNAL
    logic [1:0] x, y;
    logic [63:0] content;
    content = '0;
    for (int unsigned i = 0; i < 32; i++) begin
      x = {i[2], i[0]};
      y = {i[3], i[1]} ^ {2{minus}};
      total = 3'(x) + 3'(y) + 3'(i[4]);
      content[i] = total[2];
      content[i+32] = total[1];
    end
    return content;
  endfunction

  /// Returns the contents of the LUT of one bit: the carry below, the sum above.
  function automatic logic [63:0] one(input bit minus);
    logic [1:0] total;
    logic [63:0] content;
    content = '0;
    for (int unsigned i = 0; i < 32; i++) begin
      total = 2'(i[0]) + 2'((i[1] && i[2]) ^ minus) + 2'(i[3]);
      content[i] = total[1];
      content[i+32] = total[0];
    end
    return content;
  endfunction
endmodule
