// SPDX-License-Identifier: BSD-3-Clause
// The shell's registers behind an AXI4-Lite port of 32 bits. Addresses in bytes:
//   00 identity, reads 0x46504746         04 version of this register map, reads 1
//   08 control, write: bit 0 starts a run, bit 1 stops and resets
//   0c status: 0 running, 1 done (a run has ended since the last start), 2 read error, 3 write error, 4 resetting
//   10 frames of the next run             14 frames of this run that have come out
//   18 source address, low; 1c high       20 destination address, low; 24 high
//   28 cycles of the run, low; 2c high    30 cycles in which the input waited for memory
//   34 cycles in which the output waited for memory
//   38 bytes of a frame, in               3c bytes of a frame, out
//   40..5c digest of the network, eight words, the first digits first
// What is not named reads 0; writes to it, and to what only reads, do nothing. A start while running does nothing.
module shell_registers #(
  logic [255:0] Digest   = '0,
  int unsigned  InBytes  = 1,
  int unsigned  OutBytes = 1
) (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic [11:0] awaddr_i,
  input  logic        awvalid_i,
  output logic        awready_o,
  input  logic [31:0] wdata_i,
  input  logic [3:0]  wstrb_i,
  input  logic        wvalid_i,
  output logic        wready_o,
  output logic [1:0]  bresp_o,
  output logic        bvalid_o,
  input  logic        bready_i,
  input  logic [11:0] araddr_i,
  input  logic        arvalid_i,
  output logic        arready_o,
  output logic [31:0] rdata_o,
  output logic [1:0]  rresp_o,
  output logic        rvalid_o,
  input  logic        rready_i,

  output logic        start_o,       // for one cycle
  output logic        reset_o,       // for one cycle
  output logic [31:0] frames_o,
  output logic [63:0] source_o,
  output logic [63:0] destination_o,
  input  logic [4:0]  status_i,
  input  logic [31:0] frames_done_i,
  input  logic [63:0] cycles_i,
  input  logic [31:0] in_waits_i,
  input  logic [31:0] out_waits_i
);
  localparam logic [31:0] Identity = 32'h46504746;
  localparam logic [31:0] Version  = 32'd1;

  // Registers are words: the lowest bits of an address say nothing.
  logic unused;
  assign unused = ^{awaddr_i[1:0], araddr_i[1:0]};

  // Address and data of a write may come in any order; the write is done when both are here.
  logic        have_address_q, have_data_q, writes;
  logic [9:0]  write_word_q;
  logic [31:0] write_data_q;
  logic [3:0]  write_strobe_q;
  assign awready_o = !have_address_q;
  assign wready_o  = !have_data_q;
  assign writes    = have_address_q && have_data_q && (!bvalid_o || bready_i);
  assign bresp_o   = 2'b00;
  assign rresp_o   = 2'b00;

  function automatic logic [31:0] merged(logic [31:0] old);
    for (int i = 0; i < 4; i++) merged[8*i+:8] = write_strobe_q[i] ? write_data_q[8*i+:8] : old[8*i+:8];
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      have_address_q <= 1'b0;
      have_data_q    <= 1'b0;
      bvalid_o       <= 1'b0;
      start_o        <= 1'b0;
      reset_o        <= 1'b0;
      frames_o       <= '0;
      source_o       <= '0;
      destination_o  <= '0;
      write_word_q   <= '0;
      write_data_q   <= '0;
      write_strobe_q <= '0;
    end else begin
      start_o <= 1'b0;
      reset_o <= 1'b0;
      if (bready_i) bvalid_o <= 1'b0;
      if (awvalid_i && awready_o) begin
        have_address_q <= 1'b1;
        write_word_q   <= awaddr_i[11:2];
      end
      if (wvalid_i && wready_o) begin
        have_data_q    <= 1'b1;
        write_data_q   <= wdata_i;
        write_strobe_q <= wstrb_i;
      end
      if (writes) begin
        have_address_q <= 1'b0;
        have_data_q    <= 1'b0;
        bvalid_o       <= 1'b1;
        case (write_word_q)
          10'h02: if (write_strobe_q[0]) begin
            start_o <= write_data_q[0] && !write_data_q[1];
            reset_o <= write_data_q[1];
          end
          10'h04: frames_o <= merged(frames_o);
          10'h06: source_o[31:0] <= merged(source_o[31:0]);
          10'h07: source_o[63:32] <= merged(source_o[63:32]);
          10'h08: destination_o[31:0] <= merged(destination_o[31:0]);
          10'h09: destination_o[63:32] <= merged(destination_o[63:32]);
          default: ;
        endcase
      end
    end
  end

  logic [31:0] high_q;  // of the cycles, as it was when the low word was read
  assign arready_o = !rvalid_o || rready_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      rvalid_o <= 1'b0;
      rdata_o  <= '0;
      high_q   <= '0;
    end else begin
      if (rready_i) rvalid_o <= 1'b0;
      if (arvalid_i && arready_o) begin
        rvalid_o <= 1'b1;
        rdata_o  <= '0;
        case (araddr_i[11:2])
          10'h00: rdata_o <= Identity;
          10'h01: rdata_o <= Version;
          10'h03: rdata_o <= {27'b0, status_i};
          10'h04: rdata_o <= frames_o;
          10'h05: rdata_o <= frames_done_i;
          10'h06: rdata_o <= source_o[31:0];
          10'h07: rdata_o <= source_o[63:32];
          10'h08: rdata_o <= destination_o[31:0];
          10'h09: rdata_o <= destination_o[63:32];
          10'h0a: begin
            rdata_o <= cycles_i[31:0];
            high_q  <= cycles_i[63:32];
          end
          10'h0b: rdata_o <= high_q;
          10'h0c: rdata_o <= in_waits_i;
          10'h0d: rdata_o <= out_waits_i;
          10'h0e: rdata_o <= 32'(InBytes);
          10'h0f: rdata_o <= 32'(OutBytes);
          default: if (araddr_i[11:5] == 7'b0000010) rdata_o <= Digest[255-32*araddr_i[4:2]-:32];
        endcase
      end
    end
  end
endmodule
