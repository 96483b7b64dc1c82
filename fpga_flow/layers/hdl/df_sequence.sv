// SPDX-License-Identifier: BSD-3-Clause
/// The words of a constant memory one after the other, over and over. The next one waits in a register.
module df_sequence #(
  parameter int unsigned Length,             /// Words. Must be at least 1.
  parameter int unsigned Width,              /// Bits of a word. Must be at least 1.
  parameter string       RamStyle = "auto",  /// "auto", "block" or "distributed".
  parameter string       InitFile = "",      /// The words, a line each, hexadecimal.
  parameter logic [Length*Width-1:0] Init = '0  /// The same, first word in the low bits, where there is no file.
) (
  input  logic             clk_i,    /// Rising edge.
  input  logic             rst_ni,   /// Synchronous, active low.
  output logic [Width-1:0] data_o,   /// Stable while `valid_o && !ready_i`.
  output logic             last_o,   /// It is the last word.
  output logic             valid_o,  /// From the second cycle on.
  input  logic             ready_i
);
  if (Length < 1 || Width < 1) $error("df_sequence: Length and Width must be at least 1, not %0d and %0d", Length, Width);
  if (RamStyle != "auto" && RamStyle != "block" && RamStyle != "distributed")
    $error("df_sequence: RamStyle must be auto, block or distributed, not %s", RamStyle);

  localparam int unsigned AddressWidth = Length > 1 ? $clog2(Length) : 1;
  logic [AddressWidth-1:0] address_q;
  logic valid_q, last, last_q, fetch;
  assign valid_o = valid_q;
  assign last_o = last_q;
  assign last = address_q == AddressWidth'(Length - 1);
  assign fetch = ready_i || !valid_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      address_q <= '0;
      valid_q <= 1'b0;
    end else begin
      valid_q <= 1'b1;
      if (fetch) address_q <= last ? '0 : address_q + 1'b1;
    end
    if (fetch) last_q <= last;
  end

  (* ram_style = RamStyle *) logic [Width-1:0] words[Length];
  if (InitFile != "") begin : gen_file
    initial begin
`ifndef SYNTHESIS  // which stops at a missing file by itself
      int file;
      file = $fopen(InitFile, "r");
      if (file == 0) $fatal(1, "df_sequence: cannot read %s in the folder of the simulation", InitFile);
      $fclose(file);
`endif
      $readmemh(InitFile, words);
    end
  end else begin : gen_parameter
    initial for (int unsigned i = 0; i < Length; i++) words[i] = Init[i*Width+:Width];
  end
  logic [Width-1:0] data_q;
  assign data_o = data_q;
  always_ff @(posedge clk_i) if (fetch) data_q <= words[address_q];
endmodule
