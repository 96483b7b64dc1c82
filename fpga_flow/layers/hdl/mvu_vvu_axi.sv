// SPDX-License-Identifier: BSD-3-Clause
//
// How replay buffer, weights and core are joined follows FINN's mvu_vvu_axi.sv (finn-rtllib/mvu/mvu_vvu_axi.sv of finn-
// plus 1.6.1), as do parameters and ports; the credits and the queue of the results are our own.
// FINN's file is Copyright (C) 2024, Advanced Micro Devices, Inc., BSD-3-Clause; NOTICE has the conditions.

/// Matrix-vector unit with the ports of FINN's `mvu_vvu_axi`, around FINN's `replay_buffer` and `mvu`.
///
/// The compute core cannot be stopped. A product is only started when there is a place for it in the output queue
/// (a credit, which returns when the result leaves), so results cannot be lost under any back-pressure, whatever the
/// depth of the core's pipeline. There are as many credits as full throughput needs.
/// Refused at elaboration: vector-vector units, double-pumped DSPs and the DSP58, which FINN's own module serves.
module mvu_vvu_axi #(
  parameter bit          IS_MVU,                  /// Must be 1.
  parameter int unsigned VERSION,                 /// 1: DSP48E1, 2: DSP48E2.
  parameter int unsigned MW,                      /// Columns of the matrix; a multiple of SIMD.
  parameter int unsigned MH,                      /// Rows of the matrix; a multiple of PE.
  parameter int unsigned PE,                      /// Rows per cycle.
  parameter int unsigned SIMD,                    /// Columns per cycle.
  parameter int unsigned SEGMENTLEN         = 0,  /// Not used: only the DSP58 is cascaded.
  parameter int unsigned ACTIVATION_WIDTH,        /// Must be at least 2.
  parameter int unsigned WEIGHT_WIDTH,            /// Must be at least 2.
  parameter int unsigned ACCU_WIDTH,              /// Bits of a result; must hold every sum.
  parameter bit          NARROW_WEIGHTS     = 0,  /// The most negative weight does not occur.
  parameter bit          SIGNED_ACTIVATIONS = 0,
  parameter bit          PUMPED_COMPUTE     = 0,  /// Must be 0.
  parameter bit          FORCE_BEHAVIORAL   = 0,  /// The core uses no vendor primitives.
  parameter bit          M_REG_LUT          = 1,  /// Not used: only the DSP58 has it.
  localparam int unsigned WeightBytes = (PE * SIMD * WEIGHT_WIDTH + 7) / 8,
  localparam int unsigned InputBytes  = (SIMD * ACTIVATION_WIDTH + 7) / 8,
  localparam int unsigned OutputBytes = (PE * ACCU_WIDTH + 7) / 8
) (
  input  logic                     ap_clk,    /// Rising edge.
  input  logic                     ap_clk2x,  /// Not used.
  input  logic                     ap_rst_n,  /// Synchronous, active low.
  // verilator lint_off UNUSEDSIGNAL
  input  logic [8*WeightBytes-1:0] s_axis_weights_tdata,  /// [PE][SIMD] weights, row by row; padded to bytes.
  // verilator lint_on UNUSEDSIGNAL
  input  logic                     s_axis_weights_tvalid,
  output logic                     s_axis_weights_tready,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [8*InputBytes-1:0]  s_axis_input_tdata,    /// [SIMD] activations, padded; a vector is sent once.
  // verilator lint_on UNUSEDSIGNAL
  input  logic                     s_axis_input_tvalid,
  output logic                     s_axis_input_tready,
  output logic [8*OutputBytes-1:0] m_axis_output_tdata,   /// [PE] sums, zeros above.
  output logic                     m_axis_output_tvalid,
  input  logic                     m_axis_output_tready
);
  if (!IS_MVU) $error("mvu_vvu_axi: IS_MVU must be 1; vector-vector units are not supported");
  if (VERSION != 1 && VERSION != 2) $error("mvu_vvu_axi: VERSION must be 1 or 2, not %0d", VERSION);
  if (PUMPED_COMPUTE) $error("mvu_vvu_axi: PUMPED_COMPUTE must be 0; a double clock is not supported");
  if (PE < 1 || MH % PE != 0) $error("mvu_vvu_axi: MH must be a multiple of PE, not %0d and %0d", MH, PE);
  if (SIMD < 1 || MW % SIMD != 0) $error("mvu_vvu_axi: MW must be a multiple of SIMD, not %0d and %0d", MW, SIMD);
  if (WEIGHT_WIDTH < 2) $error("mvu_vvu_axi: WEIGHT_WIDTH must be at least 2, not %0d", WEIGHT_WIDTH);
  if (ACTIVATION_WIDTH < 2) $error("mvu_vvu_axi: ACTIVATION_WIDTH must be at least 2, not %0d", ACTIVATION_WIDTH);

  localparam int unsigned SynapseFold = MW / SIMD;
  localparam int unsigned NeuronFold = MH / PE;
  // Cycles from the last operands of a row to its sum, in FINN's `mvu`. It only decides how many credits there are:
  // were it wrong, throughput would suffer, never data.
  localparam int unsigned CoreLatency = 4 + $clog2(SIMD) + (SIMD == 1 ? 1 : 0);
  // A credit is away for the core, the queue (2) and its way back (1); a row takes SynapseFold cycles.
  localparam int unsigned Credits = (CoreLatency + 3 + SynapseFold - 1) / SynapseFold + 1;

  logic rst;
  assign rst = !ap_rst_n;

  logic [SIMD*ACTIVATION_WIDTH-1:0] act;
  logic act_valid, act_last, act_ready;
  logic start, blocked;
  // verilator lint_off UNUSEDSIGNAL
  logic act_final;
  logic unused;
  assign unused = ap_clk2x ^ (SEGMENTLEN != 0) ^ M_REG_LUT;
  // verilator lint_on UNUSEDSIGNAL

  replay_buffer #(
    .LEN(SynapseFold),
    .REP(NeuronFold),
    .W(SIMD * ACTIVATION_WIDTH)
  ) replay (
    .clk(ap_clk),
    .rst,
    .idat(s_axis_input_tdata[SIMD*ACTIVATION_WIDTH-1:0]),
    .ivld(s_axis_input_tvalid),
    .irdy(s_axis_input_tready),
    .odat(act),
    .olast(act_last),
    .ofin(act_final),
    .ovld(act_valid),
    .ordy(act_ready)
  );

  assign start = act_valid && s_axis_weights_tvalid && !blocked;
  assign act_ready = s_axis_weights_tvalid && !blocked;
  assign s_axis_weights_tready = act_valid && !blocked;

  logic [PE-1:0][ACCU_WIDTH-1:0] result;
  logic result_valid;

  mvu #(
    .VERSION(VERSION),
    .PE(PE),
    .SIMD(SIMD),
    .WEIGHT_WIDTH(WEIGHT_WIDTH),
    .ACTIVATION_WIDTH(ACTIVATION_WIDTH),
    .ACCU_WIDTH(ACCU_WIDTH),
    .SIGNED_ACTIVATIONS(SIGNED_ACTIVATIONS),
    .NARROW_WEIGHTS(NARROW_WEIGHTS),
    .FORCE_BEHAVIORAL(FORCE_BEHAVIORAL)
  ) core (
    .clk(ap_clk),
    .rst,
    .en(1'b1),
    .last(act_last && start),
    .zero(!start),
    .w(s_axis_weights_tdata[PE*SIMD*WEIGHT_WIDTH-1:0]),
    .a(act),
    .vld(result_valid),
    .p(result)
  );

  // One credit per row: taken with its last operands, given back when its result leaves the queue.
  logic [$clog2(Credits + 1)-1:0] credit_q;
  logic taken, returned;
  assign taken = start && act_last;
  assign blocked = act_last && credit_q == '0;
  always_ff @(posedge ap_clk) begin
    if (rst) credit_q <= ($clog2(Credits + 1))'(Credits);
    else if (taken != returned) credit_q <= taken ? credit_q - 1'b1 : credit_q + 1'b1;
  end

  // The queue: a ring with as many places as there are credits, and an output register.
  localparam int unsigned AddressWidth = $clog2(Credits);
  localparam logic [AddressWidth-1:0] LastPlace = AddressWidth'(Credits - 1);
  (* ram_style = "distributed" *) logic [PE*ACCU_WIDTH-1:0] ring[Credits];
  logic [AddressWidth-1:0] write_q, read_q;
  logic [$clog2(Credits + 1)-1:0] fill_q;
  logic [PE*ACCU_WIDTH-1:0] out_q;
  logic out_valid_q, pop;

  assign returned = out_valid_q && m_axis_output_tready;
  assign pop = fill_q != '0 && (!out_valid_q || m_axis_output_tready);
  always_ff @(posedge ap_clk) begin
    if (result_valid) ring[write_q] <= result;
    if (pop) out_q <= ring[read_q];
  end
  always_ff @(posedge ap_clk) begin
    if (rst) begin
      write_q <= '0;
      read_q <= '0;
      fill_q <= '0;
      out_valid_q <= 1'b0;
    end else begin
      if (result_valid) write_q <= write_q == LastPlace ? '0 : write_q + 1'b1;
      if (pop) read_q <= read_q == LastPlace ? '0 : read_q + 1'b1;
      if (result_valid != pop) fill_q <= result_valid ? fill_q + 1'b1 : fill_q - 1'b1;
      if (!out_valid_q || m_axis_output_tready) out_valid_q <= pop;
    end
  end
  assign m_axis_output_tdata = (8 * OutputBytes)'(out_q);
  assign m_axis_output_tvalid = out_valid_q;

`ifndef SYNTHESIS
  always_ff @(posedge ap_clk) begin
    if (!rst && result_valid)
      assert (fill_q != ($clog2(Credits + 1))'(Credits) || pop)
      else $error("mvu_vvu_axi: a result without a credit");
  end
`endif
endmodule
