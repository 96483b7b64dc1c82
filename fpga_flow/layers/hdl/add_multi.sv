// SPDX-License-Identifier: BSD-3-Clause
//
// On which levels of the tree registers stand follows FINN's add_multi.sv (finn-rtllib/mvu/add_multi.sv of finn-plus
// 1.6.1), as do parameters and ports; the tree itself is our own.
// FINN's file is Copyright (C) 2025, Advanced Micro Devices, Inc., BSD-3-Clause; NOTICE has the conditions.

/// Pipelined sum of `N` integers with the ports of FINN's `add_multi`; latency `DEPTH` cycles, throughput 1.
///
/// A tree of two-input adders, each as wide as the sum below it can get. The registers are spread evenly over the
/// levels of the tree; those it has no levels for follow behind the root.
module add_multi
  import mvu_pkg::*;
#(
  parameter int unsigned N,               /// Number of integers. Must be at least 1.
  parameter int unsigned DEPTH,           /// Register stages. May be 0.
  parameter int unsigned ARG_WIDTH,       /// Bits of an integer. Must be at least 1.
  parameter int          ARG_LO     = 0,  /// Least value; below 0 the integers are signed.
  parameter int          ARG_HI     = 0,  /// Greatest value; with both 0 the width alone counts, unsigned.
  parameter bit          RESET_ZERO = 1,  /// The stages are 0 after a reset (else they keep their values).
  localparam int unsigned SUM_WIDTH = sumwidth(N, ARG_WIDTH, longint'(ARG_LO), longint'(ARG_HI))
) (
  // verilator lint_off UNUSEDSIGNAL
  input  logic                 clk,  /// Rising edge. (Not used without a stage, nor are the next two.)
  input  logic                 rst,  /// Synchronous, active high.
  input  logic                 en,   /// The stages move.
  // verilator lint_on UNUSEDSIGNAL
  input  logic [ARG_WIDTH-1:0] arg[N],
  output logic [SUM_WIDTH-1:0] sum
);
  if (N < 1) $error("add_multi: N must be at least 1, not %0d", N);
  if (ARG_WIDTH < 1) $error("add_multi: ARG_WIDTH must be at least 1, not %0d", ARG_WIDTH);
  if (ARG_LO > ARG_HI) $error("add_multi: ARG_LO must not be above ARG_HI, not %0d > %0d", ARG_LO, ARG_HI);

  localparam bit Signed = ARG_LO < 0;
  localparam int unsigned Levels = $clog2(N);
  localparam int unsigned Inside = Levels < DEPTH ? Levels : DEPTH;  // stages within the tree

  // Level 0 holds the leaves, level `Levels` the root; a node sums 2**l leaves at most.
  for (genvar l = 0; l <= Levels; l++) begin : gen_level
    localparam int unsigned Nodes = (N + 2 ** l - 1) / 2 ** l;
    localparam int unsigned Leaves = 2 ** l < N ? 2 ** l : N;
    localparam int unsigned Width = sumwidth(Leaves, ARG_WIDTH, longint'(ARG_LO), longint'(ARG_HI));
    logic [Width-1:0] node[Nodes];

    if (l == 0) begin : gen_leaves
      // sumwidth() of one leaf may be less than ARG_WIDTH, where the range says so.
      for (genvar i = 0; i < Nodes; i++) begin : gen_leaf
        assign node[i] = Width'(arg[i]);
      end
    end else begin : gen_sums
      localparam int unsigned Below = (N + 2 ** (l - 1) - 1) / 2 ** (l - 1);
      localparam int unsigned LeavesBelow = 2 ** (l - 1) < N ? 2 ** (l - 1) : N;
      localparam int unsigned WidthBelow = sumwidth(LeavesBelow, ARG_WIDTH, longint'(ARG_LO), longint'(ARG_HI));
      localparam bit Registered = l * Inside / Levels > (l - 1) * Inside / Levels;
      logic [Width-1:0] node_d[Nodes];

      for (genvar i = 0; i < Nodes; i++) begin : gen_node
        logic [WidthBelow-1:0] a, b;
        assign a = gen_level[l-1].node[2*i];
        if (2 * i + 1 < Below) begin : gen_pair
          assign b = gen_level[l-1].node[2*i+1];
        end else begin : gen_single
          assign b = '0;
        end
        if (Signed) begin : gen_signed
          assign node_d[i] = Width'($signed(a)) + Width'($signed(b));
        end else begin : gen_unsigned
          assign node_d[i] = Width'(a) + Width'(b);
        end
      end

      if (Registered) begin : gen_registered
        always_ff @(posedge clk) begin
          if (rst && RESET_ZERO) node <= '{default: '0};
          else if (en) node <= node_d;
        end
      end else begin : gen_direct
        assign node = node_d;
      end
    end
  end

  if (DEPTH > Levels) begin : gen_behind
    logic [SUM_WIDTH-1:0] stage_q[DEPTH-Levels];
    always_ff @(posedge clk) begin
      if (rst && RESET_ZERO) begin
        stage_q <= '{default: '0};
      end else if (en) begin
        stage_q[0] <= gen_level[Levels].node[0];
        for (int unsigned i = 1; i < DEPTH - Levels; i++) stage_q[i] <= stage_q[i-1];
      end
    end
    assign sum = stage_q[DEPTH-Levels-1];
  end else begin : gen_root
    assign sum = gen_level[Levels].node[0];
  end
endmodule
