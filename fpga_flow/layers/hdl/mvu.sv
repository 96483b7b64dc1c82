// SPDX-License-Identifier: BSD-3-Clause
//
// This module follows FINN's mvu.sv (finn-rtllib/mvu/mvu.sv of finn-plus 1.6.1) closely: how many lanes a slice has,
// the pipeline, how the carries between lanes are found, and the attributes and connections of the DSP slices are that
// file's. Our own are the places of the lanes, the arithmetic on many slices' carries at once, the sum over the slices
// and the model for simulation. FINN's file has this notice:
//
// Copyright (C) 2024, Advanced Micro Devices, Inc.
// All rights reserved.
//
// Redistribution and use in source and binary forms, with or without
// modification, are permitted provided that the following conditions are met:
//
//  1. Redistributions of source code must retain the above copyright notice,
//     this list of conditions and the following disclaimer.
//
//  2. Redistributions in binary form must reproduce the above copyright
//     notice, this list of conditions and the following disclaimer in the
//     documentation and/or other materials provided with the distribution.
//
//  3. Neither the name of the copyright holder nor the names of its
//     contributors may be used to endorse or promote products derived from
//     this software without specific prior written permission.
//
// THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS"
// AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO,
// THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR
// PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR
// CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL,
// EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO,
// PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS;
// OR BUSINESS INTERRUPTION). HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY,
// WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR
// OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF
// ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.

/// Sums of products with the parameters, ports, latency and DSP slices of FINN's `mvu`: one sum for each of `PE` rows.
///
/// A DSP slice multiplies an activation with the weights of several rows at once, its lanes, and accumulates. Lanes
/// are as narrow as `WEIGHT_WIDTH + ACTIVATION_WIDTH - 1` bits, so a lane's sum carries over into the lane above it,
/// by -1, 0 or 1 in a cycle. The carry is found from the lane's two lowest bits: what they are, less what they were,
/// less those of the product, which a few LUTs work out apart. Counted over a row, the carries out of a lane are the
/// upper part of its sum, and those into it are taken off.
///
/// All lanes' two bits of up to `Group` slices stand in one vector each, at the distance the weights have, so that the
/// arithmetic on them is bitwise: the same LUTs, and a simulator does eight slices at a time. The sum over the slices
/// is taken only where a row ends.
///
/// Only the DSP slice itself has a model for simulation, register by register; with `DF_PRIMITIVES` defined a
/// simulation takes the vendor's (or Yosys') model of it.
module mvu #(
  parameter int unsigned VERSION = 1,             /// DSP slice: 1 DSP48E1 (7 series), 2 DSP48E2 (UltraScale).
  parameter int unsigned PE,                      /// Rows. Must be at least 1.
  parameter int unsigned SIMD,                    /// Products a cycle and row. Must be at least 1.
  parameter int unsigned WEIGHT_WIDTH,            /// Bits of a weight, signed. Must be at least 2.
  parameter int unsigned ACTIVATION_WIDTH,        /// Bits of an activation. Must be at least 2.
  parameter int unsigned ACCU_WIDTH,              /// Bits of a sum. Must be 2 to 48, and hold all sums.
  parameter bit          SIGNED_ACTIVATIONS = 0,  /// Activations are signed.
  parameter bit          NARROW_WEIGHTS     = 0,  /// No weight is -2**(WEIGHT_WIDTH-1): may save DSP slices.
  parameter bit          FORCE_BEHAVIORAL   = 0   /// The model in place of the DSP slice, in synthesis too.
) (
  input  logic                                          clk,   /// Rising edge.
  input  logic                                          rst,   /// Synchronous, active high.
  input  logic                                          en,    /// All registers move.
  input  logic                                          last,  /// The operands are the last of their rows.
  input  logic                                          zero,  /// There are no operands: nothing is added.
  input  logic [PE-1:0][SIMD-1:0][WEIGHT_WIDTH-1:0]     w,
  input  logic         [SIMD-1:0][ACTIVATION_WIDTH-1:0] a,
  output logic                                          vld,   /// `p` has the sums of the rows that ended.
  output logic [PE-1:0][ACCU_WIDTH-1:0]                 p
);
`ifdef SYNTHESIS
  localparam bit Simulation = 1'b0;
`elsif DF_PRIMITIVES
  localparam bit Simulation = 1'b0;
`else
  localparam bit Simulation = 1'b1;
`endif
  localparam bit Model = Simulation || FORCE_BEHAVIORAL;
  localparam int unsigned AWidth = VERSION == 1 ? 25 : 27;
  localparam int unsigned BWidth = 18;
  localparam int unsigned PWidth = 48;
  localparam int unsigned LaneMin = WEIGHT_WIDTH + ACTIVATION_WIDTH - 1;
  localparam int unsigned Reserved = WEIGHT_WIDTH + (NARROW_WEIGHTS ? 0 : 1);
  localparam int unsigned Span = AWidth > Reserved ? AWidth - Reserved : 0;  // where the highest of several lanes is
  localparam int unsigned Lanes = 1 + Span / LaneMin;
  localparam int unsigned Pipes = (PE + Lanes - 1) / Lanes;
  localparam int unsigned TreeStages = $clog2(SIMD) + (SIMD == 1 ? 1 : 0);
  localparam int unsigned CarryStages = TreeStages - 1;
  localparam int unsigned Latency = 4 + TreeStages;
  localparam int unsigned Group = 8;
  localparam int unsigned Most = SIMD < Group ? SIMD : Group;  // in a group
  localparam int unsigned CountWidth = 1 + $clog2(Most + 1);   // -Most to Most
  localparam int unsigned Groups = (SIMD + Group - 1) / Group;

  if (VERSION != 1 && VERSION != 2) $error("mvu: VERSION must be 1 or 2, not %0d", VERSION);
  if (PE < 1) $error("mvu: PE must be at least 1, not %0d", PE);
  if (SIMD < 1) $error("mvu: SIMD must be at least 1, not %0d", SIMD);
  if (WEIGHT_WIDTH < 2 || WEIGHT_WIDTH > AWidth)
    $error("mvu: WEIGHT_WIDTH must be 2 to %0d, not %0d", AWidth, WEIGHT_WIDTH);
  if (ACTIVATION_WIDTH < 2 || ACTIVATION_WIDTH + (SIGNED_ACTIVATIONS ? 0 : 1) > BWidth)
    $error("mvu: ACTIVATION_WIDTH must be 2 to %0d, not %0d", BWidth - (SIGNED_ACTIVATIONS ? 0 : 1), ACTIVATION_WIDTH);
  if (ACCU_WIDTH < 2 || ACCU_WIDTH > PWidth) $error("mvu: ACCU_WIDTH must be 2 to %0d, not %0d", PWidth, ACCU_WIDTH);

  /// Lowest bit of a lane, of `lanes` in a slice; above the highest lane: the end of the slice. Lanes stand as high and
  /// as close as they can: narrow lanes make small adders behind the slices.
  function automatic int unsigned place(int unsigned lanes, int unsigned lane);
    if (lane == lanes) return PWidth;
    return lanes == 1 ? 0 : Span - (lanes - 1 - lane) * LaneMin;
  endfunction

  /// Bits of the signed count of the carries out of a lane of `width` bits, over a row.
  ///
  /// With sums from -2**(ACCU_WIDTH-1) on, below which stand `SIMD` lanes (unsigned) and the carries from below.
  function automatic int unsigned carry_width(int unsigned width);
    longint base = longint'(SIMD) + (ACCU_WIDTH > width ? 64'sd1 <<< (ACCU_WIDTH - 1 - width) : 64'sd1);
    return 1 + $clog2(base + base / ((64'sd1 <<< width) - 1) + 1);
  endfunction

  /// The signs of a slice's weights that are taken off: all but one that stands highest, which has its weight there.
  function automatic logic [AWidth-1:0] sign_mask(int unsigned lanes);
    sign_mask = '0;
    for (int unsigned l = 0; l < lanes; l++) sign_mask[place(lanes, l)+WEIGHT_WIDTH-1] = 1'b1;
    sign_mask[AWidth-1] = 1'b0;
  endfunction

  // last_q[k]: the operands that are k registers deep are the last of their rows.
  logic [Latency:1] last_q;
  always_ff @(posedge clk) begin
    if (rst) last_q <= '0;
    else if (en) last_q <= {last_q[Latency-1:1], last};
  end
  assign vld = last_q[Latency];

  // The activations' two lowest bits, at the distance of the weights: bit 0 twice, for both bits of the product, and
  // bit 1 for the upper one.
  // verilator lint_off UNUSEDSIGNAL
  logic [SIMD*WEIGHT_WIDTH-1:0] even, odd;  // (not used without a second lane)
  // verilator lint_on UNUSEDSIGNAL
  for (genvar s = 0; s < SIMD; s++) begin : gen_spread
    assign even[s*WEIGHT_WIDTH+:WEIGHT_WIDTH] = WEIGHT_WIDTH'({2{a[s][0] && !zero}});
    assign odd[s*WEIGHT_WIDTH+:WEIGHT_WIDTH] = WEIGHT_WIDTH'({a[s][1] && !zero, 1'b0});
  end

  for (genvar s = 0; s < SIMD; s++) begin : gen_activation
    logic signed [BWidth-1:0] b;
    assign b = SIGNED_ACTIVATIONS ? BWidth'($signed(a[s])) : BWidth'(a[s]);
    if (Model) begin : gen_model
      logic signed [BWidth-1:0] b_q;  // one for all pipes; in hardware every slice has its own
      always_ff @(posedge clk) begin
        if (rst) b_q <= '0;
        else if (en) b_q <= zero ? '0 : b;
      end
    end
  end

  for (genvar c = 0; c < Pipes; c++) begin : gen_pipe
    localparam int unsigned First = c * Lanes;
    localparam int unsigned Count = PE - First < Lanes ? PE - First : Lanes;
    localparam int unsigned CarryWidth = carry_width(Count == 1 ? PWidth : LaneMin);
    localparam logic [AWidth-1:0] Signs = sign_mask(Count);

    // Stages 1 to 3: the slices.
    for (genvar s = 0; s < SIMD; s++) begin : gen_slice
      logic [PWidth-1:0] acc;
      logic [AWidth-1:0] weights;
      always_comb begin
        weights = '0;
        for (int unsigned l = 0; l < Count; l++) weights |= AWidth'(w[First+l][s]) << place(Count, l);
      end

      if (Model) begin : gen_model
        logic signed [AWidth-1:0] ad_q;
        longint m_q, p_q;  // wider than the slice's, of which they are the lower bits
        always_ff @(posedge clk) begin
          if (rst) begin
            ad_q <= '0;
            m_q <= '0;
            p_q <= '0;
          end else if (en) begin
            ad_q <= (weights & ~Signs) - (weights & Signs);
            m_q <= 64'(ad_q) * 64'(gen_activation[s].gen_model.b_q);
            p_q <= m_q + (last_q[3] ? 64'd0 : p_q);
          end
        end
        assign acc = p_q[PWidth-1:0];
      end else begin : gen_dsp
        // verilator lint_off PINMISSING
        logic [6:0] mode;  // of the cycle after this one: M, or M + P
        assign mode = {1'b0, !last_q[2], 1'b0, 4'b0101};
        if (VERSION == 1) begin : gen_e1
          DSP48E1 #(
            .USE_DPORT("TRUE"),
            .ACASCREG(0), .ADREG(1), .ALUMODEREG(0), .AREG(0), .BCASCREG(1), .BREG(1), .CARRYINREG(0),
            .CARRYINSELREG(0), .CREG(0), .DREG(0), .INMODEREG(0), .MREG(1), .OPMODEREG(1), .PREG(1)
          ) dsp (
            .CLK(clk), .OPMODE(mode), .ALUMODE(4'b0000), .INMODE(5'b01100), .CARRYINSEL(3'b000),
            .A({5'b0, weights & Signs}), .B(gen_activation[s].b), .D(weights & ~Signs), .P(acc),
            .CEA1(1'b0), .CEA2(1'b0), .CEB1(1'b0), .CEC(1'b0), .CED(1'b0), .CECARRYIN(1'b0), .CEALUMODE(1'b0),
            .CEINMODE(1'b0),
            .CEAD(en), .CEB2(en), .CEM(en), .CEP(en), .CECTRL(en),
            .RSTB((zero && en) || rst), .RSTD(rst), .RSTM(rst), .RSTP(rst),
            .RSTA(1'b0), .RSTC(1'b0), .RSTCTRL(1'b0), .RSTALLCARRYIN(1'b0), .RSTALUMODE(1'b0), .RSTINMODE(1'b0),
            .C(48'b0), .CARRYIN(1'b0), .ACIN(30'b0), .BCIN(18'b0), .PCIN(48'b0), .CARRYCASCIN(1'b0),
            .MULTSIGNIN(1'b0)
          );
        end else begin : gen_e2
          DSP48E2 #(
            .AMULTSEL("AD"), .BMULTSEL("B"), .PREADDINSEL("A"),
            .ACASCREG(0), .ADREG(1), .ALUMODEREG(0), .AREG(0), .BCASCREG(1), .BREG(1), .CARRYINREG(0),
            .CARRYINSELREG(0), .CREG(0), .DREG(0), .INMODEREG(0), .MREG(1), .OPMODEREG(1), .PREG(1)
          ) dsp (
            .CLK(clk), .OPMODE({2'b00, mode}), .ALUMODE(4'b0000), .INMODE(5'b01100), .CARRYINSEL(3'b000),
            .A({3'b0, weights & Signs}), .B(gen_activation[s].b), .D(weights & ~Signs), .P(acc),
            .CEA1(1'b0), .CEA2(1'b0), .CEB1(1'b0), .CEC(1'b0), .CED(1'b0), .CECARRYIN(1'b0), .CEALUMODE(1'b0),
            .CEINMODE(1'b0),
            .CEAD(en), .CEB2(en), .CEM(en), .CEP(en), .CECTRL(en),
            .RSTB((zero && en) || rst), .RSTD(rst), .RSTM(rst), .RSTP(rst),
            .RSTA(1'b0), .RSTC(1'b0), .RSTCTRL(1'b0), .RSTALLCARRYIN(1'b0), .RSTALUMODE(1'b0), .RSTINMODE(1'b0),
            .C(48'b0), .CARRYIN(1'b0), .ACIN(30'b0), .BCIN(18'b0), .PCIN(48'b0), .CARRYCASCIN(1'b0),
            .MULTSIGNIN(1'b0)
          );
        end
        // verilator lint_on PINMISSING
      end
    end

    // The carries into each lane, and out of the highest, counted over the row so far.
    for (genvar l = 0; l <= Count; l++) begin : gen_carry
      // verilator lint_off UNUSEDSIGNAL
      logic signed [CarryWidth-1:0] carry;  // (a lane as wide as its sum needs none)
      // verilator lint_on UNUSEDSIGNAL
      if (l == 0 || (l == Count && ACCU_WIDTH <= PWidth - place(Count, Count - 1))) begin : gen_none
        assign carry = '0;
      end else begin : gen_count
        logic [CountWidth-1:0] counts[Groups];
        for (genvar g = 0; g < Groups; g++) begin : gen_group
          localparam int unsigned Begin = g * Group;
          localparam int unsigned Size = SIMD - Begin < Group ? SIMD - Begin : Group;
          localparam int unsigned Width = Size * WEIGHT_WIDTH;
          localparam logic [Width-1:0] Low = {Size{WEIGHT_WIDTH'(1)}};
          logic [Width-1:0] found, found_q;  // of each slice two bits: -1, 0 or 1

          if (l < Count) begin : gen_between
            logic [Width-1:0] row, product, now, x1_q, x2_q, x3_q, held, x3_d;
            assign row = w[First+l][Begin+:Size];
            assign product = (row & even[Begin*WEIGHT_WIDTH+:Width]) ^ ((row << 1) & odd[Begin*WEIGHT_WIDTH+:Width]);
            for (genvar s = 0; s < Size; s++) begin : gen_now
              assign now[s*WEIGHT_WIDTH+:WEIGHT_WIDTH] = WEIGHT_WIDTH'(gen_slice[Begin+s].acc[place(Count, l)+:2]);
            end
            // Additions of two bits, none of which may carry into the next two.
            assign held = last_q[3] ? '0 : now;
            assign x3_d = x2_q ^ held ^ ((x2_q & held & Low) << 1);
            always_ff @(posedge clk) begin
              if (rst) begin
                x1_q <= '0;
                x2_q <= '0;
                x3_q <= '0;
              end else if (en) begin
                x1_q <= product;
                x2_q <= x1_q;
                x3_q <= x3_d;
              end
            end
            assign found = now ^ x3_q ^ ((~now & x3_q & Low) << 1);
          end else begin : gen_top
            // Here the sum is longer than the lane: a step across zero.
            logic [Size-1:0] negative_q;
            for (genvar s = 0; s < Size; s++) begin : gen_step
              logic up, down;
              always_ff @(posedge clk) begin
                if (rst) negative_q[s] <= 1'b0;
                else if (en) negative_q[s] <= gen_slice[Begin+s].acc[PWidth-1] && !last_q[3];
              end
              assign up = negative_q[s] && gen_slice[Begin+s].acc[PWidth-1-:2] == 2'b00;
              assign down = !negative_q[s] && gen_slice[Begin+s].acc[PWidth-1-:2] == 2'b11;
              assign found[s*WEIGHT_WIDTH+:WEIGHT_WIDTH] = WEIGHT_WIDTH'({down, up || down});
            end
          end

          if (CarryStages > 1) begin : gen_found
            always_ff @(posedge clk) begin
              if (rst) found_q <= '0;
              else if (en) found_q <= found;
            end
          end else begin : gen_direct
            assign found_q = found;
          end
          logic [CountWidth-1:0] count, count_q;
          assign count = CountWidth'($countones(found_q & Low)) - (CountWidth'($countones(found_q & (Low << 1))) << 1);
          if (CarryStages > 0) begin : gen_count
            always_ff @(posedge clk) begin
              if (rst) count_q <= '0;
              else if (en) count_q <= count;
            end
          end else begin : gen_counted
            assign count_q = count;
          end
          assign counts[g] = count_q;
        end

        localparam int unsigned SumWidth = mvu_pkg::sumwidth(Groups, CountWidth, -longint'(Most), longint'(Most));
        logic [SumWidth-1:0] total;
        add_multi #(
          .N(Groups),
          .DEPTH(CarryStages > 2 ? CarryStages - 2 : 0),
          .ARG_WIDTH(CountWidth),
          .ARG_LO(-int'(Most)),
          .ARG_HI(int'(Most))
        ) add_counts (
          .clk, .rst, .en,
          .arg(counts),
          .sum(total)
        );
        always_ff @(posedge clk) begin
          if (rst) carry <= '0;
          else if (en) carry <= (last_q[Latency-1] ? '0 : carry) + CarryWidth'($signed(total));
        end
      end
    end

    // The sum over the slices of each lane, where a row ends.
    for (genvar l = 0; l < Count; l++) begin : gen_lane
      localparam int unsigned Wide = place(Count, l + 1) - place(Count, l);
      localparam int unsigned LeafWidth = Wide < ACCU_WIDTH ? Wide : ACCU_WIDTH;
      for (genvar t = 0; t <= TreeStages; t++) begin : gen_level
        localparam int unsigned Nodes = (SIMD + 2 ** t - 1) / 2 ** t;
        localparam int unsigned Below = t == 0 ? 0 : (SIMD + 2 ** (t - 1) - 1) / 2 ** (t - 1);
        localparam int unsigned Width = LeafWidth + t < ACCU_WIDTH ? LeafWidth + t : ACCU_WIDTH;
        for (genvar i = 0; i < Nodes; i++) begin : gen_node
          logic [Width-1:0] sum;
          if (t == 0) begin : gen_leaf
            assign sum = gen_slice[i].acc[place(Count, l)+:LeafWidth];
          end else if (2 * i + 1 < Below) begin : gen_pair
            always_ff @(posedge clk) begin
              if (en && last_q[2+t])
                sum <= Width'(gen_level[t-1].gen_node[2*i].sum) + Width'(gen_level[t-1].gen_node[2*i+1].sum);
            end
          end else begin : gen_single
            always_ff @(posedge clk) begin
              if (en && last_q[2+t]) sum <= Width'(gen_level[t-1].gen_node[2*i].sum);
            end
          end
        end
      end

      logic [ACCU_WIDTH-1:0] upper, result_q;
      if (ACCU_WIDTH > Wide) begin : gen_upper
        assign upper = ACCU_WIDTH'(gen_carry[l+1].carry) << Wide;
      end else begin : gen_no_upper
        assign upper = '0;
      end
      always_ff @(posedge clk) begin
        if (en && last_q[Latency-1])
          result_q <= ACCU_WIDTH'(gen_level[TreeStages].gen_node[0].sum) + upper - ACCU_WIDTH'(gen_carry[l].carry);
      end
      assign p[First+l] = result_q;
    end
  end

`ifndef SYNTHESIS
  if (NARROW_WEIGHTS) begin : gen_check
    for (genvar r = 0; r < PE; r++) begin : gen_row
      for (genvar g = 0; g < Groups; g++) begin : gen_group
        localparam int unsigned Size = SIMD - g * Group < Group ? SIMD - g * Group : Group;
        localparam logic [Size*WEIGHT_WIDTH-1:0] Signs = {Size{WEIGHT_WIDTH'(1) << (WEIGHT_WIDTH - 1)}};
        logic [Size*WEIGHT_WIDTH-1:0] row, wrong;
        assign row = w[r][g*Group+:Size];
        assign wrong = row & Signs & ~((row & ~Signs) + ~Signs);  // a sign, and no other bit
        always_ff @(posedge clk) begin
          assert (rst || zero || !en || wrong == '0)
          else $error("mvu: the weights must be narrow, not %h (row %0d, from column %0d)", row, r, g * Group);
        end
      end
    end
  end
`endif
endmodule
