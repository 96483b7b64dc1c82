// SPDX-License-Identifier: BSD-3-Clause
// AXI4 write master: takes 64-bit words with byte strobes and writes them from `address_i` on, the first word to
// the one that holds that byte. Bursts end at multiples of their greatest length, so none crosses 4 KB; none is
// begun before all of its words are here, so the write channel never waits for data. The words of a burst are
// offered with its address and do not wait for that to be taken: a slave may want to see both.
module shell_write #(
  int unsigned AddressWidth = 32,
  int unsigned CountWidth   = 48,
  int unsigned BurstWords   = 16,
  int unsigned Depth        = 64
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,

  input  logic                    start_i,
  input  logic [AddressWidth-1:0] address_i,
  input  logic [CountWidth-1:0]   bytes_i,
  input  logic                    stop_i,     // begin no more bursts
  output logic                    idle_o,     // nothing is under way
  output logic                    done_o,     // all is written and acknowledged
  output logic                    error_o,    // some burst was answered with an error, since the last start

  input  logic [63:0]             data_i,
  input  logic [7:0]              strobe_i,
  input  logic                    valid_i,
  output logic                    ready_o,

  output logic [AddressWidth-1:0] awaddr_o,
  output logic [7:0]              awlen_o,
  output logic                    awvalid_o,
  input  logic                    awready_i,
  output logic [63:0]             wdata_o,
  output logic [7:0]              wstrb_o,
  output logic                    wlast_o,
  output logic                    wvalid_o,
  input  logic                    wready_i,
  input  logic [1:0]              bresp_i,
  input  logic                    bvalid_i,
  output logic                    bready_o
);
  localparam int unsigned BurstBits = $clog2(BurstWords);
  localparam int unsigned RoomBits  = $clog2(Depth + 1);
  localparam int unsigned Answers   = 16;  // bursts that may wait for their answer
  if (BurstWords < 2 || BurstWords > 256 || 2 ** BurstBits != BurstWords)
    $error("shell_write: BurstWords must be a power of two from 2 to 256, not %0d", BurstWords);
  if (Depth < 2 * BurstWords) $error("shell_write: Depth must be at least 2 * BurstWords, not %0d", Depth);
  if (AddressWidth <= 12) $error("shell_write: AddressWidth must be above 12, not %0d", AddressWidth);

  logic [AddressWidth-4:0] word_q;      // next word to begin a burst at
  logic [CountWidth-1:0]   left_q;      // words that no burst was begun for yet
  logic [RoomBits-1:0]     free_q;      // words here that no burst was begun for yet
  logic [RoomBits-1:0]     owed_q;      // words of begun bursts that are still to be sent
  logic [CountWidth-1:0]   send_q;      // words still to be sent in all
  logic [BurstBits-1:0]    place_q;     // of the next word to be sent, in its burst
  logic [$clog2(Answers):0] answers_q;  // bursts whose address was taken and that are not answered
  logic                    asking_q;
  logic [BurstBits:0]      length_q;

  logic [BurstBits:0] to_boundary, length;
  assign to_boundary = (BurstBits + 1)'(BurstWords) - {1'b0, word_q[BurstBits-1:0]};
  assign length      = left_q < CountWidth'(to_boundary) ? left_q[BurstBits:0] : to_boundary;

  logic begins, asked, sent, stored, answered, out_valid;
  assign begins   = !start_i && !asking_q && left_q != '0 && !stop_i && free_q >= RoomBits'(length) &&
                    !answers_q[$clog2(Answers)];
  assign asked    = awvalid_o && awready_i;
  assign sent     = wvalid_o && wready_i;
  assign stored   = valid_i && ready_o;
  assign answered = bvalid_i && bready_o;

  assign awaddr_o  = {word_q, 3'b000};
  assign awlen_o   = 8'(length_q - 1'b1);
  assign awvalid_o = asking_q;
  assign wvalid_o  = out_valid && owed_q != '0;
  assign wlast_o   = place_q == '1 || send_q == CountWidth'(1);
  assign bready_o  = 1'b1;
  assign idle_o    = !asking_q && owed_q == '0 && answers_q == '0;
  assign done_o    = idle_o && left_q == '0;

  logic [CountWidth-1:0] words;
  assign words = (bytes_i + CountWidth'(address_i[2:0]) + CountWidth'(7)) >> 3;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      word_q    <= '0;
      left_q    <= '0;
      free_q    <= '0;
      owed_q    <= '0;
      send_q    <= '0;
      place_q   <= '0;
      answers_q <= '0;
      asking_q  <= 1'b0;
      length_q  <= '0;
      error_o   <= 1'b0;
    end else begin
      if (start_i) begin
        word_q  <= address_i[AddressWidth-1:3];
        place_q <= address_i[BurstBits+2:3];
        left_q  <= bytes_i == '0 ? '0 : words;
        send_q  <= bytes_i == '0 ? '0 : words;
        error_o <= 1'b0;
      end else begin
        if (!asking_q) begin
          if (begins) begin
            asking_q <= 1'b1;
            length_q <= length;
          end
        end else if (asked) begin
          asking_q <= 1'b0;
          word_q   <= word_q + (AddressWidth - 3)'(length_q);
          left_q   <= left_q - CountWidth'(length_q);
        end
        if (stop_i && !asking_q) left_q <= '0;
        if (sent) begin
          place_q <= place_q + 1'b1;
          send_q  <= send_q - 1'b1;
        end
        if (answered && bresp_i[1]) error_o <= 1'b1;
      end
      free_q    <= free_q + RoomBits'(stored) - (begins ? RoomBits'(length) : '0);
      owed_q    <= owed_q + (begins ? RoomBits'(length) : '0) - RoomBits'(sent);
      answers_q <= answers_q + ($clog2(Answers) + 1)'(asked) - ($clog2(Answers) + 1)'(answered);
    end
  end

  // The upper bit of an answer tells an error, the lower one which.
  logic unused;
  assign unused = bresp_i[0];

  // verilator lint_off PINCONNECTEMPTY
  fifo #(.DEPTH(Depth), .DATA_WIDTH(72)) queue (
    .clk(clk_i), .rst(!rst_ni), .count(), .maxcount(),
    .idat({strobe_i, data_i}), .ivld(valid_i), .irdy(ready_o),
    .odat({wstrb_o, wdata_o}), .ovld(out_valid), .ordy(wready_i && owed_q != '0)
  );
  // verilator lint_on PINCONNECTEMPTY
endmodule
