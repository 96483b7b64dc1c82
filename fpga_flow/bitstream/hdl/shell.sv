// SPDX-License-Identifier: BSD-3-Clause
// Everything between the processor's buses and the accelerator's streams: registers, frames from memory, results
// to memory. One clock. A run is started by the registers, reads its frames one behind the other from the source
// address and writes the results one behind the other to the destination address (see shell_unpack for the layout).
// A reset lets the bus transfers that are under way end, then resets the accelerator.
module shell #(
  logic [255:0] Digest        = '0,
  int unsigned  InBits        = 8,   // of a word of the input stream, without the filling to whole bytes
  int unsigned  InPortBits    = 8,   // with it
  int unsigned  InWords       = 1,   // of a frame
  int unsigned  OutBits       = 8,
  int unsigned  OutPortBits   = 8,
  int unsigned  OutWords      = 1,
  int unsigned  AddressWidth  = 32,
  int unsigned  BurstWords    = 16,
  int unsigned  ReadDepth     = 128  // words that may be under way from memory: covers a latency of so many cycles
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,

  input  logic [11:0]             s_awaddr_i,
  input  logic                    s_awvalid_i,
  output logic                    s_awready_o,
  input  logic [31:0]             s_wdata_i,
  input  logic [3:0]              s_wstrb_i,
  input  logic                    s_wvalid_i,
  output logic                    s_wready_o,
  output logic [1:0]              s_bresp_o,
  output logic                    s_bvalid_o,
  input  logic                    s_bready_i,
  input  logic [11:0]             s_araddr_i,
  input  logic                    s_arvalid_i,
  output logic                    s_arready_o,
  output logic [31:0]             s_rdata_o,
  output logic [1:0]              s_rresp_o,
  output logic                    s_rvalid_o,
  input  logic                    s_rready_i,

  output logic [AddressWidth-1:0] m_araddr_o,
  output logic [7:0]              m_arlen_o,
  output logic                    m_arvalid_o,
  input  logic                    m_arready_i,
  input  logic [63:0]             m_rdata_i,
  input  logic [1:0]              m_rresp_i,
  input  logic                    m_rvalid_i,
  output logic                    m_rready_o,
  output logic [AddressWidth-1:0] m_awaddr_o,
  output logic [7:0]              m_awlen_o,
  output logic                    m_awvalid_o,
  input  logic                    m_awready_i,
  output logic [63:0]             m_wdata_o,
  output logic [7:0]              m_wstrb_o,
  output logic                    m_wlast_o,
  output logic                    m_wvalid_o,
  input  logic                    m_wready_i,
  input  logic [1:0]              m_bresp_i,
  input  logic                    m_bvalid_i,
  output logic                    m_bready_o,

  output logic                    core_rst_no,
  output logic [InPortBits-1:0]   in_data_o,
  output logic                    in_valid_o,
  input  logic                    in_ready_i,
  input  logic [OutPortBits-1:0]  out_data_i,
  input  logic                    out_valid_i,
  output logic                    out_ready_o
);
  localparam int unsigned CountWidth  = 64;
  localparam int unsigned InBytes     = (InBits * InWords + 7) / 8;
  localparam int unsigned OutBytes    = (OutBits * OutWords + 7) / 8;
  localparam int unsigned ResetCycles = 16;
  if (InPortBits < InBits || OutPortBits < OutBits) $error("shell: a port must be at least as wide as its words");
  if (AddressWidth > 64) $error("shell: AddressWidth must be at most 64, not %0d", AddressWidth);

  typedef enum logic [2:0] { Idle, Prepare, Running, Stopping, Resetting } state_e;
  state_e state_q;
  logic start, reset, begin_run;
  logic [31:0] frames, frames_q, left, in_waits_q, out_waits_q;
  logic [63:0] source, destination, source_q, destination_q, cycles_q;
  logic [CountWidth-1:0] in_bytes_q, out_bytes_q;
  logic [$clog2(ResetCycles):0] wait_q;
  logic done_q, inner_rst_n, stop;
  logic all_given, read_idle, read_error, write_idle, write_done, write_error;

  assign begin_run   = state_q == Prepare;
  assign stop        = state_q == Stopping;
  assign inner_rst_n = rst_ni && state_q != Resetting;
  assign core_rst_no = inner_rst_n;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q     <= Resetting;
      wait_q      <= '0;
      done_q      <= 1'b0;
      frames_q    <= '0;
      cycles_q    <= '0;
      in_waits_q  <= '0;
      out_waits_q <= '0;
      {source_q, destination_q, in_bytes_q, out_bytes_q} <= '0;
    end else begin
      case (state_q)
        Idle: if (start) begin
          state_q       <= Prepare;
          done_q        <= 1'b0;
          frames_q      <= frames;
          source_q      <= source;
          destination_q <= destination;
          in_bytes_q    <= CountWidth'(frames) * CountWidth'(InBytes);
          out_bytes_q   <= CountWidth'(frames) * CountWidth'(OutBytes);
          cycles_q      <= '0;
          in_waits_q    <= '0;
          out_waits_q   <= '0;
        end
        Prepare: state_q <= Running;
        Running: begin
          cycles_q <= cycles_q + 1'b1;
          if (in_ready_i && !in_valid_o && !all_given) in_waits_q <= in_waits_q + 1'b1;
          if (out_valid_i && !out_ready_o) out_waits_q <= out_waits_q + 1'b1;
          // The last result may come before the end of the last frame is taken.
          if (write_done && left == '0 && all_given) begin
            state_q <= Idle;
            done_q  <= 1'b1;
          end
        end
        Stopping: if (read_idle && write_idle) begin
          state_q <= Resetting;
          wait_q  <= '0;
        end
        default: begin  // Resetting
          wait_q <= wait_q + 1'b1;
          if (wait_q == ($clog2(ResetCycles) + 1)'(ResetCycles - 1)) state_q <= Idle;
        end
      endcase
      if (reset && (state_q == Idle || state_q == Prepare || state_q == Running)) begin
        state_q <= Stopping;
        done_q  <= 1'b0;
      end
    end
  end

  shell_registers #(.Digest(Digest), .InBytes(InBytes), .OutBytes(OutBytes)) registers (
    .clk_i, .rst_ni,
    .awaddr_i(s_awaddr_i), .awvalid_i(s_awvalid_i), .awready_o(s_awready_o),
    .wdata_i(s_wdata_i), .wstrb_i(s_wstrb_i), .wvalid_i(s_wvalid_i), .wready_o(s_wready_o),
    .bresp_o(s_bresp_o), .bvalid_o(s_bvalid_o), .bready_i(s_bready_i),
    .araddr_i(s_araddr_i), .arvalid_i(s_arvalid_i), .arready_o(s_arready_o),
    .rdata_o(s_rdata_o), .rresp_o(s_rresp_o), .rvalid_o(s_rvalid_o), .rready_i(s_rready_i),
    .start_o(start), .reset_o(reset), .frames_o(frames), .source_o(source), .destination_o(destination),
    .status_i({state_q == Stopping || state_q == Resetting, write_error, read_error, done_q,
               state_q == Prepare || state_q == Running}),
    .frames_done_i(frames_q - left), .cycles_i(cycles_q), .in_waits_i(in_waits_q), .out_waits_i(out_waits_q)
  );

  logic [63:0] read_data, write_data;
  logic [7:0] write_strobe;
  logic read_valid, read_ready, write_valid, write_ready;

  shell_read #(.AddressWidth(AddressWidth), .CountWidth(CountWidth), .BurstWords(BurstWords),
               .Depth(ReadDepth)) reader (
    .clk_i, .rst_ni(inner_rst_n),
    .start_i(begin_run), .address_i(AddressWidth'(source_q)), .bytes_i(in_bytes_q), .stop_i(stop),
    .idle_o(read_idle), .error_o(read_error),
    .araddr_o(m_araddr_o), .arlen_o(m_arlen_o), .arvalid_o(m_arvalid_o), .arready_i(m_arready_i),
    .rdata_i(m_rdata_i), .rresp_i(m_rresp_i), .rvalid_i(m_rvalid_i), .rready_o(m_rready_o),
    .data_o(read_data), .valid_o(read_valid), .ready_i(read_ready)
  );

  logic [InBits-1:0] in_word;
  shell_unpack #(.Width(InBits), .FrameWords(InWords)) unpack (
    .clk_i, .rst_ni(inner_rst_n), .start_i(begin_run), .offset_i(source_q[2:0]), .frames_i(frames_q),
    .data_i(read_data), .valid_i(read_valid), .ready_o(read_ready),
    .data_o(in_word), .valid_o(in_valid_o), .ready_i(in_ready_i), .idle_o(all_given)
  );
  assign in_data_o = InPortBits'(in_word);

  shell_pack #(.Width(OutBits), .FrameWords(OutWords)) pack (
    .clk_i, .rst_ni(inner_rst_n), .start_i(begin_run), .offset_i(destination_q[2:0]), .frames_i(frames_q),
    .left_o(left),
    .data_i(out_data_i[OutBits-1:0]), .valid_i(out_valid_i), .ready_o(out_ready_o),
    .data_o(write_data), .strobe_o(write_strobe), .valid_o(write_valid), .ready_i(write_ready)
  );

  shell_write #(.AddressWidth(AddressWidth), .CountWidth(CountWidth), .BurstWords(BurstWords)) writer (
    .clk_i, .rst_ni(inner_rst_n),
    .start_i(begin_run), .address_i(AddressWidth'(destination_q)), .bytes_i(out_bytes_q), .stop_i(stop),
    .idle_o(write_idle), .done_o(write_done), .error_o(write_error),
    .data_i(write_data), .strobe_i(write_strobe), .valid_i(write_valid), .ready_o(write_ready),
    .awaddr_o(m_awaddr_o), .awlen_o(m_awlen_o), .awvalid_o(m_awvalid_o), .awready_i(m_awready_i),
    .wdata_o(m_wdata_o), .wstrb_o(m_wstrb_o), .wlast_o(m_wlast_o), .wvalid_o(m_wvalid_o), .wready_i(m_wready_i),
    .bresp_i(m_bresp_i), .bvalid_i(m_bvalid_i), .bready_o(m_bready_o)
  );

  // Bits that fill a port up to whole bytes carry nothing, and neither do addresses beyond the bus.
  logic unused;
  assign unused = ^{out_data_i, source_q, destination_q};
endmodule
