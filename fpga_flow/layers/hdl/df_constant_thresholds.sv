// SPDX-License-Identifier: BSD-3-Clause
/// Counts how many of its lane's constant thresholds each value reaches; all lanes at once, a word a cycle.
///
/// A binary search whose constants are in the LUTs that compare. What was found so far selects the threshold, so k
/// found bits and 5 - k bits of the value are the inputs of a LUT with two outputs, "greater" and "equal", which a carry
/// chain joins: 12 bits and 15 thresholds take 16 LUTs. All of it stands still only while a word is not taken.
module df_constant_thresholds #(
  parameter int unsigned Lanes,        /// Must be at least 1.
  parameter int unsigned Width,        /// Bits of a value. Must be at least 1.
  parameter bit          Signed = 0,
  parameter int unsigned Steps,        /// Thresholds of a lane. Must be 1 to 31.
  parameter int unsigned PerStage = 2, /// Comparisons between two registers.
  parameter bit          Packed = 1,   /// The part has `LUT6_2`.
  parameter int          Bias   = 0,   /// Added to the count.
  parameter int unsigned OutWidth = $clog2(Steps + 1), /// Bits of a result, counted with the bias; must hold it.
  /// [Lanes][Steps] ascending thresholds, less the least value that there is: 0 is always reached, 2**Width never.
  parameter logic [Lanes*Steps*(Width+1)-1:0] Thresholds = '0
) (
  input  logic                      clk_i,    /// Rising edge.
  input  logic                      rst_ni,   /// Synchronous, active low.
  input  logic [Lanes*Width-1:0]    data_i,
  input  logic                      valid_i,
  output logic                      ready_o,
  output logic [Lanes*OutWidth-1:0] data_o,   /// Stable while `valid_o && !ready_i`.
  output logic                      valid_o,
  input  logic                      ready_i
);
  if (Lanes < 1 || Width < 1 || PerStage < 1)
    $error("df_constant_thresholds: Lanes, Width, PerStage must be at least 1, not %0d, %0d, %0d", Lanes, Width, PerStage);
  if (OutWidth < 1) $error("df_constant_thresholds: OutWidth must be at least 1, not %0d", OutWidth);
  if (Steps < 1 || Steps > 31) $error("df_constant_thresholds: Steps must be 1 to 31, not %0d", Steps);

`ifdef SYNTHESIS
  localparam bit Simulation = 1'b0;
`else
  localparam bit Simulation = 1'b1;
`endif
  localparam bit Luts = !Simulation && Packed;
  localparam int unsigned Places = $clog2(Steps + 1);  // comparisons
  localparam int unsigned Stages = (Places + PerStage - 1) / PerStage;

  logic [Stages-1:0] valid_q;
  logic enable;
  assign enable = !valid_q[Stages-1] || ready_i;
  assign ready_o = enable;
  assign valid_o = valid_q[Stages-1];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= '0;
    else if (enable) valid_q <= Stages'({valid_q, valid_i});
  end

  /// Returns threshold `step` of `lane`; those that there are not are never reached.
  function automatic logic [Width:0] threshold(input int unsigned lane, input int unsigned step);
    return step < Steps ? Thresholds[(lane*Steps+step)*(Width+1)+:Width+1] : {1'b1, Width'(0)};
  endfunction

  /// Returns the threshold that comparison `place` of `lane` takes where the bits found before it are `found`.
  function automatic logic [Width:0] wanted(
    input int unsigned lane, input int unsigned place, input int unsigned found
  );
    return threshold(lane, (found << (Places - place)) + (1 << (Places - place - 1)) - 1);
  endfunction

  /// Returns the contents of a LUT: bits `low` and up, `count` of them; "greater" below, "equal" above.
  function automatic logic [63:0] content(
    input int unsigned lane, input int unsigned place, input int unsigned low, input int unsigned count
  );
    logic [63:0] found;
    logic [Width:0] limit;
    int unsigned bits, part;
    found = '0;
    for (int unsigned i = 0; i < 32; i++) begin
      limit = wanted(lane, place, (i >> count) % (1 << place));
      bits = i % (1 << count);
      part = 32'(limit >> low) % (1 << count);
      if (low + count == Width && limit[Width]) continue;  // never
      found[i] = bits > part;
      found[i+32] = bits == part;
    end
    return found;
  endfunction

  for (genvar l = 0; l < Lanes; l++) begin : gen_lane
    for (genvar s = 1; s < Steps; s++) begin : gen_check
      if (threshold(l, s) < threshold(l, s - 1)) $error("df_constant_thresholds: thresholds of lane %0d must ascend", l);
    end
    // What each comparison sees: the value, counted from the least one, and the bits found before it, highest first.
    for (genvar p = 0; p < Places; p++) begin : gen_place
      logic [Width-1:0] value;
      // verilator lint_off UNUSEDSIGNAL
      logic [Places-1:0] found, after;
      // verilator lint_on UNUSEDSIGNAL
      logic reached;
      if (p == 0) begin : gen_first
        assign value = data_i[l*Width+:Width] ^ (Width'(Signed) << (Width - 1));
        assign found = '0;
      end else if (p % PerStage == 0) begin : gen_register
        logic [Width-1:0] value_q;
        logic [p-1:0] found_q;
        always_ff @(posedge clk_i) if (enable) begin
          value_q <= gen_place[p-1].value;
          found_q <= p'(gen_place[p-1].after);
        end
        assign value = value_q;
        assign found = Places'(found_q);
      end else begin : gen_wire
        assign value = gen_place[p-1].value;
        assign found = gen_place[p-1].after;
      end
      assign after = Places'({found, reached});
      if (!Luts) begin : gen_table
        logic [Width:0] limit;
        always_comb begin
          limit = wanted(l, p, 0);
          for (int unsigned i = 1; i < 1 << p; i++) if (32'(found) == i) limit = wanted(l, p, i);
        end
        assign reached = {1'b0, value} >= limit;
      end else begin : gen_luts
        localparam int unsigned Each = 5 - p;
        localparam int unsigned Count = (Width + Each - 1) / Each;
        logic [Count-1:0] greater, equal;
        for (genvar c = 0; c < Count; c++) begin : gen_lut
          localparam int unsigned Bits = Width - c * Each < Each ? Width - c * Each : Each;
          logic [4:0] in;
          assign in = 5'(value[c*Each+:Bits]) | (5'(found) << Bits);
          LUT6_2 #(.INIT(content(l, p, c * Each, Bits))) lut (
            .O6(equal[c]), .O5(greater[c]), .I0(in[0]), .I1(in[1]), .I2(in[2]), .I3(in[3]), .I4(in[4]), .I5(1'b1)
          );
        end
        // A carry goes on where a part is equal, and begins where it is greater.
        logic [Count-1:0] unused;
        assign {reached, unused} = {1'b0, greater} + {1'b0, greater ^ equal} + (Count + 1)'(1);
      end
    end
    logic [OutWidth-1:0] count_q;
    always_ff @(posedge clk_i) if (enable) count_q <= OutWidth'(int'(gen_place[Places-1].after) + Bias);
    assign data_o[l*OutWidth+:OutWidth] = count_q;
  end
endmodule
