// SPDX-License-Identifier: BSD-3-Clause
/// Listens to a stream. A simulation started with `+taps=<folder>` writes every word that is transferred to
/// `<folder>/<Name>.txt`, one hexadecimal number per line. One started with `+activity=<folder>`,
/// `+activity_from=<cycle>` (behind reset), `+activity_cycles=<cycles of a part>` and `+activity_parts=<parts>`
/// writes a line per part to `<folder>/<Name>.activity`: cycles in which a word moved, cycles in which it waited
/// for ready, and cycles in which ready waited for a word. Nothing in synthesis.
module df_tap #(
  parameter int unsigned Width,  /// Bits per word.
  parameter string       Name    /// Of the file; must be different for every tap.
) (
  input logic             clk_i,   /// Rising edge.
  input logic             rst_ni,  /// Synchronous, active low.
  input logic [Width-1:0] data_i,
  input logic             valid_i,
  input logic             ready_i
);
  if (Width < 1) $error("df_tap: Width must be at least 1, not %0d", Width);

`ifdef FIFO_SIZING  // there is no data to write (see fifo.sv)
`define DF_TAP_OFF
`elsif SYNTHESIS
`define DF_TAP_OFF
`endif
`ifdef DF_TAP_OFF
  // verilator lint_off UNUSEDSIGNAL
  logic unused;
  assign unused = ^{clk_i, rst_ni, data_i, valid_i, ready_i};
  // verilator lint_on UNUSEDSIGNAL
`else
  int file = 0;
  initial begin
    string folder;
    if ($value$plusargs("taps=%s", folder)) begin
      file = $fopen({folder, "/", Name, ".txt"}, "w");
      if (file == 0) $fatal(1, "df_tap: cannot write %s/%s.txt", folder, Name);
    end
  end
  always @(posedge clk_i) if (file != 0 && rst_ni && valid_i && ready_i) $fdisplay(file, "%h", data_i);
  final if (file != 0) $fclose(file);

  int activity = 0;
  int cycles = 1;
  int skipped, left, cycle, moved, waited, starved;
  initial begin
    string where;
    {skipped, left, cycle, moved, waited, starved} = '0;
    if ($value$plusargs("activity=%s", where)) begin
      void'($value$plusargs("activity_from=%d", skipped));
      void'($value$plusargs("activity_cycles=%d", cycles));
      void'($value$plusargs("activity_parts=%d", left));
      activity = $fopen({where, "/", Name, ".activity"}, "w");
      if (activity == 0) $fatal(1, "df_tap: cannot write %s/%s.activity", where, Name);
    end
  end
  always @(posedge clk_i)
    if (activity != 0 && rst_ni) begin
      if (skipped != 0) skipped <= skipped - 1;
      else if (left != 0) begin
        moved   <= moved + 32'(valid_i && ready_i);
        waited  <= waited + 32'(valid_i && !ready_i);
        starved <= starved + 32'(!valid_i && ready_i);
        cycle   <= cycle + 1;
        if (cycle == cycles - 1) begin
          $fdisplay(activity, "%0d %0d %0d", moved + 32'(valid_i && ready_i), waited + 32'(valid_i && !ready_i),
                    starved + 32'(!valid_i && ready_i));
          {moved, waited, starved, cycle} <= '0;
          left <= left - 1;
        end
      end
    end
  final if (activity != 0) $fclose(activity);
`endif
endmodule
