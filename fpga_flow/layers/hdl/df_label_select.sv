// SPDX-License-Identifier: BSD-3-Clause
/// Indices of the `K` greatest of `Labels` values, greatest first, on ties the lowest index first.
///
/// Takes `Labels / PE` words of `PE` values and sends `K` words of one index. One word per cycle in; while the
/// indices of one frame leave, the next frame comes in, and only its last word may have to wait.
/// With `PE` > 1 and `K` > 1 a word's values are sorted in one after the other in one cycle: keep `PE * K` small.
module df_label_select #(
  parameter int unsigned Labels,                     /// Values per frame; a multiple of PE.
  parameter int unsigned PE,                         /// Values per word.
  parameter int unsigned Width,                      /// Bits of a value.
  parameter bit          Signed     = 0,             /// The values are signed.
  parameter int unsigned K          = 1,             /// Indices per frame, 1 to Labels.
  parameter int unsigned IndexWidth = $clog2(Labels) /// Bits of an index; must hold Labels - 1.
) (
  input  logic                  clk_i,    /// Rising edge.
  input  logic                  rst_ni,   /// Synchronous, active low.
  input  logic [PE*Width-1:0]   data_i,
  input  logic                  valid_i,
  output logic                  ready_o,
  output logic [IndexWidth-1:0] data_o,   /// Stable while `valid_o && !ready_i`.
  output logic                  valid_o,
  input  logic                  ready_i
);
  if (PE < 1 || Labels < 1 || Labels % PE != 0)
    $error("df_label_select: Labels must be a multiple of PE, not %0d and %0d", Labels, PE);
  if (Width < 1) $error("df_label_select: Width must be at least 1, not %0d", Width);
  if (K < 1 || K > Labels) $error("df_label_select: K must be 1 to Labels (%0d), not %0d", Labels, K);
  if (IndexWidth < 1 || IndexWidth < $clog2(Labels))
    $error("df_label_select: IndexWidth must hold %0d, %0d bits do not", Labels - 1, IndexWidth);

  localparam int unsigned Words = Labels / PE;

  /// A place in the ranking; without `taken` every value is better.
  typedef struct packed {
    logic                  taken;
    logic [Width-1:0]      value;
    logic [IndexWidth-1:0] index;
  } place_t;

  function automatic logic greater(input logic [Width-1:0] a, input logic [Width-1:0] b);
    return Signed ? $signed(a) > $signed(b) : a > b;
  endfunction

  logic first, last, take;
  logic [IndexWidth-1:0] base;
  if (Words > 1) begin : gen_count
    localparam int unsigned CountWidth = $clog2(Words);
    logic [CountWidth-1:0] count_q;
    logic last_q;  // with a register of its own the count is not on the way to `ready_o`
    assign first = count_q == '0;
    assign last = last_q;
    assign base = IndexWidth'(count_q) * IndexWidth'(PE);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) count_q <= '0;
      else if (take) count_q <= last ? '0 : count_q + 1'b1;
      if (!rst_ni) last_q <= 1'b0;
      else if (take) last_q <= count_q == CountWidth'(Words - 2);
    end
  end else begin : gen_single
    assign first = 1'b1;
    assign last = 1'b1;
    assign base = '0;
  end

  place_t ranking_d[K];
  place_t ranking_q[K];

  if (K == 1) begin : gen_tournament
    // Winner of the lanes by rounds, then against the best so far, which has a lower index.
    always_comb begin
      place_t lane[PE];
      for (int unsigned p = 0; p < PE; p++)
        lane[p] = '{taken: 1'b1, value: data_i[p*Width+:Width], index: base + IndexWidth'(p)};
      for (int unsigned step = 1; step < PE; step *= 2)
        for (int unsigned p = 0; p + step < PE; p += 2 * step)
          if (greater(lane[p+step].value, lane[p].value)) lane[p] = lane[p+step];
      ranking_d[0] = first || greater(lane[0].value, ranking_q[0].value) ? lane[0] : ranking_q[0];
    end
  end else begin : gen_insertion
    always_comb begin
      logic [K-1:0] better;
      place_t entry;
      for (int unsigned k = 0; k < K; k++) begin
        ranking_d[k] = ranking_q[k];
        if (first) ranking_d[k].taken = 1'b0;
      end
      for (int unsigned p = 0; p < PE; p++) begin
        entry = '{taken: 1'b1, value: data_i[p*Width+:Width], index: base + IndexWidth'(p)};
        for (int unsigned k = 0; k < K; k++)
          better[k] = !ranking_d[k].taken || greater(entry.value, ranking_d[k].value);
        for (int unsigned k = K - 1; k > 0; k--)
          if (better[k]) ranking_d[k] = better[k-1] ? ranking_d[k-1] : entry;
        if (better[0]) ranking_d[0] = entry;
      end
    end
  end

  always_ff @(posedge clk_i) if (take) ranking_q <= ranking_d;

  // The indices that are leaving: the next one in place 0, `left_q` still to go.
  localparam int unsigned LeftWidth = $clog2(K + 1);
  logic [IndexWidth-1:0] leaving_q[K];
  logic [LeftWidth-1:0] left_q;
  logic sent;

  assign sent = valid_o && ready_i;
  assign take = valid_i && ready_o;
  assign ready_o = !last || left_q == '0 || (left_q == LeftWidth'(1) && ready_i);
  assign valid_o = left_q != '0;
  assign data_o = leaving_q[0];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) left_q <= '0;
    else if (take && last) left_q <= LeftWidth'(K);
    else if (sent) left_q <= left_q - 1'b1;
    if (take && last) begin
      for (int unsigned k = 0; k < K; k++) leaving_q[k] <= ranking_d[k].index;
    end else if (sent) begin
      for (int unsigned k = 0; k + 1 < K; k++) leaving_q[k] <= leaving_q[k+1];
    end
  end
endmodule
