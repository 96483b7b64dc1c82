"""The outer module of a layer: one stream in, one out, configuration ports tied off.

FINN's wrappers have AXI-Lite and set-selection ports for settings that are constant here, and a
matrix unit takes its weights as a second stream; both are closed inside this module.
"""

import re
from collections.abc import Mapping

PORT = re.compile(
    r"^\s*(input|output)\s+(?:wire\s+|logic\s+)?(?:\[[^\]]*\]\s*)*(\w+)\s*[,)]?\s*(?://.*)?$", re.MULTILINE
)
STREAMS = {"ap_clk", "ap_rst_n"} | {
    f"{stream}_V_{signal}" for stream in ("in0", "out0") for signal in ("TDATA", "TVALID", "TREADY")
}


def ports(module_text: str) -> dict[str, str]:
    """Return the ports of a Verilog module with one port a line: name -> input or output."""
    return {name: direction for direction, name in PORT.findall(module_text)}


def _connections(names: Mapping[str, str], wired: Mapping[str, str]) -> str:
    """Connect `wired` ports, tie the other inputs to 0, leave the other outputs open."""
    lines = []
    for name, direction in names.items():
        value = wired.get(name, "'0" if direction == "input" else "")
        lines.append(f"    .{name}({value})")
    return ",\n".join(lines)


def text(
    name: str, wrapper: str, texts: Mapping[str, str], in_bits: int, out_bits: int, weight_bits: int | None
) -> str:
    """Return the outer module `name` around FINN's module `wrapper`, found in `texts`.

    `weight_bits` is the width of the weight stream of a matrix unit in bits, None for other layers.
    """
    sources = {file: content for file, content in texts.items() if not file.endswith(".dat")}
    memory = f"{wrapper}_memstream_wrapper"
    inner = next(c for c in sources.values() if re.search(rf"^module\s+{wrapper}\b", c, re.MULTILINE))
    wired = {port: port for port in STREAMS}
    wired["ap_clk2x"] = "ap_clk"  # only for double-pumped units, which are not made
    streamer = ""
    if weight_bits is not None:
        wired |= {f"in1_V_{signal}": f"weight_{signal.lower()}" for signal in ("TDATA", "TVALID", "TREADY")}
        memory_wired = {"ap_clk": "ap_clk", "ap_clk2x": "ap_clk", "ap_rst_n": "ap_rst_n"}
        memory_wired |= {f"m_axis_0_{signal}": f"weight_{signal}" for signal in ("tdata", "tvalid", "tready")}
        streamer = f"""
  logic [{weight_bits - 1}:0] weight_tdata;
  logic weight_tvalid, weight_tready;
  {memory} weights (
{_connections(ports(sources[f"{memory}.v"]), memory_wired)}
  );
"""
    return f"""module {name} (
  input  logic ap_clk,
  input  logic ap_rst_n,
  input  logic [{in_bits - 1}:0] in0_V_TDATA,
  input  logic in0_V_TVALID,
  output logic in0_V_TREADY,
  output logic [{out_bits - 1}:0] out0_V_TDATA,
  output logic out0_V_TVALID,
  input  logic out0_V_TREADY
);
{streamer}
  {wrapper} core (
{_connections(ports(inner), wired)}
  );
endmodule
"""
