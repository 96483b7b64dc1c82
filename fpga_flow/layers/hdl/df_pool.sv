// SPDX-License-Identifier: BSD-3-Clause
/// Pools the windows that FINN's depthwise sliding-window generator sends: `Window` words in, one word out.
///
/// A word holds `PE` channels of one position of the window; a window's words follow each other. Which order the
/// channel groups and pixels come in does not matter. One word per cycle in; latency 1 cycle after the last word.
module df_pool #(
  parameter int unsigned Window,            /// Words per window (positions). Must be at least 1.
  parameter int unsigned PE,                /// Channels per word. Must be at least 1.
  parameter int unsigned Width,             /// Bits of a channel's value. Must be at least 1.
  parameter bit          Signed   = 0,      /// The values are signed.
  parameter string       Function = "max",  /// "max", or "sum": the sum, less its `Shift` low bits.
  parameter int unsigned Shift    = 0,      /// Only for "sum".
  parameter int unsigned OutWidth = Width   /// Bits of a result. Must be `Width` for "max", must hold it for "sum".
) (
  input  logic                   clk_i,    /// Rising edge.
  input  logic                   rst_ni,   /// Synchronous, active low.
  input  logic [PE*Width-1:0]    data_i,
  input  logic                   valid_i,
  output logic                   ready_o,
  output logic [PE*OutWidth-1:0] data_o,   /// Stable while `valid_o && !ready_i`.
  output logic                   valid_o,
  input  logic                   ready_i
);
  if (Window < 1) $error("df_pool: Window must be at least 1, not %0d", Window);
  if (PE < 1) $error("df_pool: PE must be at least 1, not %0d", PE);
  if (Width < 1) $error("df_pool: Width must be at least 1, not %0d", Width);
  if (Function != "max" && Function != "sum") $error("df_pool: Function must be max or sum, not %s", Function);
  if (Function == "max" && (OutWidth != Width || Shift != 0))
    $error("df_pool: max needs OutWidth = Width and Shift = 0, not %0d and %0d", OutWidth, Shift);

  localparam bit Max = Function == "max";
  localparam int unsigned StateWidth = Max ? Width : Width + $clog2(Window) + Shift;
  typedef logic [StateWidth-1:0] state_t;

  /// Returns a lane of the input as a state.
  function automatic state_t widen(input logic [Width-1:0] value);
    return Signed ? state_t'($signed(value)) : state_t'(value);
  endfunction

  /// Returns the state after one more value.
  function automatic state_t combine(input state_t state, input state_t value);
    if (!Max) return state + value;
    if (Signed) return $signed(value) > $signed(state) ? value : state;
    return value > state ? value : state;
  endfunction

  logic first, last;
  if (Window > 1) begin : gen_count
    localparam int unsigned CountWidth = $clog2(Window);
    logic [CountWidth-1:0] count_q;
    assign first = count_q == '0;
    assign last = count_q == CountWidth'(Window - 1);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) count_q <= '0;
      else if (valid_i && ready_o) count_q <= last ? '0 : count_q + 1'b1;
    end
  end else begin : gen_single
    assign first = 1'b1;
    assign last = 1'b1;
  end

  // A window's last word waits only for a result that is stuck.
  logic valid_q;
  assign ready_o = !last || !valid_q || ready_i;
  assign valid_o = valid_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (valid_i && ready_o && last) valid_q <= 1'b1;
    else if (ready_i) valid_q <= 1'b0;
  end

  for (genvar p = 0; p < PE; p++) begin : gen_lane
    state_t value, state_d, state_q;
    logic [OutWidth-1:0] result_q;
    assign value = widen(data_i[p*Width+:Width]);
    assign state_d = first ? value : combine(state_q, value);
    always_ff @(posedge clk_i) begin
      if (valid_i && ready_o) state_q <= state_d;
      if (valid_i && ready_o && last)
        result_q <= Signed ? OutWidth'($signed(state_d) >>> Shift) : OutWidth'(state_d >> Shift);
    end
    assign data_o[p*OutWidth+:OutWidth] = result_q;
  end
endmodule
