// SPDX-License-Identifier: BSD-3-Clause
/// Copies a stream: every word goes to all outputs, each of which takes it when it likes.
///
/// An output that has taken its copy is not offered it again, and no output's `valid` depends on another's `ready`.
/// The next word comes in when the last output takes its copy. One word per cycle; latency 1 cycle.
module df_fork #(
  parameter int unsigned Width,   /// Bits per word.
  parameter int unsigned Outputs  /// At least 2.
) (
  input  logic                     clk_i,    /// Rising edge.
  input  logic                     rst_ni,   /// Synchronous, active low.
  input  logic [Width-1:0]         data_i,
  input  logic                     valid_i,
  output logic                     ready_o,
  output logic [Outputs*Width-1:0] data_o,   /// Each output's word stable while its `valid_o && !ready_i`.
  output logic [Outputs-1:0]       valid_o,
  input  logic [Outputs-1:0]       ready_i
);
  if (Width < 1) $error("df_fork: Width must be at least 1, not %0d", Width);
  if (Outputs < 2) $error("df_fork: Outputs must be at least 2, not %0d", Outputs);

  logic [Width-1:0] data_q;
  logic [Outputs-1:0] pending_q;  // who has not taken the word yet
  assign data_o = {Outputs{data_q}};
  assign valid_o = pending_q;
  assign ready_o = (pending_q & ~ready_i) == '0;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) pending_q <= '0;
    else if (ready_o) pending_q <= {Outputs{valid_i}};
    else pending_q <= pending_q & ~ready_i;
    if (valid_i && ready_o) data_q <= data_i;
  end
endmodule
