// SPDX-License-Identifier: BSD-3-Clause
// AXI4 read master: `bytes_i` bytes from `address_i` on as 64-bit words, the first word being the one that
// holds the first byte. Bursts end at multiples of their greatest length, so none crosses 4 KB; none is asked
// for before there is room for all of it, so the read channel never waits.
module shell_read #(
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
  input  logic                    stop_i,     // ask for no more, drop what still comes
  output logic                    idle_o,     // nothing is under way
  output logic                    error_o,    // some word came with an error, since the last start

  output logic [AddressWidth-1:0] araddr_o,
  output logic [7:0]              arlen_o,
  output logic                    arvalid_o,
  input  logic                    arready_i,
  input  logic [63:0]             rdata_i,
  input  logic [1:0]              rresp_i,
  input  logic                    rvalid_i,
  output logic                    rready_o,

  output logic [63:0]             data_o,
  output logic                    valid_o,
  input  logic                    ready_i
);
  localparam int unsigned BurstBits = $clog2(BurstWords);
  localparam int unsigned RoomBits  = $clog2(Depth + 1);
  if (BurstWords < 2 || BurstWords > 256 || 2 ** BurstBits != BurstWords)
    $error("shell_read: BurstWords must be a power of two from 2 to 256, not %0d", BurstWords);
  if (Depth < 2 * BurstWords) $error("shell_read: Depth must be at least 2 * BurstWords, not %0d", Depth);
  if (AddressWidth <= 12) $error("shell_read: AddressWidth must be above 12, not %0d", AddressWidth);

  logic [AddressWidth-4:0] word_q;      // next word to ask for
  logic [CountWidth-1:0]   left_q;      // words still to ask for
  logic [RoomBits-1:0]     room_q;      // words that can come without being asked to wait
  logic [RoomBits-1:0]     flying_q;    // words asked for and not here yet
  logic                    asking_q;    // a burst is offered
  logic [BurstBits:0]      length_q;    // of it

  // Up to the next multiple of the burst's length, or to the end.
  logic [BurstBits:0] to_boundary, length;
  assign to_boundary = (BurstBits + 1)'(BurstWords) - {1'b0, word_q[BurstBits-1:0]};
  assign length      = left_q < CountWidth'(to_boundary) ? left_q[BurstBits:0] : to_boundary;

  logic asked, came, taken;
  assign asked = arvalid_o && arready_i;
  assign came  = rvalid_i && rready_o;
  assign taken = valid_o && ready_i;

  assign araddr_o  = {word_q, 3'b000};
  assign arlen_o   = 8'(length_q - 1'b1);
  assign arvalid_o = asking_q;
  assign rready_o  = 1'b1;
  assign idle_o    = !asking_q && flying_q == '0;

  logic [CountWidth-1:0] words;
  assign words = (bytes_i + CountWidth'(address_i[2:0]) + CountWidth'(7)) >> 3;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      word_q   <= '0;
      left_q   <= '0;
      room_q   <= RoomBits'(Depth);
      flying_q <= '0;
      asking_q <= 1'b0;
      length_q <= '0;
      error_o  <= 1'b0;
    end else begin
      if (start_i) begin
        word_q  <= address_i[AddressWidth-1:3];
        left_q  <= bytes_i == '0 ? '0 : words;
        error_o <= 1'b0;
      end else if (!asking_q) begin
        // An offered burst stays as it is until it is taken, whatever stops the run.
        if (left_q != '0 && !stop_i && room_q >= RoomBits'(length)) begin
          asking_q <= 1'b1;
          length_q <= length;
        end
      end else if (asked) begin
        asking_q <= 1'b0;
        word_q   <= word_q + (AddressWidth - 3)'(length_q);
        left_q   <= left_q - CountWidth'(length_q);
      end
      if (stop_i && !asking_q) left_q <= '0;
      if (came && rresp_i[1]) error_o <= 1'b1;
      flying_q <= flying_q + (asked ? RoomBits'(length_q) : '0) - RoomBits'(came);
      // Dropped words never take the room that was kept for them.
      room_q   <= room_q - (asked ? RoomBits'(length_q) : '0) + RoomBits'(taken) + RoomBits'(came && stop_i);
    end
  end

  // The upper bit of an answer tells an error, the lower one which.
  logic unused;
  assign unused = rresp_i[0];

  // verilator lint_off PINCONNECTEMPTY
  fifo #(.DEPTH(Depth), .DATA_WIDTH(64)) queue (
    .clk(clk_i), .rst(!rst_ni), .count(), .maxcount(),
    .idat(rdata_i), .ivld(came && !stop_i), .irdy(),
    .odat(data_o), .ovld(valid_o), .ordy(ready_i)
  );
  // verilator lint_on PINCONNECTEMPTY
endmodule
