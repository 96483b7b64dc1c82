"""What Vivado's timing report says of each path: `report_timing` or `report_timing_summary`, as text.

Only the longest paths for setup, which are those of "Max Delay Paths".
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

from fpga_flow.core.errors import InputError

PATH = re.compile(r"^Slack \((?:MET|VIOLATED)\) *: *(-?[\d.]+)ns", re.MULTILINE)
DELAY = re.compile(r"^ *Data Path Delay: *([\d.]+)ns *\(logic ([\d.]+)ns .*?route ([\d.]+)ns", re.MULTILINE)
END = re.compile(r"^ *(Source|Destination): +(\S+)", re.MULTILINE)
CELL = re.compile(r"^ +\S+ +([A-Z]+)\d*\w* \(Prop_", re.MULTILINE)
LOGIC, CARRY = ("LUT", "CARRY", "RAMD", "RAMS", "SRL"), "CARRY"
"""How the types of cells begin that are levels of logic; carry chains are one however long."""


@dataclass(frozen=True)
class TimingPath:
    """A path from a register to another."""

    source: str
    """Pin, with the instances above it, separated by slashes."""
    destination: str
    slack_ns: float
    logic_ns: float
    route_ns: float
    levels: int
    """LUTs, reads of memories in LUTs, and carry chains on it."""

    @property
    def delay_ns(self) -> float:
        """Of the path as a whole."""
        return self.logic_ns + self.route_ns


def paths(file: Path) -> list[TimingPath]:
    """Return the paths in the report `file`; raises `InputError` where there are none."""
    text = file.read_text(encoding="utf-8", errors="replace")
    found = list(_paths(text))
    if not found:
        raise InputError(
            f"{file}: must be a timing report with paths, as text (report_timing -max_paths 1000 -file FILE)"
        )
    return found


def of_instances(found: Sequence[TimingPath], names: Sequence[str]) -> dict[str, TimingPath]:
    """Return the path with the least slack that ends in each instance of `names`."""
    longest: dict[str, TimingPath] = {}
    for path in sorted(found, key=lambda one: one.slack_ns):
        for name in set(path.destination.split("/")) & set(names):
            longest.setdefault(name, path)
    return longest


def _paths(text: str) -> Iterator[TimingPath]:
    starts = [match.start() for match in PATH.finditer(text)]
    for start, end in pairwise([*starts, len(text)]):
        part = text[start:end]
        slack, delay, ends = PATH.match(part), DELAY.search(part), dict(END.findall(part))
        if slack and delay and len(ends) == 2 and "(Max at" in part:
            yield TimingPath(
                ends["Source"],
                ends["Destination"],
                float(slack[1]),
                float(delay[2]),
                float(delay[3]),
                _levels(CELL.findall(part)),
            )


def _levels(cells: Sequence[str]) -> int:
    """Return how many levels of logic `cells`, which are on the path in this order, are."""
    kinds = [kind for kind in cells if kind.startswith(LOGIC)]
    return sum(1 if kind == CARRY else len(list(run)) for kind, run in groupby(kinds))
