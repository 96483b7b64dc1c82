// SPDX-License-Identifier: BSD-3-Clause
/// The words of a memory, in order and over and over, as a stream, with the parameters and ports of FINN's `memstream`.
///
/// The read pipeline stands still as a whole when its last word is not taken: it needs no queue behind the memory,
/// only the memory's own enables, and its registers are those that a block RAM has inside. A word a cycle.
module memstream #(
  parameter int unsigned SETS = 1,           /// Must be 1: sets of words to choose from are not supported.
  parameter int unsigned DEPTH,              /// Words. Must be at least 1.
  parameter int unsigned WIDTH,              /// Bits of a word. Must be at least 1.
  parameter              INIT_FILE = "",     /// Content, one hexadecimal word a line.
  // verilator lint_off UNUSEDPARAM
  parameter              RAM_STYLE = "auto", /// What the memory is made of: auto, block, distributed, ultra.
  // verilator lint_on UNUSEDPARAM
  localparam int unsigned ADDR_WIDTH = DEPTH > 1 ? $clog2(DEPTH) : 1,
  localparam int unsigned SET_BITS = 1
) (
  input  logic                  clk,             /// Rising edge.
  input  logic                  rst,             /// Synchronous, active high: begins with the first word again.
  input  logic                  config_ce,       /// A word is read, or written. Words that are under way stay as they
  input  logic                  config_we,       ///   were: a reset should follow the last write.
  input  logic [ADDR_WIDTH-1:0] config_address,
  input  logic [WIDTH-1:0]      config_d0,
  output logic                  config_rack,     /// `config_q0` has the word that was read.
  output logic [WIDTH-1:0]      config_q0,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [SET_BITS-1:0]   sidx,            /// Not used, nor is `svld`.
  input  logic                  svld,
  // verilator lint_on UNUSEDSIGNAL
  output logic                  srdy,
  input  logic                  ordy,
  output logic                  ovld,
  output logic [WIDTH-1:0]      odat
);
  if (SETS != 1) $error("memstream: SETS must be 1, not %0d", SETS);
  if (DEPTH < 1) $error("memstream: DEPTH must be at least 1, not %0d", DEPTH);
  if (WIDTH < 1) $error("memstream: WIDTH must be at least 1, not %0d", WIDTH);

  (* ram_style = RAM_STYLE *) logic [WIDTH-1:0] memory[DEPTH];
  if (INIT_FILE != "") begin : gen_content
    initial begin
`ifndef SYNTHESIS  // which stops at a missing file by itself
      int file;
      file = $fopen(INIT_FILE, "r");
      if (file == 0) $fatal(1, "memstream: cannot read %s in the folder of the simulation", INIT_FILE);
      $fclose(file);
`endif
      $readmemh(INIT_FILE, memory);
    end
  end

  logic [ADDR_WIDTH-1:0] address_q;
  logic [WIDTH-1:0] read_q, out_q;
  logic read_valid_q, out_valid_q, move;
  // Both registers move at once, or none: the word behind follows without a gap.
  assign move = ordy || !out_valid_q;
  always_ff @(posedge clk) begin
    if (move) begin
      read_q <= memory[address_q];
      out_q <= read_q;
    end
    if (config_ce && config_we) memory[config_address] <= config_d0;
  end
  always_ff @(posedge clk) begin
    if (rst) begin
      address_q <= '0;
      read_valid_q <= 1'b0;
      out_valid_q <= 1'b0;
    end else if (move) begin
      address_q <= address_q == ADDR_WIDTH'(DEPTH - 1) ? '0 : address_q + 1'b1;
      read_valid_q <= 1'b1;
      out_valid_q <= read_valid_q;
    end
  end
  assign ovld = out_valid_q;
  assign odat = out_q;
  assign srdy = 1'b1;

  always_ff @(posedge clk) begin
    if (config_ce) config_q0 <= memory[config_address];
    config_rack <= !rst && config_ce && !config_we;
  end
endmodule
