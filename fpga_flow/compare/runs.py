"""Which runs are compared, and what is known of each."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fpga_flow.core import places
from fpga_flow.core.errors import InputError
from fpga_flow.pipeline import flow, registry
from fpga_flow.report.columns import Value, best
from fpga_flow.sweep.gather import gather
from fpga_flow.sweep.rows import Row
from fpga_flow.target.resources import LIMITED

SHOWN_ELSEWHERE = ("name", "model.name")
"""Keys of a recipe that are not listed where they differ: the run and its network are named in any case."""
SECTIONS = {
    "Accuracy and cost": ("accuracy", "samples", "weights", "nonzero", "sparsity", "itu_score", "bit_ops"),
    "Speed": ("fps_rtl", "latency_us", "latency", "latency_rtl", "cycles", "cycles_rtl"),
    "Hardware": (*LIMITED, "verdict", "fits"),
}
"""Keys of the columns of a report by which runs are compared."""
KEYS = tuple(key for keys in SECTIONS.values() for key in keys)
MADE_LAST = {"verdict": "verify", "lut": "synth"}
"""By key of a figure, the stage that measures it; these two bring up all others that are compared."""


@dataclass(frozen=True)
class Compared:
    """One of the runs."""

    run: str
    """What commands take for it: its name in build/out, or its path."""
    row: Row

    def figure(self, key: str) -> tuple[Value | None, bool]:
        """Return the figure called `key`, None where it is not known; and whether it is only expected."""
        return best(self.row.figures, key)

    @property
    def commands(self) -> list[str]:
        """What is to be run for the figures that it lacks."""
        if self.row.message:  # which says what is to be done first
            return []
        missing = [stage for key, stage in MADE_LAST.items() if self.row.figure(key) is None]
        return [f"flow {stage} {shlex.quote(self.run)}" for stage in missing]


def known_runs() -> list[str]:
    """Return the names of the runs in build/out."""
    return [run.name for run in registry.here()]


def compared(folders: Sequence[Path]) -> list[Compared]:
    """Return the runs in `folders`, in their order.

    Raises `InputError` for a folder that is no run or is named twice, and where there are fewer than two.
    """
    for folder in folders:
        if not (folder / flow.RECIPE).is_file():
            there = ", ".join(known_runs()) or "none yet"
            raise InputError(
                f"RUN: {folder} is no run of fpga_flow (it has no {flow.RECIPE}); "
                f"those in {places.RUNS} are: {there}"
            )
    if len(folders) < 2:
        raise InputError("RUN: name at least two runs to compare; 'flow list' has those in build/out")
    resolved = [folder.resolve() for folder in folders]
    twice = next((place for place in resolved if resolved.count(place) > 1), None)
    if twice is not None:
        raise InputError(f"RUN: {twice} is named twice; name each run once")
    rows = gather(folders, but=SHOWN_ELSEWHERE)
    return [Compared(_run(folder), row) for folder, row in zip(folders, rows, strict=True)]


def _run(folder: Path) -> str:
    return folder.name if folder.parent.resolve() == places.RUNS.resolve() else str(folder)


def as_json(runs: Sequence[Compared]) -> dict[str, Any]:
    """Return all that is compared, for programs; null where a figure is not known."""
    found = []
    for one in runs:
        row = one.row
        figures = {key: one.figure(key) for key in KEYS}
        found.append(
            {
                "name": row.point,
                "run": one.run,
                "network": row.model,
                "bits": row.bits,
                "method": row.method,
                "data": row.data,
                "state": row.state,
                "message": row.message,
                "recipe": row.settings,
                "figures": {key: value for key, (value, _) in figures.items()},
                "expected": [key for key, (_, expected) in figures.items() if expected],
                "commands": one.commands,
            }
        )
    return {"schema": 1, "runs": found}
