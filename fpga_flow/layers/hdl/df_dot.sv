// SPDX-License-Identifier: BSD-3-Clause
/// `PE` sums of `Lanes * Fold` products of activations and weights, `Lanes` products a cycle each.
///
/// How products are made depends on the operands, so that each way adds as few bits as possible:
/// - both bipolar: a product is XNOR, and the ones are counted;
/// - only activations bipolar: weights are inverted where the activation is -1, and the number of these is added,
///   which is the same for all rows;
/// - only weights bipolar: activations with weight 1 are added twice, and the sum of all of them is taken away, which
///   is the same for all rows;
/// - one operand of one or two bits, or any with `InLuts`: each bit of the narrower operand selects values of the other one;
///   there is a sum for each bit, which are added in the end, shifted;
/// - else what synthesis makes of `*`.
/// A few terms are added at a time, with a register behind; the last sums are accumulated. One word per cycle. All of
/// it stands still only while a sum is complete and the one before it has not been taken.
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
  parameter bit          InLuts        = 0,  /// No `*`: synthesis shall use no DSP.
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

  //- How products are made -----------------------------------------------------
  localparam bit Counts = ActBipolar && WeightBipolar;
  localparam bit Flips = ActBipolar && !WeightBipolar;
  localparam bit Doubles = WeightBipolar && !ActBipolar;
  localparam bit Selects = !ActBipolar && !WeightBipolar && (ActWidth <= 2 || WeightWidth <= 2 || InLuts);
  localparam bit ByWeight = WeightWidth <= ActWidth;  // the weight's bits select
  localparam int unsigned Planes = !Selects ? 1 : ByWeight ? WeightWidth : ActWidth;
  localparam bit LastNegative = ByWeight ? WeightSigned : ActSigned;  // the highest bit selects what is taken away
  if (Popcount && !Counts) $error("df_dot: Popcount needs bipolar activations and weights");

  // Terms of the sums: of the products', and of those that are the same for all rows.
  localparam int unsigned TermWidth = Counts ? 1
      : Flips ? WeightWidth + 32'(!WeightSigned)
      : Doubles ? ActWidth
      : Selects ? (ByWeight ? ActWidth : WeightWidth)
      : ActWidth + WeightWidth;
  localparam bit TermSigned = Counts ? 1'b0 : Flips ? 1'b1 : Doubles ? ActSigned
      : Selects ? (ByWeight ? ActSigned : WeightSigned) : ActSigned || WeightSigned;
  localparam bit Corrected = Flips || Doubles;
  localparam int unsigned FixWidth = Flips ? 1 : ActWidth;
  localparam bit FixSigned = Doubles && ActSigned;

  // Counts become sums of -1 and 1 by a shift and a start below 0: 2 * (count - ceil(n/2)) + n%2.
  localparam int unsigned Terms = Lanes * Fold;
  localparam bit Shifts = Counts && !Popcount;
  if (Shifts && OutWidth < 2) $error("df_dot: OutWidth must be at least 2 for sums of bipolar products, not 1");
  localparam int unsigned SumWidth = OutWidth > 1 ? OutWidth - 32'(Shifts) : 1;
  typedef logic [SumWidth-1:0] sum_t;
  localparam sum_t Start = Shifts ? sum_t'(-((Terms + 1) / 2)) : '0;

  //- Stages ------------------------------------------------------------------
  // Terms and then sums are added in groups of 4, 8, 8 ..., ones of bits in groups of 8, 4, 8 ...: 4, 32, 256 ... lanes
  // take a stage more.
  localparam int unsigned First = 4;
  localparam int unsigned FirstOnes = 8;
  localparam int unsigned Later = 8;

  /// Returns how many sums stage `stage` leaves, of terms or of ones.
  function automatic int unsigned nodes(input int unsigned stage, input bit ones);
    int unsigned left;
    left = (Lanes + (ones ? FirstOnes : First) - 1) / (ones ? FirstOnes : First);
    for (int unsigned i = 0; i < stage && left > 1; i++)
      left = ones && i == 0 ? (left + First - 1) / First : (left + Later - 1) / Later;
    return left;
  endfunction

  /// Returns the bits of a sum of stage `stage` of terms of `width` bits, or of ones.
  function automatic int unsigned bits(input int unsigned stage, input int unsigned width, input bit ones);
    int unsigned terms, needed;
    terms = ones && stage == 0 ? FirstOnes : First * Later ** stage;
    if (terms > Lanes) terms = Lanes;
    needed = ones ? $clog2(terms + 1) : width + $clog2(terms);
    return needed < SumWidth ? needed : SumWidth;
  endfunction

  function automatic int unsigned stages();
    int unsigned count;
    count = 1;
    while (nodes(count - 1, 0) > 1) count++;
    return count;
  endfunction
  localparam int unsigned TreeStages = stages();
  localparam bit PlanesStage = InLuts && ActWidth > 2;  // for there may be more than two planes then
  localparam int unsigned Stages = TreeStages + 32'(PlanesStage);

  logic [Stages-1:0] valid_q;
  logic [Stages-1:0] step;  // of each stage; the next one is the accumulator
  logic enable, last, take, out_valid_q;
  assign enable = !(valid_q[Stages-1] && last && out_valid_q && !ready_i);
  assign step = {Stages{enable}} & Stages'({valid_q, valid_i});
  assign take = enable && valid_q[Stages-1];
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
      else if (take) count_q <= last ? '0 : count_q + 1'b1;
    end
  end else begin : gen_single
    assign first = 1'b1;
    assign last = 1'b1;
  end

  //- Activations -----------------------------------------------------------------
  // Simulators compute fastest with 32 bits; synthesis leaves out what is not used.
  localparam int unsigned Wide = TermWidth > 32 ? TermWidth : 32;
  localparam int unsigned Sets = Shared ? 1 : PE;
  for (genvar c = 0; c < Sets; c++) begin : gen_set
    for (genvar i = 0; i < Lanes; i++) begin : gen_lane
      // verilator lint_off UNUSEDSIGNAL
      logic [ActWidth-1:0] act;
      logic signed [Wide-1:0] wide;
      // verilator lint_on UNUSEDSIGNAL
      assign act = data_i[(c*Lanes+i)*ActWidth+:ActWidth];
      assign wide = ActSigned ? Wide'($signed(act)) : Wide'(act);
    end
  end

  //- Sums of terms -------------------------------------------------------------
  // A tree per row and plane, and one per set of activations for what is the same in all rows.
  localparam int unsigned Trees = PE * Planes;
  for (genvar t = 0; t < Trees + (Corrected ? Sets : 0); t++) begin : gen_tree
    localparam bit Fix = t >= Trees;
    localparam int unsigned Row = Fix ? 0 : t / Planes;
    localparam int unsigned Set = Shared ? 0 : Fix ? t - Trees : Row;
    localparam int unsigned Plane = t % Planes;
    localparam int unsigned Width = Fix ? FixWidth : TermWidth;
    localparam bit Signed = Fix ? FixSigned : TermSigned;
    localparam bit Counted = Fix ? Flips : Counts;
    // verilator lint_off UNUSEDSIGNAL
    logic [Lanes*ActWidth-1:0] act;
    logic [Lanes*WeightWidth-1:0] weight;
    // verilator lint_on UNUSEDSIGNAL
    assign act = data_i[Set*Lanes*ActWidth+:Lanes*ActWidth];
    assign weight = data_i[ActBits+Row*Lanes*WeightWidth+:Lanes*WeightWidth];

    for (genvar s = 0; s < TreeStages; s++) begin : gen_stage
      localparam int unsigned Bits = bits(s, Width, Counted);
      localparam int unsigned Group = s == 0 ? (Counted ? FirstOnes : First) : s == 1 && Counted ? First : Later;
      localparam int unsigned Below = s == 0 ? Lanes : nodes(s - 1, Counted);
      for (genvar n = 0; n < nodes(s, Counted); n++) begin : gen_node
        localparam int unsigned Count = Group * n + Group < Below ? Group : Below - Group * n;
        logic [Bits-1:0] sum_q;
        if (s == 0 && Counted) begin : gen_count
          logic [Count-1:0] ones;
          if (Fix) begin : gen_fix
            assign ones = ~act[Group*n+:Count];
          end else begin : gen_equal
            assign ones = ~(act[Group*n+:Count] ^ weight[Group*n+:Count]);
          end
          always_ff @(posedge clk_i) if (step[0]) sum_q <= Bits'($countones(ones));
        end else begin : gen_add
          localparam int unsigned ValueWidth = Bits > 32 ? Bits : 32;
          // verilator lint_off UNUSEDSIGNAL
          logic [ValueWidth-1:0] value[8], total;
          // verilator lint_on UNUSEDSIGNAL
          for (genvar i = 0; i < 8; i++) begin : gen_value
            if (i >= Count) begin : gen_none
              assign value[i] = '0;
            end else begin : gen_some
              logic [(s == 0 ? Width : bits(s - 1, Width, Counted))-1:0] term;
              if (s > 0) begin : gen_sum
                assign term = gen_stage[s-1].gen_node[Group*n+i].sum_q;
              end else begin : gen_term
                localparam int unsigned Lane = Group * n + i;
                // verilator lint_off UNUSEDSIGNAL
                logic [WeightWidth-1:0] w;
                // verilator lint_on UNUSEDSIGNAL
                assign w = weight[Lane*WeightWidth+:WeightWidth];
                if (Fix) begin : gen_fix
                  assign term = gen_set[Set].gen_lane[Lane].act;
                end else if (Flips) begin : gen_flip
                  assign term = {Width{!gen_set[Set].gen_lane[Lane].act[0]}} ^
                                (WeightSigned ? Width'($signed(w)) : Width'(w));
                end else if (Doubles) begin : gen_double
                  assign term = {Width{w[0]}} & gen_set[Set].gen_lane[Lane].act;
                end else if (Selects && ByWeight) begin : gen_by_weight
                  assign term = {Width{w[Plane]}} & gen_set[Set].gen_lane[Lane].act;
                end else if (Selects) begin : gen_by_act
                  assign term = {Width{gen_set[Set].gen_lane[Lane].act[Plane]}} & w;
                end else begin : gen_product
                  assign term = Width'(gen_set[Set].gen_lane[Lane].wide * (WeightSigned ? Wide'($signed(w)) : Wide'(w)));
                end
              end
              assign value[i] = Signed ? ValueWidth'($signed(term)) : ValueWidth'(term);
            end
          end
          assign total = ((value[0] + value[1]) + (value[2] + value[3])) + ((value[4] + value[5]) + (value[6] + value[7]));
          always_ff @(posedge clk_i) if (step[s]) sum_q <= Bits'(total);
        end
      end
    end

    sum_t sum;
    if (Signed) begin : gen_signed
      assign sum = sum_t'($signed(gen_stage[TreeStages-1].gen_node[0].sum_q));
    end else begin : gen_unsigned
      assign sum = sum_t'(gen_stage[TreeStages-1].gen_node[0].sum_q);
    end
  end

  //- Rows ----------------------------------------------------------------------
  for (genvar p = 0; p < PE; p++) begin : gen_row
    sum_t products, sum, state, result_q;
    if (Planes > 1) begin : gen_planes
      sum_t planes[Planes], total;
      for (genvar b = 0; b < Planes; b++) begin : gen_plane
        assign planes[b] = gen_tree[p*Planes+b].sum << b;
      end
      always_comb begin
        total = LastNegative ? -planes[Planes-1] : planes[Planes-1];
        for (int unsigned b = 0; b < Planes - 1; b++) total = total + planes[b];
      end
      assign products = total;
    end else if (Flips) begin : gen_flips
      assign products = gen_tree[p].sum + gen_tree[Trees+(Shared ? 0 : p)].sum;
    end else if (Doubles) begin : gen_doubles
      assign products = (gen_tree[p].sum << 1) - gen_tree[Trees+(Shared ? 0 : p)].sum;
    end else if (Selects && LastNegative) begin : gen_negative
      assign products = -gen_tree[p].sum;
    end else begin : gen_plain
      assign products = gen_tree[p].sum;
    end

    if (PlanesStage) begin : gen_stage
      sum_t products_q;
      always_ff @(posedge clk_i) if (step[Stages-1]) products_q <= products;
      assign sum = products_q;
    end else begin : gen_no_stage
      assign sum = products;
    end

    if (Fold > 1) begin : gen_state
      sum_t state_q;
      assign state = first ? Start : state_q;
      always_ff @(posedge clk_i) if (take) state_q <= state + sum;
    end else begin : gen_stateless
      assign state = Start;
    end
    always_ff @(posedge clk_i) if (take && last) result_q <= state + sum;

    if (Shifts) begin : gen_shifted
      assign data_o[p*OutWidth+:OutWidth] = {result_q, 1'(Terms)};
    end else begin : gen_as_it_is
      assign data_o[p*OutWidth+:OutWidth] = result_q;
    end
  end
endmodule
