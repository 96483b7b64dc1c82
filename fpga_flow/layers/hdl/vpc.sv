// SPDX-License-Identifier: BSD-3-Clause
/// Turns vectors of N elements that arrive PI a beat into the same vectors PO a beat. Element 0 is in the low
/// bits; a vector takes ceil(N/PI) beats in and ceil(N/PO) beats out, and the next one starts in a new beat.
///
/// Takes the place of FINN's module of the same name in its data width converter: parameters and ports are
/// FINN's. The elements go round a buffer whose size is the least common multiple of PI and PO: every input
/// beat and every output beat has fixed places in it: a write enable a place and one multiplexer at the
/// output, no shifter. That is small for widths with a large common divisor, and PI*PO elements without one.
///
/// Throughput is that of the narrower side, without a pause between vectors where the buffer's size divides N
/// or one of PI and PO divides the other; else the next vector waits until the last one has left. `irdy`
/// depends combinationally on `ordy`.
module vpc #(
  int unsigned W,                    /// Bits an element.
  int unsigned N,                    /// Elements a vector.
  int unsigned PI,                   /// Elements an input beat.
  int unsigned PO,                   /// Elements an output beat.
  bit          PAD_ZEROS = 1,        /// Elements behind the end of the vector are 0; otherwise anything.
  // verilator lint_off UNUSEDPARAM
  bit          RELAX_THROUGHPUT = 0  /// Has no effect: nothing is saved by being slower.
  // verilator lint_on UNUSEDPARAM
) (
  input  logic                 clk,
  input  logic                 rst,  /// Synchronous, active high.

  input  logic [PI-1:0][W-1:0] idat,
  input  logic                 ivld,
  output logic                 irdy,

  output logic [PO-1:0][W-1:0] odat,
  output logic                 ovld,
  input  logic                 ordy
);

  function automatic int unsigned greatest_common_divisor(input int unsigned a, input int unsigned b);
    int unsigned x = a, y = b;
    while (y != 0) begin
      int unsigned rest = x % y;
      x = y;
      y = rest;
    end
    return x;
  endfunction

  if (W < 1) $error("vpc: W must be at least 1, not %0d", W);
  if (N < 1) $error("vpc: N must be at least 1, not %0d", N);
  if (PI < 1) $error("vpc: PI must be at least 1, not %0d", PI);
  if (PO < 1) $error("vpc: PO must be at least 1, not %0d", PO);

  // All counts below are in groups of elements that stay together on both sides.
  localparam int unsigned Group = greatest_common_divisor(PI, PO);
  localparam int unsigned In = PI / Group;
  localparam int unsigned Out = PO / Group;
  localparam int unsigned Groups = (N + Group - 1) / Group;
  localparam int unsigned InBeats = (N + PI - 1) / PI;
  localparam int unsigned OutBeats = (N + PO - 1) / PO;
  localparam int unsigned Places = In * Out;
  localparam bit          Endless = Groups % Places == 0;  // vectors follow each other as they are

  logic [PO-1:0][W-1:0] word;      // the output beat, before the padding
  // verilator lint_off UNUSEDSIGNAL
  logic                 take, give;
  // verilator lint_on UNUSEDSIGNAL
  logic                 last_out;  // the output beat ends a vector
  assign take = ivld && irdy;
  assign give = ovld && ordy;

  if (OutBeats == 1) begin : gen_one_beat
    assign last_out = 1'b1;
  end else begin : gen_beats
    logic [$clog2(OutBeats)-1:0] beat_q;
    assign last_out = beat_q == $bits(beat_q)'(OutBeats - 1);
    always_ff @(posedge clk) begin
      if (rst) beat_q <= '0;
      else if (give) beat_q <= last_out ? '0 : beat_q + 1'b1;
    end
  end

  for (genvar i = 0; i < PO; i++) begin : gen_out
    if (PAD_ZEROS && (OutBeats - 1) * PO + i >= N) begin : gen_padded
      assign odat[i] = last_out ? '0 : word[i];
    end else begin : gen_plain
      assign odat[i] = word[i];
    end
  end

  if (PI == PO) begin : gen_wire
    assign word = idat;
    assign ovld = ivld;
    assign irdy = ordy;
  end else begin : gen_buffer
    localparam int unsigned LevelBits = $clog2(Places + 1);
    typedef logic [LevelBits-1:0] level_t;
    localparam level_t LastIn = level_t'(Groups - (InBeats - 1) * In);
    localparam level_t LastOut = level_t'(Groups - (OutBeats - 1) * Out);

    level_t level_q;     // groups in the buffer
    level_t added, removed;
    logic   room, last_in, complete;

    assign removed = last_out ? LastOut : level_t'(Out);
    assign added = last_in ? LastIn : level_t'(In);
    assign room = level_q <= level_t'(Places - In) || (give && level_q - removed <= level_t'(Places - In));
    assign ovld = level_q >= level_t'(Out) || complete;
    assign irdy = complete ? give && last_out : room;

    always_ff @(posedge clk) begin
      if (rst) level_q <= '0;
      else level_q <= level_q + (take ? added : '0) - (give ? removed : '0);
    end

    //- Ends of vectors that do not fill the buffer ----------------------------
    if (Endless) begin : gen_endless
      assign last_in = 1'b0;
      assign complete = 1'b0;
    end else begin : gen_ends
      logic complete_q;  // the last beat of the vector in the buffer has come in
      always_ff @(posedge clk) begin
        if (rst) complete_q <= 1'b0;
        else if (take && last_in) complete_q <= 1'b1;
        else if (give && last_out) complete_q <= 1'b0;
      end
      assign complete = complete_q;
      if (InBeats == 1) begin : gen_one_beat
        assign last_in = 1'b1;
      end else begin : gen_beats
        logic [$clog2(InBeats)-1:0] beat_q;
        assign last_in = beat_q == $bits(beat_q)'(InBeats - 1);
        always_ff @(posedge clk) begin
          if (rst) beat_q <= '0;
          else if (take) beat_q <= last_in ? '0 : beat_q + 1'b1;
        end
      end
    end

    //- The buffer: Out places for input beats, which are In places for output beats -------
    logic [Out-1:0][In*Group*W-1:0] places_q;
    logic [Out-1:0]                 write_here;

    for (genvar i = 0; i < Out; i++) begin : gen_place
      always_ff @(posedge clk) begin
        if (write_here[i]) places_q[i] <= idat;
      end
    end

    if (Out == 1) begin : gen_one_place
      assign write_here = take;
    end else begin : gen_places
      logic [$clog2(Out)-1:0] write_q;
      always_ff @(posedge clk) begin
        if (rst) write_q <= '0;
        else if (take) write_q <= last_in || write_q == $bits(write_q)'(Out - 1) ? '0 : write_q + 1'b1;
      end
      for (genvar i = 0; i < Out; i++) begin : gen_select
        assign write_here[i] = take && write_q == $bits(write_q)'(i);
      end
    end

    if (In == 1) begin : gen_one_word
      assign word = places_q;
    end else begin : gen_words
      logic [In-1:0][Out*Group*W-1:0] words;
      logic [$clog2(In)-1:0]          read_q;
      logic                           restart;
      assign words = places_q;
      assign word = words[read_q];
      assign restart = (!Endless && last_out) || read_q == $bits(read_q)'(In - 1);
      always_ff @(posedge clk) begin
        if (rst) read_q <= '0;
        else if (give) read_q <= restart ? '0 : read_q + 1'b1;
      end
    end
  end

endmodule : vpc
