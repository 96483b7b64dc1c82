"""The outer module of a layer: its streams and nothing else, configuration ports tied off.

FINN's wrappers have AXI-Lite and set-selection ports for settings that are constant here, and a
matrix unit takes its weights as a second stream; both are closed inside this module.
"""

import re
from collections.abc import Mapping, Sequence

PORT = re.compile(
    r"^\s*(input|output)\s+(?:wire\s+|logic\s+)?(?:\[[^\]]*\]\s*)*(\w+)\s*[,)]?\s*(?://.*)?$", re.MULTILINE
)
SIGNALS = ("TDATA", "TVALID", "TREADY")


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
    name: str,
    wrapper: str,
    texts: Mapping[str, str],
    in_bits: Sequence[int],
    out_bits: Sequence[int],
    weight_bits: int | None,
) -> str:
    """Return the outer module `name` around FINN's module `wrapper`, found in `texts`.

    `in_bits` and `out_bits` are the widths of the streams, `weight_bits` that of the weight stream of a
    matrix unit, None for other layers.
    """
    sources = {file: content for file, content in texts.items() if not file.endswith(".dat")}
    inner = next(c for c in sources.values() if re.search(rf"^module\s+{wrapper}\b", c, re.MULTILINE))
    outer = ["input  logic ap_clk", "input  logic ap_rst_n"]
    wired = {"ap_clk": "ap_clk", "ap_rst_n": "ap_rst_n"}
    wired["ap_clk2x"] = "ap_clk"  # only for double-pumped units, which are not made
    for side, widths, there, back in (
        ("in", in_bits, "input ", "output"),
        ("out", out_bits, "output", "input "),
    ):
        for index, bits in enumerate(widths):
            data, valid, ready = names = [f"{side}{index}_V_{signal}" for signal in SIGNALS]
            outer += [
                f"{there} logic [{bits - 1}:0] {data}",
                f"{there} logic {valid}",
                f"{back} logic {ready}",
            ]
            wired |= {port: port for port in names}
    streamer = ""
    if weight_bits is not None:
        memory = f"{wrapper}_memstream_wrapper"
        wired |= {f"in1_V_{signal}": f"weight_{signal.lower()}" for signal in SIGNALS}
        memory_wired = {"ap_clk": "ap_clk", "ap_clk2x": "ap_clk", "ap_rst_n": "ap_rst_n"}
        memory_wired |= {f"m_axis_0_{signal.lower()}": f"weight_{signal.lower()}" for signal in SIGNALS}
        streamer = f"""
  logic [{weight_bits - 1}:0] weight_tdata;
  logic weight_tvalid, weight_tready;
  {memory} weights (
{_connections(ports(sources[f"{memory}.v"]), memory_wired)}
  );
"""
    outer_ports = ",\n  ".join(outer)
    return f"""module {name} (
  {outer_ports}
);
{streamer}
  {wrapper} core (
{_connections(ports(inner), wired)}
  );
endmodule
"""
