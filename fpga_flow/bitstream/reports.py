"""What Vivado's report files say: resources, timing, errors."""

import re
from pathlib import Path

from fpga_flow.core.errors import ToolError

ROWS = {
    "lut": ("Slice LUTs", "CLB LUTs"),
    "ff": ("Slice Registers", "CLB Registers"),
    "bram36": ("Block RAM Tile",),
    "dsp": ("DSPs",),
}
"""Resource -> the first column of its row, on the 7 series and on UltraScale+."""


def utilisation(path: Path) -> dict[str, float]:
    """Return lut, ff, bram18 and dsp of the whole design; raises `ToolError` where a row is missing."""
    text = path.read_text(encoding="utf-8", errors="replace")
    found = {}
    for key, names in ROWS.items():
        words = "|".join(re.escape(name) for name in names)
        match = re.search(rf"^\|\s*(?:{words})\*?\s*\|\s*([\d.]+)\s*\|", text, re.MULTILINE)
        if match is None:
            raise ToolError(f"vivado: {path}: no row {' or '.join(names)}; is it a utilisation report?")
        found[key] = float(match.group(1))
    found["bram18"] = 2 * found.pop("bram36")
    return found


def slack_ns(path: Path) -> float:
    """Return the worst negative slack (setup) in ns; raises `ToolError` where there is none."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines):
        if line.strip().startswith("WNS(ns)"):
            for values in lines[number + 1 : number + 4]:
                first = values.split()[:1]
                if first and re.fullmatch(r"-?\d+(\.\d+)?", first[0]):
                    return float(first[0])
    raise ToolError(f"vivado: {path}: no design timing summary; is it a timing report?")


def fmax_mhz(clock_mhz: float, slack: float) -> float:
    """Return the highest clock at which a path that has `slack` ns to spare would still hold."""
    return 1000.0 / (1000.0 / clock_mhz - slack)


def errors(log: str, most: int = 3) -> list[str]:
    """Return the tool's own first error lines; a critical warning where there are none."""
    for kind in ("ERROR:", "CRITICAL WARNING:"):
        found = [line.strip() for line in log.splitlines() if line.lstrip().startswith(kind)]
        if found:
            return list(dict.fromkeys(found))[:most]
    return []
