// SPDX-License-Identifier: BSD-3-Clause
/// Listens to a stream. A simulation started with `+taps=<folder>` writes every word that is transferred to
/// `<folder>/<Name>.txt`, one hexadecimal number per line. Nothing in synthesis.
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
`endif
endmodule
