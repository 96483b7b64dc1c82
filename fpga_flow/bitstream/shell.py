"""The accelerator with its shell: one Verilog module with AXI ports of the usual names."""

from pathlib import Path

from qonnx.core.datatype import DataType

from fpga_flow.design.design import INPUT, OUTPUT, Design, Stream

HDL = Path(__file__).resolve().parent / "hdl"
TOP = "fpga_flow_shell"
SOURCES = (
    "shell_registers.sv",
    "shell_read.sv",
    "shell_unpack.sv",
    "shell_pack.sv",
    "shell_write.sv",
    "shell.sv",
)
"""In `hdl`; they use the FIFO of `layers/hdl`."""
REGISTER_BITS = 12
"""Of a register's address: 4 KB, the least that the processor's address map gives a module."""


def word_bits(stream: Stream) -> int:
    """Return the bits of a word of `stream` without those that fill its port to whole bytes."""
    return int(DataType[stream.datatype].bitwidth()) * stream.lanes


def frame_bytes(stream: Stream) -> int:
    """Return the bytes of a frame of `stream` in memory."""
    return (word_bits(stream) * stream.words + 7) // 8


LITE = (
    ("awaddr", REGISTER_BITS, "in"),
    ("awvalid", 1, "in"),
    ("awready", 1, "out"),
    ("wdata", 32, "in"),
    ("wstrb", 4, "in"),
    ("wvalid", 1, "in"),
    ("wready", 1, "out"),
    ("bresp", 2, "out"),
    ("bvalid", 1, "out"),
    ("bready", 1, "in"),
    ("araddr", REGISTER_BITS, "in"),
    ("arvalid", 1, "in"),
    ("arready", 1, "out"),
    ("rdata", 32, "out"),
    ("rresp", 2, "out"),
    ("rvalid", 1, "out"),
    ("rready", 1, "in"),
)
MEMORY = (
    ("araddr", 0, "out"),
    ("arlen", 8, "out"),
    ("arvalid", 1, "out"),
    ("arready", 1, "in"),
    ("rdata", 64, "in"),
    ("rresp", 2, "in"),
    ("rvalid", 1, "in"),
    ("rready", 1, "out"),
    ("awaddr", 0, "out"),
    ("awlen", 8, "out"),
    ("awvalid", 1, "out"),
    ("awready", 1, "in"),
    ("wdata", 64, "out"),
    ("wstrb", 8, "out"),
    ("wlast", 1, "out"),
    ("wvalid", 1, "out"),
    ("wready", 1, "in"),
    ("bresp", 2, "in"),
    ("bvalid", 1, "in"),
    ("bready", 1, "out"),
)
"""Signals of the two buses: name, bits (0: an address), direction at the shell."""
CONSTANT = (
    *((f"{channel}id", 1, "1'b0") for channel in ("ar", "aw")),
    *((f"{channel}size", 3, "3'd3") for channel in ("ar", "aw")),
    *((f"{channel}burst", 2, "2'b01") for channel in ("ar", "aw")),
    *((f"{channel}cache", 4, "4'b0011") for channel in ("ar", "aw")),
    *((f"{channel}prot", 3, "3'b000") for channel in ("ar", "aw")),
)
"""Signals of the memory's bus that never change: words of 8 bytes, ascending, bufferable."""
IGNORED = (("rid", 1), ("rlast", 1), ("bid", 1))
"""Signals of the memory's bus that say nothing new: one master, whose bursts are answered in order."""


CLOCK = """(* X_INTERFACE_INFO = "xilinx.com:signal:clock:1.0 aclk CLK" *)
  (* X_INTERFACE_PARAMETER = "ASSOCIATED_BUSIF s_axi:m_axi, ASSOCIATED_RESET aresetn" *)
  input  wire aclk"""
RESET = """(* X_INTERFACE_INFO = "xilinx.com:signal:reset:1.0 aresetn RST" *)
  (* X_INTERFACE_PARAMETER = "POLARITY ACTIVE_LOW" *)
  input  wire aresetn"""
"""Clock and reset with what Vivado has to know of them (UG994, attributes for interface inference); it finds
the buses by their names."""


def _range(bits: int) -> str:
    return f"[{bits - 1}:0] " if bits > 1 else ""


def shell_text(design: Design, digest: str, address_bits: int) -> str:
    """Return the top module's text (Verilog, as a block design wants it).

    `digest` is the network's, 64 hexadecimal digits; the registers show it. `address_bits` are those of
    the memory's bus.
    """
    ports = [CLOCK, RESET]
    wired = [".clk_i(aclk)", ".rst_ni(aresetn)"]
    for prefix, short, signals in (("s_axi", "s", LITE), ("m_axi", "m", MEMORY)):
        for name, bits, direction in signals:
            kind = "input  wire" if direction == "in" else "output wire"
            ports.append(f"{kind} {_range(bits or address_bits)}{prefix}_{name}")
            wired.append(f".{short}_{name}_{direction[0]}({prefix}_{name})")
    ports += [f"output wire {_range(bits)}m_axi_{name}" for name, bits, _ in CONSTANT]
    ports += [f"input  wire {_range(bits)}m_axi_{name}" for name, bits in IGNORED]
    constants = "\n".join(f"  assign m_axi_{name} = {value};" for name, _, value in CONSTANT)
    given, made = design.input, design.output
    lines = ",\n  ".join(ports)
    connections = ",\n    ".join(wired)
    return f"""// The accelerator and its shell. Made by fpga_flow; do not edit.
module {TOP} (
  {lines}
);
{constants}
  wire core_rst_n, in_valid, in_ready, out_valid, out_ready;
  wire [{given.width - 1}:0] in_data;
  wire [{made.width - 1}:0] out_data;
  shell #(
    .Digest(256'h{digest}),
    .InBits({word_bits(given)}), .InPortBits({given.width}), .InWords({given.words}),
    .OutBits({word_bits(made)}), .OutPortBits({made.width}), .OutWords({made.words}),
    .AddressWidth({address_bits})
  ) shell (
    {connections},
    .core_rst_no(core_rst_n),
    .in_data_o(in_data), .in_valid_o(in_valid), .in_ready_i(in_ready),
    .out_data_i(out_data), .out_valid_i(out_valid), .out_ready_o(out_ready)
  );
  {design.top} core (
    .ap_clk(aclk), .ap_rst_n(core_rst_n),
    .{INPUT}_tdata(in_data), .{INPUT}_tvalid(in_valid), .{INPUT}_tready(in_ready),
    .{OUTPUT}_tdata(out_data), .{OUTPUT}_tvalid(out_valid), .{OUTPUT}_tready(out_ready)
  );
endmodule
"""
