"""LUT levels between registers of a netlist that Yosys mapped to a family of AMD's.

A LUT, a read of a memory in LUTs and a carry chain are a level each; the multiplexers of a slice are none.
"""

import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fpga_flow.synth.usage import read_statistics, resources_of
from fpga_flow.synth.yosys import make_script, run_script
from fpga_flow.target.family import Family
from fpga_flow.target.resources import Resources

FREE = ("MUXF7", "MUXF8", "MUXF9")
READS = ("RAM", "SRL")
REGISTERS = ("FD", "DSP", "RAMB")


def synthesise_with_levels(
    module: str, sources: list[Path], folder: Path, family: Family, parameters: Mapping[str, int | str]
) -> tuple[Resources, int]:
    """Return what `module`, whose memory files are in `folder`, takes, and the most levels on a path."""
    netlist, cells = folder / "netlist.json", folder / "cells.json"
    script = make_script(module, sources, family, cells, parameters)
    run_script(f"{script}select A:top\nwrite_json -selected {netlist}\n", folder, folder / "log.txt")
    modules: dict[str, Any] = json.loads(netlist.read_text(encoding="utf-8"))["modules"]
    top = next(found for found in modules.values() if found["attributes"].get("top"))
    return resources_of(read_statistics(cells), family.cells), longest(top)


def longest(module: Mapping[str, Any]) -> int:
    """Return the most levels on a path of `module`, as `write_json` gives it."""
    driver: dict[int, tuple[Mapping[str, Any], str]] = {}
    for cell in module["cells"].values():
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "output":
                driver.update({bit: (cell, port) for bit in bits if isinstance(bit, int)})
    sys.setrecursionlimit(100_000)

    @cache
    def arrival(bit: int) -> int:
        if bit not in driver:
            return 0
        cell, _ = driver[bit]
        kind = cell["type"]
        if kind.startswith(REGISTERS):
            return 0
        found = 0
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] != "input" or not _passes(kind, port):
                continue
            cost = 0 if kind in FREE or (kind == "CARRY4" and port == "CI") else 1
            found = max(found, *(arrival(one) + cost for one in bits if isinstance(one, int)), 0)
        return found

    ends = [
        bit
        for cell in module["cells"].values()
        for port, bits in cell["connections"].items()
        for bit in bits
        if isinstance(bit, int) and cell["port_directions"][port] == "input"
    ]
    return max(map(arrival, ends), default=0)


def _passes(kind: str, port: str) -> bool:
    """Return whether what comes in at `port` of a cell goes on to its outputs in the same cycle."""
    return (
        not kind.startswith(READS) or port.startswith(("A", "DPRA", "RADDR")) and not port.startswith("ADDRD")
    )
