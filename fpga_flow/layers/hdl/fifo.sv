// SPDX-License-Identifier: BSD-3-Clause
/// First-in first-out buffer with the ports of FINN's `fifo`; holds exactly `DEPTH` words, full throughput.
///
/// From depth 2 on neither ready depends on the other side in the same cycle, so such a FIFO cuts every combinational
/// path. Storage: a register for depth 1, which passes `ordy` on and takes no LUT per bit; two for depth 2; else a ring
/// in LUT RAM behind an output register, or in block RAM, whose own output latch is the output register. Latency 1 cycle
/// up to depth 2, else 2.
///
/// A simulation with `+fifo_state=<file>` appends what every FIFO holds at its end to that file, a line each: path,
/// depth, words held, most words ever held, words that went in, and valid and ready at the input and at the output.
/// With `FIFO_SIZING` defined (simulation only) the depth is set when the simulation starts: a line "<name> <depth>"
/// in the file of `+fifo_depths=<file>` is for the FIFOs in the instance of that name; the others hold any number.
/// Cycles are those of the depth set, but there is no data: the output is 0, and whatever would compute with it
/// is left out of the simulator.
module fifo #(
  parameter int unsigned DEPTH,              /// Words. Must be at least 1.
  parameter int unsigned DATA_WIDTH,         /// Bits per word. Must be at least 1.
  parameter string       RAM_STYLE = "auto"  /// "auto", "shift", "distributed", "block" or "ultra".
) (
  input  logic                         clk,      /// Rising edge.
  input  logic                         rst,      /// Synchronous, active high.
  input  logic [DATA_WIDTH-1:0]        idat,
  input  logic                         ivld,
  output logic                         irdy,
  output logic [DATA_WIDTH-1:0]        odat,     /// Stable while `ovld && !ordy`.
  output logic                         ovld,
  input  logic                         ordy,
  output logic [$clog2(DEPTH + 1) : 0] count,    /// Words held.
  output logic [$clog2(DEPTH + 1) : 0] maxcount  /// Most words ever held since the reset.
);
  if (DEPTH < 1) $error("fifo: DEPTH must be at least 1, not %0d", DEPTH);
  if (DATA_WIDTH < 1) $error("fifo: DATA_WIDTH must be at least 1, not %0d", DATA_WIDTH);
  if (!(RAM_STYLE == "auto" || RAM_STYLE == "shift" || RAM_STYLE == "distributed" || RAM_STYLE == "block" ||
        RAM_STYLE == "ultra"))
    $error("fifo: RAM_STYLE must be auto, shift, distributed, block or ultra, not %s", RAM_STYLE);

  // A block RAM of the 7 series has 512 words or more; a LUT RAM of 256 words takes about 5 LUTs per bit.
  // Below that, or with next to no bits, LUT RAM is the smaller part. A shift register (one LUT per bit, and it
  // moves all words) is never smaller than LUT RAM (2/3 LUT per bit at 32 words), so "shift" gets LUT RAM too.
  // (`fpga_flow/target/memory.py` knows this rule.)
  localparam bit Block = RAM_STYLE == "block" || RAM_STYLE == "ultra" ||
                         (RAM_STYLE == "auto" && DEPTH > 256 && DEPTH * DATA_WIDTH > 2048);
  localparam int unsigned CountWidth = $clog2(DEPTH + 1) + 1;

`ifdef FIFO_SIZING
  // verilator lint_off UNUSEDSIGNAL
  logic unused;
  assign unused = ^idat ^ Block;
  // verilator lint_on UNUSEDSIGNAL
  string path = $sformatf("%m");
  int depth = 1 << 30;
  int fill_q;  // without the word in the output register
  logic out_valid_q;

  /// Whether `path` goes through an instance called `name`.
  function automatic bit leads_through(input string path, input string name);
    int start = 0;
    for (int i = 0; i <= path.len(); i++) begin
      if (i == path.len() || path[i] == ".") begin
        if (i - start == name.len() && path.substr(start, i - 1) == name) return 1'b1;
        start = i + 1;
      end
    end
    return 1'b0;
  endfunction

  initial begin
    string name;
    int file, wanted;
    if ($value$plusargs("fifo_depths=%s", name)) begin
      file = $fopen(name, "r");
      if (file == 0) $fatal(1, "fifo: cannot read %s", name);
      while ($fscanf(file, "%s %d", name, wanted) == 2) if (leads_through(path, name)) depth = wanted;
      $fclose(file);
    end
    if (depth < 1) $fatal(1, "fifo: the depth of %s must be at least 1, not %0d", path, depth);
  end

  logic push, move;
  assign irdy = depth == 1 ? !out_valid_q || ordy : fill_q < depth - 1;
  assign push = ivld && irdy;
  // Up to depth 2 a word goes straight to the output register when that is free.
  assign move = (fill_q > 0 || (push && depth <= 2)) && (!out_valid_q || ordy);
  always_ff @(posedge clk) begin
    if (rst) begin
      fill_q <= 0;
      out_valid_q <= 1'b0;
    end else begin
      fill_q <= fill_q + 32'(push) - 32'(move);
      if (!out_valid_q || ordy) out_valid_q <= move;
    end
  end
  assign odat = '0;
  assign ovld = out_valid_q;
  int held;
  assign held = fill_q + 32'(out_valid_q);
  assign count = CountWidth'(held);
`else
  if (DEPTH == 1) begin : gen_register
    logic [DATA_WIDTH-1:0] out_q;
    logic out_valid_q;
    assign irdy = !out_valid_q || ordy;
    always_ff @(posedge clk) begin
      if (irdy) out_q <= idat;
      if (rst) out_valid_q <= 1'b0;
      else if (irdy) out_valid_q <= ivld;
    end
    assign odat = out_q;
    assign ovld = out_valid_q;
    assign count = CountWidth'(out_valid_q);
  end else if (DEPTH == 2) begin : gen_registers
    // `hold_q` takes the word that arrives while the output is stuck.
    logic [DATA_WIDTH-1:0] out_q, hold_q;
    logic out_valid_q, hold_valid_q, load;

    assign load = !out_valid_q || ordy;
    always_ff @(posedge clk) begin
      if (load) out_q <= hold_valid_q ? hold_q : idat;
      if (!hold_valid_q) hold_q <= idat;
      if (rst) begin
        out_valid_q <= 1'b0;
        hold_valid_q <= 1'b0;
      end else if (load) begin
        out_valid_q <= hold_valid_q || ivld;
        hold_valid_q <= 1'b0;
      end else if (ivld) begin
        hold_valid_q <= 1'b1;
      end
    end
    assign irdy = !hold_valid_q;
    assign odat = out_q;
    assign ovld = out_valid_q;
    assign count = CountWidth'(hold_valid_q) + CountWidth'(out_valid_q);
  end else begin : gen_ring
    localparam int unsigned Words = DEPTH - 1;  // one more is in the output register
    localparam int unsigned AddressWidth = $clog2(Words);
    localparam logic [AddressWidth-1:0] Last = AddressWidth'(Words - 1);

    logic [AddressWidth-1:0] write_q, read_q;
    logic [CountWidth-1:0] fill_q;
    logic [DATA_WIDTH-1:0] out_q;
    logic out_valid_q, push, pop;

    assign irdy = fill_q != CountWidth'(Words);
    assign push = ivld && irdy;
    assign pop = fill_q != '0 && (!out_valid_q || ordy);

    always_ff @(posedge clk) begin
      if (rst) begin
        write_q <= '0;
        read_q <= '0;
        fill_q <= '0;
        out_valid_q <= 1'b0;
      end else begin
        if (push) write_q <= write_q == Last ? '0 : write_q + 1'b1;
        if (pop) read_q <= read_q == Last ? '0 : read_q + 1'b1;
        if (push != pop) fill_q <= push ? fill_q + 1'b1 : fill_q - 1'b1;
        if (!out_valid_q || ordy) out_valid_q <= pop;
      end
    end

    // Reading and writing never meet at one address: a word is read a cycle after it was written or later.
    if (Block) begin : gen_block
      (* ram_style = "block" *) logic [DATA_WIDTH-1:0] ring[Words];
      always_ff @(posedge clk) if (push) ring[write_q] <= idat;
      always_ff @(posedge clk) if (pop) out_q <= ring[read_q];
    end else begin : gen_distributed
      (* ram_style = "distributed" *) logic [DATA_WIDTH-1:0] ring[Words];
      always_ff @(posedge clk) if (push) ring[write_q] <= idat;
      always_ff @(posedge clk) if (pop) out_q <= ring[read_q];
    end

    assign odat = out_q;
    assign ovld = out_valid_q;
    assign count = fill_q + CountWidth'(out_valid_q);
  end
`endif

  always_ff @(posedge clk) begin
    if (rst) maxcount <= '0;
    else if (count > maxcount) maxcount <= count;
  end

`ifndef SYNTHESIS
`ifndef FIFO_SIZING
  string path = $sformatf("%m");
  int depth, held;
  assign depth = int'(DEPTH);
  assign held = int'(count);
`endif
  int most_q, words_q;
  always_ff @(posedge clk) begin
    if (rst) begin
      most_q <= 0;
      words_q <= 0;
    end else begin
      if (held > most_q) most_q <= held;
      if (ivld && irdy) words_q <= words_q + 1;
    end
  end
  final begin
    string name;
    int file, most;
    most = held > most_q ? held : most_q;
    if ($value$plusargs("fifo_state=%s", name)) begin
      file = $fopen(name, "a");
      if (file == 0) $fatal(1, "fifo: cannot write %s", name);
      $fdisplay(file, "%s %0d %0d %0d %0d %b%b%b%b", path, depth, held, most, words_q, ivld, irdy, ovld, ordy);
      $fclose(file);
    end
  end
`endif
endmodule
