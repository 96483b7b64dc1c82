// SPDX-License-Identifier: BSD-3-Clause
//
// The pipelined binary search, what each stage's memory holds and which kind of memory it is follow FINN's
// thresholding.sv (finn-rtllib/thresholding/hdl/thresholding.sv of finn-plus 1.6.1), as do parameters and ports; the
// flow control and the configuration port's inside are our own.
// FINN's file is Copyright (C) 2024-2026, Advanced Micro Devices, Inc., BSD-3-Clause; NOTICE has the conditions.

/// Counts, for each of PE channels a beat, the thresholds that are not larger than the input:
/// y = BIAS + #{i : T_i <= x}. The thresholds of a channel ascend, so the count is found by binary search,
/// one bit of it and one memory read a stage: ceil(log2(N+1)) comparators a channel instead of N.
///
/// Takes the place of FINN's module of the same name: the parameters, the ports, the files of initial
/// thresholds and the addresses of the configuration port are FINN's. Throughput is one beat a cycle. All
/// registers share one enable and stop when the output is not taken, so there is no queue behind the
/// pipeline; `irdy` depends combinationally on `ordy`.
module thresholding #(
  int unsigned K,                         /// Bits of inputs and thresholds.
  int unsigned N,                         /// Thresholds a channel. At least 1.
  int unsigned C,                         /// Channels. Beat b has channels (b % (C/PE))*PE + 0..PE-1.
  int unsigned PE,                        /// Channels a beat.
  bit          SIGNED = 1,                /// Inputs and thresholds are signed.
  bit          FPARG = 0,                 /// They are IEEE floating-point numbers (with SIGNED).
  int          BIAS = 0,                  /// Added to the count.
  int unsigned SETS = 1,                  /// Sets of thresholds that `iset` chooses from, beat by beat.
  parameter    THRESHOLDS_PATH = "",      /// Initial ones are in <this>threshs_<pe>_<stage>.dat.
  bit          USE_CONFIG = 1,            /// Thresholds can be written and read.
  int unsigned DEPTH_TRIGGER_URAM = 0,    /// Memories this deep go into UltraRAM (0: never).
  int unsigned DEPTH_TRIGGER_BRAM = 0,    /// Memories this deep go into block RAM (0: may).
  bit          DEEP_PIPELINE = 0,         /// A register behind each comparator: two cycles a stage.

  localparam int unsigned CF = C / PE,
  localparam int unsigned S_BITS = SETS > 2 ? $clog2(SETS) : 1,
  localparam int unsigned O_BITS = BIAS >= 0 ? $clog2(N + BIAS + 1)
                                             : 1 + $clog2(-BIAS >= N + BIAS + 1 ? -BIAS : N + BIAS + 1)
) (
  input  logic clk,
  input  logic rst,                       /// Synchronous, active high.

  // verilator lint_off UNUSEDSIGNAL
  // Configuration, with USE_CONFIG: address {set, beat, channel of the beat, threshold}; never has to wait.
  input  logic cfg_en,
  input  logic cfg_we,
  input  logic [$clog2(SETS)+$clog2(CF)+$clog2(PE)+$clog2(N)-1:0] cfg_a,
  input  logic [K-1:0] cfg_d,
  output logic cfg_rack,                  /// A read's answer is in `cfg_q`: two cycles after the request.
  output logic [K-1:0] cfg_q,             /// 0 for an address that no threshold has.

  output logic irdy,
  input  logic ivld,
  input  logic [S_BITS-1:0] iset,
  // verilator lint_on UNUSEDSIGNAL
  input  logic [PE-1:0][K-1:0] idat,

  input  logic ordy,
  output logic ovld,
  output logic [PE-1:0][O_BITS-1:0] odat
);

  if (N < 1) $error("thresholding: N must be at least 1, not %0d", N);
  if (CF * PE != C || C == 0) $error("thresholding: C must be a multiple of PE, not %0d and %0d", C, PE);
  if (SETS < 1) $error("thresholding: SETS must be at least 1, not %0d", SETS);
  if (FPARG && !SIGNED) $error("thresholding: FPARG needs SIGNED");

  localparam int unsigned Stages = $clog2(N + 1);
  localparam int unsigned SetBits = $clog2(SETS);
  localparam int unsigned FoldBits = $clog2(CF);
  localparam int unsigned PeBits = $clog2(PE);
  localparam int unsigned NBits = $clog2(N);
  localparam int unsigned BaseBits = SetBits + FoldBits > 0 ? SetBits + FoldBits : 1;
  localparam int unsigned Bases = SETS > 1 ? SETS * 2**FoldBits : CF;
  localparam int unsigned Latency = Stages * (DEEP_PIPELINE ? 2 : 1);

  //- Flow control: everything moves, or nothing does -------------------------
  logic [Latency-1:0] valid_q;  // beat in the pipeline, [0] the newest
  logic               out_valid_q;
  logic               enable;

  assign enable = !out_valid_q || ordy;
  assign irdy = enable;
  assign ovld = out_valid_q;

  always_ff @(posedge clk) begin
    if (rst) begin
      valid_q <= '0;
      out_valid_q <= 1'b0;
    end else if (enable) begin
      valid_q <= Latency'({valid_q, ivld});
      out_valid_q <= valid_q[Latency-1];
    end
  end

  //- Which thresholds a beat is compared with --------------------------------
  logic [BaseBits-1:0] base[Stages+1];

  if (CF > 1) begin : gen_fold
    logic [FoldBits-1:0] fold_q;

    always_ff @(posedge clk) begin
      if (rst) fold_q <= '0;
      else if (enable && ivld) fold_q <= fold_q == FoldBits'(CF - 1) ? '0 : fold_q + 1'b1;
    end
    if (SETS > 1) begin : gen_set
      assign base[0] = {iset[SetBits-1:0], fold_q};
    end else begin : gen_no_set
      assign base[0] = fold_q;
    end
  end else if (SETS > 1) begin : gen_set
    assign base[0] = iset[SetBits-1:0];
  end else begin : gen_one
    assign base[0] = '0;
  end

  for (genvar stage = 0; stage < Stages; stage++) begin : gen_base
    if (Bases == 1) begin : gen_constant
      assign base[stage+1] = '0;
    end else if (DEEP_PIPELINE) begin : gen_two
      logic [BaseBits-1:0] base_d1_q, base_d2_q;
      always_ff @(posedge clk) begin
        if (enable) {base_d2_q, base_d1_q} <= {base_d1_q, base[stage]};
      end
      assign base[stage+1] = base_d2_q;
    end else begin : gen_one
      logic [BaseBits-1:0] base_q;
      always_ff @(posedge clk) begin
        if (enable) base_q <= base[stage];
      end
      assign base[stage+1] = base_q;
    end
  end

  //- Configuration address ---------------------------------------------------
  logic [Stages-1:0]   cfg_index;
  logic [BaseBits-1:0] cfg_base;
  // verilator lint_off UNUSEDSIGNAL
  logic [K-1:0]        cfg_read[PE*Stages];
  // verilator lint_on UNUSEDSIGNAL

  if (NBits > 0) begin : gen_cfg_index
    assign cfg_index = Stages'(cfg_a[NBits-1:0]);
  end else begin : gen_cfg_one_index
    assign cfg_index = '0;
  end
  if (SetBits + FoldBits > 0) begin : gen_cfg_base
    assign cfg_base = cfg_a[PeBits+NBits+:SetBits+FoldBits];
  end else begin : gen_cfg_one_base
    assign cfg_base = '0;
  end

  //- The search --------------------------------------------------------------
  for (genvar pe = 0; pe < PE; pe++) begin : gen_pe
    logic [Stages-1:0] found[Stages+1];  // bits of the count found so far, the latest in bit 0
    logic [K-1:0]      value[Stages+1];
    logic              cfg_here;
    logic [O_BITS-1:0] out_q;

    assign found[0] = '0;
    assign value[0] = idat[pe];
    if (PE > 1) begin : gen_cfg_pe
      assign cfg_here = USE_CONFIG && cfg_en && cfg_a[NBits+:PeBits] == PeBits'(pe);
    end else begin : gen_cfg_one_pe
      assign cfg_here = USE_CONFIG && cfg_en;
    end

    for (genvar stage = 0; stage < Stages; stage++) begin : gen_stage
      thresholding_stage #(
        .K(K), .N(N), .Stages(Stages), .Stage(stage), .Bases(Bases), .BaseBits(BaseBits),
        .Signed(SIGNED), .Float(FPARG), .Deep(DEEP_PIPELINE), .Writable(USE_CONFIG),
        .Path(THRESHOLDS_PATH), .Lane(pe),
        .UramDepth(DEPTH_TRIGGER_URAM), .BramDepth(DEPTH_TRIGGER_BRAM)
      ) search (
        .clk_i(clk), .enable_i(enable), .base_i(base[stage]),
        .found_i(found[stage]), .value_i(value[stage]), .found_o(found[stage+1]), .value_o(value[stage+1]),
        .cfg_en_i(cfg_here), .cfg_we_i(cfg_we), .cfg_base_i(cfg_base), .cfg_index_i(cfg_index),
        .cfg_d_i(cfg_d), .cfg_q_o(cfg_read[pe*Stages+stage])
      );
    end

    always_ff @(posedge clk) begin
      if (enable) out_q <= O_BITS'(int'(found[Stages]) + BIAS);
    end
    assign odat[pe] = out_q;
  end

  //- Configuration answer ----------------------------------------------------
  if (USE_CONFIG) begin : gen_answer
    logic         asked_q, ack_q;
    logic [K-1:0] all, answer_q;

    always_comb begin
      all = '0;
      foreach (cfg_read[i]) all |= cfg_read[i];  // memories that are not meant answer 0
    end
    always_ff @(posedge clk) begin
      if (rst) {ack_q, asked_q} <= '0;
      else {ack_q, asked_q} <= {asked_q, cfg_en && !cfg_we};
      answer_q <= all;
    end
    assign cfg_rack = ack_q;
    assign cfg_q = answer_q;
  end else begin : gen_no_answer
    assign cfg_rack = 1'b0;
    assign cfg_q = '0;
  end

endmodule : thresholding


/// One stage of the search in one lane: reads the threshold in the middle of what is left and halves that.
/// The memory holds, channel by channel, the 2**Stage thresholds that this stage can meet.
// verilator lint_off DECLFILENAME
module thresholding_stage #(
  parameter int unsigned K = 8,
  parameter int unsigned N = 1,
  parameter int unsigned Stages = 1,
  parameter int unsigned Stage = 0,
  parameter int unsigned Bases = 1,     /// Channels (and sets) this lane sees.
  parameter int unsigned BaseBits = 1,
  parameter bit          Signed = 1,
  parameter bit          Float = 0,
  parameter bit          Deep = 0,
  parameter bit          Writable = 0,
  parameter              Path = "",
  parameter int unsigned Lane = 0,      /// In the name of the file of initial thresholds.
  parameter int unsigned UramDepth = 0,
  parameter int unsigned BramDepth = 0
) (
  input  logic                clk_i,
  input  logic                enable_i,
  input  logic [BaseBits-1:0] base_i,
  input  logic [Stages-1:0]   found_i,
  input  logic [K-1:0]        value_i,
  output logic [Stages-1:0]   found_o,
  output logic [K-1:0]        value_o,

  // verilator lint_off UNUSEDSIGNAL
  input  logic                cfg_en_i,
  input  logic                cfg_we_i,
  input  logic [BaseBits-1:0] cfg_base_i,
  input  logic [Stages-1:0]   cfg_index_i,
  input  logic [K-1:0]        cfg_d_i,
  // verilator lint_on UNUSEDSIGNAL
  output logic [K-1:0]        cfg_q_o
);

  localparam int unsigned Left = Stages - 1 - Stage;  // bits of the count that later stages find
  localparam int unsigned Depth = Bases * 2**Stage;
  localparam int unsigned AddressBits = Depth > 1 ? $clog2(Depth) : 1;
  // Of the 2**Stage thresholds of a channel, those that exist: some do not where N+1 is no power of two.
  localparam int unsigned Existing = (N + 2**Left) / (2 * 2**Left);
  // verilator lint_off UNUSEDPARAM
  localparam RamStyle = UramDepth != 0 && Depth >= UramDepth ? "ultra"
                      : BramDepth != 0 && Depth >= BramDepth ? "block"
                      : BramDepth != 0 ? "distributed" : "auto";
  // verilator lint_on UNUSEDPARAM

  // verilator lint_off UNDRIVEN
  (* ram_style = RamStyle *) logic [K-1:0] memory[Depth];
  // verilator lint_on UNDRIVEN
  logic [AddressBits-1:0] address;
  logic [K-1:0]           threshold_q, value_q;
  logic [Stages-1:0]      found_q, found_d;

  if (Path != "") begin : gen_initial
    initial begin
`ifndef SYNTHESIS  // which stops at a missing file by itself
      int file;
      file = $fopen($sformatf("%sthreshs_%0d_%0d.dat", Path, Lane, Stage), "r");
      if (file == 0)
        $fatal(1, "thresholding: cannot read %sthreshs_%0d_%0d.dat in the folder of the simulation",
               Path, Lane, Stage);
      $fclose(file);
`endif
      $readmemh($sformatf("%sthreshs_%0d_%0d.dat", Path, Lane, Stage), memory);
    end
  end

  assign address = AddressBits'((AddressBits + 1)'(base_i) << Stage | (AddressBits + 1)'(found_i));

  always_ff @(posedge clk_i) begin
    if (enable_i) begin
      threshold_q <= memory[address];
      value_q <= value_i;
      found_q <= found_i;
    end
  end

  //- Comparison: floating-point numbers are ordered as these integers are -----
  function automatic logic signed [K:0] ordered(input logic [K-1:0] bits);
    if (!Signed) return $signed({1'b0, bits});
    if (Float && bits[K-1]) return $signed({2'b11, ~bits[K-2:0]});
    return $signed({bits[K-1], bits});
  endfunction

  logic exists, reached;
  assign reached = ordered(threshold_q) <= ordered(value_q);
  if (Existing >= 2**Stage) begin : gen_full
    assign exists = 1'b1;
  end else begin : gen_partial
    assign exists = found_q < Stages'(Existing);
  end
  assign found_d = Stages'({found_q, exists && reached});

  if (Deep) begin : gen_deep
    logic [Stages-1:0] found_d_q;
    logic [K-1:0]      value_d_q;
    always_ff @(posedge clk_i) begin
      if (enable_i) begin
        found_d_q <= found_d;
        value_d_q <= value_q;
      end
    end
    assign found_o = found_d_q;
    assign value_o = value_d_q;
  end else begin : gen_shallow
    assign found_o = found_d;
    assign value_o = value_q;
  end

  //- Configuration: threshold i belongs to the stage that counts trailing ones of i ------
  if (Writable) begin : gen_cfg
    logic                   here;
    logic [AddressBits-1:0] cfg_address;
    logic [K-1:0]           cfg_q;

    assign here = cfg_en_i && cfg_index_i[Left:0] == (Left + 1)'(2**Left - 1) && 32'(cfg_base_i) < Bases;
    assign cfg_address = AddressBits'(
        (AddressBits + 1)'(cfg_base_i) << Stage | (AddressBits + 1)'(cfg_index_i >> (Left + 1)));
    always_ff @(posedge clk_i) begin
      if (here && cfg_we_i) memory[cfg_address] <= cfg_d_i;
      cfg_q <= here && !cfg_we_i ? memory[cfg_address] : '0;
    end
    assign cfg_q_o = cfg_q;
  end else begin : gen_no_cfg
    assign cfg_q_o = '0;
  end

endmodule : thresholding_stage
