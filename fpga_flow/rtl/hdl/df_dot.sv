// SPDX-License-Identifier: BSD-3-Clause
/// `PE` sums of `Lanes * Fold` products of activations and weights, `Lanes` products a cycle each.
///
/// Multiplication is as cheap as the operands allow: XNOR for two bipolar ones, whose products are only counted, a
/// choice of sign for one, AND for a single bit, else what synthesis makes of `*`. Products are added in fours, these
/// sums in eights, with a register behind each; the last ones are accumulated. One word per cycle. All of it stands
/// still only while a sum is complete and the one before it has not been taken.
module df_dot #(
  parameter int unsigned PE,                 /// Sums at a time. Must be at least 1.
  parameter int unsigned Lanes,              /// Products per cycle of each sum. Must be at least 1.
  parameter int unsigned Fold          = 1,  /// Words per sum. Must be at least 1.
  parameter bit          Shared        = 1,  /// All sums have the same activations.
  parameter int unsigned ActWidth,           /// Bits of an activation.
  parameter bit          ActSigned     = 0,
  parameter bit          ActBipolar    = 0,  /// One bit: 0 is -1, 1 is 1.
  parameter int unsigned WeightWidth,        /// Bits of a weight.
  parameter bit          WeightSigned  = 1,
  parameter bit          WeightBipolar = 0,  /// One bit: 0 is -1, 1 is 1.
  parameter bit          Popcount      = 0,  /// With both bipolar, count the products that are 1 instead of adding.
  parameter int unsigned OutWidth,           /// Bits of a sum; must hold it (higher bits are cut off).
  localparam int unsigned ActBits = (Shared ? 1 : PE) * Lanes * ActWidth,
  localparam int unsigned WeightBits = PE * Lanes * WeightWidth
) (
  input  logic                   clk_i,    /// Rising edge.
  input  logic                   rst_ni,   /// Synchronous, active low.
  input  logic [WeightBits+ActBits-1:0] data_i,  /// [PE][Lanes] weights above [PE or 1][Lanes] activations.
  input  logic                   valid_i,
  output logic                   ready_o,
  output logic [PE*OutWidth-1:0] data_o,   /// Stable while `valid_o && !ready_i`.
  output logic                   valid_o,
  input  logic                   ready_i
);
  if (PE < 1 || Lanes < 1 || Fold < 1)
    $error("df_dot: PE, Lanes and Fold must be at least 1, not %0d, %0d and %0d", PE, Lanes, Fold);
  if (ActWidth < 1 || WeightWidth < 1 || OutWidth < 1)
    $error("df_dot: widths must be at least 1, not %0d, %0d and %0d", ActWidth, WeightWidth, OutWidth);
  if ((ActBipolar && ActWidth != 1) || (WeightBipolar && WeightWidth != 1))
    $error("df_dot: bipolar operands must have 1 bit, not %0d and %0d", ActWidth, WeightWidth);

  localparam bit Counts = ActBipolar && WeightBipolar;
  if (Popcount && !Counts) $error("df_dot: Popcount needs bipolar activations and weights");
  // Counts become sums of -1 and 1 by a shift and a start below 0: 2 * (count - ceil(n/2)) + n%2.
  localparam int unsigned Terms = Lanes * Fold;
  localparam bit Doubles = Counts && !Popcount;
  if (Doubles && OutWidth < 2) $error("df_dot: OutWidth must be at least 2 for sums of bipolar products, not 1");
  localparam int unsigned SumWidth = OutWidth - 32'(Doubles);
  localparam logic [SumWidth-1:0] Start = Doubles ? SumWidth'(-((Terms + 1) / 2)) : '0;

  //- A product -----------------------------------------------------------------
  localparam bit Signed = !Counts && (ActSigned || ActBipolar || WeightSigned || WeightBipolar);
  localparam int unsigned WideAct = ActWidth + 32'(!ActSigned);  // both signed, for the multiplier
  localparam int unsigned WideWeight = WeightWidth + 32'(!WeightSigned);
  localparam int unsigned ProductWidth = Counts ? 1
      : ActBipolar ? WideWeight + 32'(WeightSigned)
      : WeightBipolar ? WideAct + 32'(ActSigned)
      : ActWidth == 1 && !ActSigned ? WeightWidth
      : WeightWidth == 1 && !WeightSigned ? ActWidth
      : ActWidth + WeightWidth;
  typedef logic [ProductWidth-1:0] product_t;

  function automatic product_t product(input logic [ActWidth-1:0] a, input logic [WeightWidth-1:0] w);
    logic signed [WideAct-1:0] wide_a;
    logic signed [WideWeight-1:0] wide_w;
    wide_a = ActSigned ? WideAct'($signed(a)) : WideAct'(a);
    wide_w = WeightSigned ? WideWeight'($signed(w)) : WideWeight'(w);
    if (Counts) return product_t'(a[0] == w[0]);
    if (ActBipolar) return a[0] ? product_t'(wide_w) : -product_t'(wide_w);
    if (WeightBipolar) return w[0] ? product_t'(wide_a) : -product_t'(wide_a);
    if (ActWidth == 1 && !ActSigned) return a[0] ? product_t'(w) : '0;
    if (WeightWidth == 1 && !WeightSigned) return w[0] ? product_t'(a) : '0;
    return product_t'(wide_a * wide_w);
  endfunction

  //- Stages ------------------------------------------------------------------
  localparam int unsigned First = 4;  // products added in the first stage
  localparam int unsigned Later = 8;  // sums added in each of the others

  /// Returns how many sums stage `stage` leaves.
  function automatic int unsigned nodes(input int unsigned stage);
    int unsigned left;
    left = (Lanes + First - 1) / First;
    for (int unsigned i = 0; i < stage; i++) left = (left + Later - 1) / Later;
    return left;
  endfunction

  /// Returns the bits of a sum of stage `stage`.
  function automatic int unsigned bits(input int unsigned stage);
    int unsigned leaves, needed;
    leaves = First * Later ** stage;
    if (leaves > Lanes) leaves = Lanes;
    needed = Counts ? $clog2(leaves + 1) : ProductWidth + $clog2(leaves);
    return needed < SumWidth ? needed : SumWidth;
  endfunction

  function automatic int unsigned stages();
    int unsigned count;
    count = 1;
    while (nodes(count - 1) > 1) count++;
    return count;
  endfunction
  localparam int unsigned Stages = stages();

  logic [Stages-1:0] valid_q;
  logic enable, last, out_valid_q;
  assign enable = !(valid_q[Stages-1] && last && out_valid_q && !ready_i);
  assign ready_o = enable;
  assign valid_o = out_valid_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      out_valid_q <= 1'b0;
    end else begin
      if (enable) valid_q <= Stages'({valid_q, valid_i});
      if (valid_q[Stages-1] && last) out_valid_q <= 1'b1;
      else if (ready_i) out_valid_q <= 1'b0;
    end
  end

  // verilator lint_off UNUSEDSIGNAL
  logic first;
  // verilator lint_on UNUSEDSIGNAL
  if (Fold > 1) begin : gen_count
    localparam int unsigned CountWidth = $clog2(Fold);
    logic [CountWidth-1:0] count_q;
    assign first = count_q == '0;
    assign last = count_q == CountWidth'(Fold - 1);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) count_q <= '0;
      else if (enable && valid_q[Stages-1]) count_q <= last ? '0 : count_q + 1'b1;
    end
  end else begin : gen_single
    assign first = 1'b1;
    assign last = 1'b1;
  end

  for (genvar p = 0; p < PE; p++) begin : gen_row
    logic [Lanes*ActWidth-1:0] act;
    logic [Lanes*WeightWidth-1:0] weight;
    assign act = data_i[(Shared ? 0 : p)*Lanes*ActWidth+:Lanes*ActWidth];
    assign weight = data_i[ActBits+p*Lanes*WeightWidth+:Lanes*WeightWidth];

    for (genvar s = 0; s < Stages; s++) begin : gen_stage
      for (genvar n = 0; n < nodes(s); n++) begin : gen_node
        logic [bits(s)-1:0] sum_q;
        if (s == 0) begin : gen_products
          localparam int unsigned Count = First * n + First < Lanes ? First : Lanes - First * n;
          logic [bits(s)-1:0] value[First];
          for (genvar i = 0; i < First; i++) begin : gen_product
            if (i >= Count) begin : gen_none
              assign value[i] = '0;
            end else if (Signed) begin : gen_signed
              assign value[i] = bits(s)'($signed(product(act[(First*n+i)*ActWidth+:ActWidth],
                                                         weight[(First*n+i)*WeightWidth+:WeightWidth])));
            end else begin : gen_unsigned
              assign value[i] = bits(s)'(product(act[(First*n+i)*ActWidth+:ActWidth],
                                                 weight[(First*n+i)*WeightWidth+:WeightWidth]));
            end
          end
          always_ff @(posedge clk_i)
            if (enable && valid_i) sum_q <= (value[0] + value[1]) + (value[2] + value[3]);
        end else begin : gen_sums
          localparam int unsigned Count = Later * n + Later < nodes(s-1) ? Later : nodes(s-1) - Later * n;
          logic [bits(s)-1:0] value[Later];
          for (genvar i = 0; i < Later; i++) begin : gen_value
            if (i >= Count) begin : gen_none
              assign value[i] = '0;
            end else if (Signed) begin : gen_signed
              assign value[i] = bits(s)'($signed(gen_stage[s-1].gen_node[Later*n+i].sum_q));
            end else begin : gen_unsigned
              assign value[i] = bits(s)'(gen_stage[s-1].gen_node[Later*n+i].sum_q);
            end
          end
          always_ff @(posedge clk_i)
            if (enable && valid_q[s-1])
              sum_q <= ((value[0] + value[1]) + (value[2] + value[3])) + ((value[4] + value[5]) + (value[6] + value[7]));
        end
      end
    end

    logic [SumWidth-1:0] sum, state, result_q;
    if (Signed) begin : gen_signed
      assign sum = SumWidth'($signed(gen_stage[Stages-1].gen_node[0].sum_q));
    end else begin : gen_unsigned
      assign sum = SumWidth'(gen_stage[Stages-1].gen_node[0].sum_q);
    end
    if (Fold > 1) begin : gen_state
      logic [SumWidth-1:0] state_q;
      assign state = first ? Start : state_q;
      always_ff @(posedge clk_i) if (valid_q[Stages-1] && enable) state_q <= state + sum;
    end else begin : gen_stateless
      assign state = Start;
    end
    always_ff @(posedge clk_i) if (valid_q[Stages-1] && last && enable) result_q <= state + sum;

    if (Doubles) begin : gen_doubled
      assign data_o[p*OutWidth+:OutWidth] = {result_q, 1'(Terms)};
    end else begin : gen_plain
      assign data_o[p*OutWidth+:OutWidth] = result_q;
    end
  end
endmodule
