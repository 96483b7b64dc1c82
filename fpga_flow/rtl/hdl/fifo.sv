// SPDX-License-Identifier: BSD-3-Clause
/// First-in first-out buffer with the ports of FINN's `fifo`; holds exactly `DEPTH` words, full throughput.
///
/// Neither ready depends on the other side in the same cycle, so a FIFO cuts every combinational path.
/// Storage: two registers for depth 2; else a ring in LUT RAM behind an output register, or in block RAM, whose
/// own output latch is the output register. Latency 1 cycle at depth 2, else 2.
module fifo #(
  parameter int unsigned DEPTH,              /// Words. Must be at least 2.
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
  if (DEPTH < 2) $error("fifo: DEPTH must be at least 2, not %0d", DEPTH);
  if (DATA_WIDTH < 1) $error("fifo: DATA_WIDTH must be at least 1, not %0d", DATA_WIDTH);
  if (!(RAM_STYLE == "auto" || RAM_STYLE == "shift" || RAM_STYLE == "distributed" || RAM_STYLE == "block" ||
        RAM_STYLE == "ultra"))
    $error("fifo: RAM_STYLE must be auto, shift, distributed, block or ultra, not %s", RAM_STYLE);

  // A block RAM of the 7 series has 512 words or more; a LUT RAM of 256 words takes about 5 LUTs per bit.
  // Below that, or with next to no bits, LUT RAM is the smaller part. A shift register (one LUT per bit, and it
  // moves all words) is never smaller than LUT RAM (2/3 LUT per bit at 32 words), so "shift" gets LUT RAM too.
  localparam bit Block = RAM_STYLE == "block" || RAM_STYLE == "ultra" ||
                         (RAM_STYLE == "auto" && DEPTH > 256 && DEPTH * DATA_WIDTH > 2048);
  localparam int unsigned CountWidth = $clog2(DEPTH + 1) + 1;

  if (DEPTH <= 2) begin : gen_registers
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

  always_ff @(posedge clk) begin
    if (rst) maxcount <= '0;
    else if (count > maxcount) maxcount <= count;
  end
endmodule
