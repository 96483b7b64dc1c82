"""What Yosys makes of a module: cells, and levels of logic between registers, read off the mapped netlist."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from fpga_flow.synth.usage import read_statistics, resources_of
from fpga_flow.synth.yosys import make_script, run_script
from fpga_flow.target.family import ADDERS, WHERE, Family
from fpga_flow.target.resources import Resources


@dataclass(frozen=True)
class Figures:
    """What a module takes, and its longest path."""

    lut: int
    """With those that are shift registers."""
    srl: int
    ff: int
    carry4: int
    levels: int
    """LUTs, reads of memories in LUTs, and carry chains, on the path between two registers with most."""
    cells: int
    """LUTs and CARRY4 on the path that has most of these."""


READS = ("RAM", "SRL")
"""How the types of memories in LUTs begin, which are read in the same cycle."""


def for_adders(family: Family) -> Family:
    """Return `family`, mapping every module as it maps networks of adders: ours, and those of others."""
    condition = f"{WHERE} a:{ADDERS} "
    return replace(family, synthesis=tuple(one.removeprefix(condition) for one in family.synthesis))


def synthesised(top: str, sources: Sequence[Path], folder: Path, family: Family) -> Figures:
    """Return what `top` takes of a part of `family`; raises `ToolError` as `fpga_flow.synth.yosys` does."""
    found, levels, cells = with_levels(top, sources, folder, family)
    return Figures(int(found.lut), int(found.srl), int(found.ff), int(found.carry), levels, cells)


def with_levels(
    top: str,
    sources: Sequence[Path],
    folder: Path,
    family: Family,
    parameters: Mapping[str, int | str] | None = None,
) -> tuple[Resources, int, int]:
    """Return what `top` takes, and the levels of logic and the cells on its longest paths.

    `parameters` override its own; its memory files are in `folder`. Raises as `synthesised` does.
    """
    folder = folder.resolve()
    statistics, netlist, log = (folder / f"{top}.{end}" for end in ("stat.json", "netlist.json", "log"))
    script = make_script(top, [path.resolve() for path in sources], family, statistics, parameters)
    run_script(f"{script}select A:top\nwrite_json -selected {netlist}\n", folder, log)
    modules: dict[str, Any] = json.loads(netlist.read_text(encoding="utf-8"))["modules"]
    module = next(one for one in modules.values() if one["attributes"].get("top"))
    found = resources_of(read_statistics(statistics), family.cells)
    return found, *longest_paths(module["cells"].values())


def longest_paths(cells: Iterable[Mapping[str, Any]]) -> tuple[int, int]:
    """Return levels of logic, and cells, on the longest paths through the mapped `cells` (Yosys' JSON)."""
    logic = [cell for cell in cells if _is_logic(cell["type"])]
    driver: dict[int, int] = {}
    for place, cell in enumerate(logic):
        for name, bits in cell["connections"].items():
            if cell["port_directions"][name] == "output":
                driver.update((bit, place) for bit in bits if isinstance(bit, int))
    sources = {place: list(_sources(cell, driver)) for place, cell in enumerate(logic)}
    order = TopologicalSorter({place: {source for source, _ in found} for place, found in sources.items()})
    levels: dict[int, int] = {}
    counts: dict[int, int] = {}
    for place in order.static_order():
        # A carry chain is one level however long; a multiplexer of a slice is none.
        own = int(not logic[place]["type"].startswith("MUXF"))
        levels[place] = max((levels[s] + own * (not chained) for s, chained in sources[place]), default=own)
        levels[place] = max(levels[place], own)
        counts[place] = own + max((counts[s] for s, _ in sources[place]), default=0)
    return max(levels.values(), default=0), max(counts.values(), default=0)


def _sources(cell: Mapping[str, Any], driver: Mapping[int, int]) -> Iterator[tuple[int, bool]]:
    for name, bits in cell["connections"].items():
        if cell["port_directions"][name] == "input" and _passes(cell["type"], name):
            chained = cell["type"].startswith("CARRY") and name == "CI"
            yield from ((driver[bit], chained) for bit in bits if isinstance(bit, int) and bit in driver)


def _is_logic(kind: str) -> bool:
    return kind.startswith(("LUT", "CARRY", "MUXF", *READS)) and not kind.startswith("RAMB") or kind == "INV"


def _passes(kind: str, port: str) -> bool:
    """Return whether what comes in at `port` of a cell goes on to its outputs in the same cycle."""
    return not kind.startswith(READS) or port.startswith(("A", "DPRA", "RADDR")) and port[:5] != "ADDRD"
