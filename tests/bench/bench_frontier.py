"""Accuracy against LUTs and against frames a second: `python -m tests.bench.bench_frontier NAME=RUN ...`.

Each RUN is the folder of a build that went as far as `export`. Its integer network is folded for a PYNQ-Z1 at
several rates, and as fast as fits with a fifth of everything left free, twice: with every implementation, and
with dense ones alone. Resources are those of the folding's formulas; no synthesis runs. Accuracies are
those of the integers in onnxruntime, on the test frames of the run. Writes docs/frontier.csv and the picture
docs/frontier.png.

    python -m tests.bench.bench_frontier --plot    # the picture alone, from the table
"""

import argparse
import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.recipe import ROOT
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware import lower
from fpga_flow.hardware.fold.problem import Problem, Solution
from fpga_flow.hardware.fold.search import for_board, for_cycles
from fpga_flow.hardware.lowering import chosen_classes
from fpga_flow.layers.base import Weighing
from fpga_flow.report.plots import BLUE, ORANGE, STYLE
from fpga_flow.target.board import board
from fpga_flow.target.fit import Fit
from tests.bench.tables import write_rows

FILE, PICTURE = ROOT / "docs" / "frontier.csv", ROOT / "docs" / "frontier.png"
BOARD = board("pynq-z1")
MARGIN = 0.2
RATES = (5_000, 20_000, 50_000)
DRAWN = 20_000
"""The rate of the picture with LUTs."""
FASTEST = "fastest"
UNITS: dict[str, Weighing | None] = {"all units": None, "dense units": "dense"}
COLOURS = dict(zip(UNITS, (BLUE, ORANGE), strict=True))


@dataclass(frozen=True)
class Row:
    """A network, folded once."""

    network: str
    accuracy: float
    """Share of `frames` that are right."""
    frames: int
    weights: int
    """That are not zero."""
    units: str
    wanted: str
    """Frames a second, or `FASTEST`."""
    fps: float
    lut: int
    ff: int
    bram18: float
    dsp: int
    fits: bool
    """Within the board, with a fifth left free."""


def rows_of(name: str, run: Path) -> Iterator[Row]:
    """Yield the rows of the network in the folder `run`."""
    report: dict[str, Any] = json.loads((run / "report.json").read_text(encoding="utf-8"))
    found = report["stand_in"] or {
        "accuracy": report["accuracy"]["golden"],
        "samples": report["accuracy"]["samples"],
    }
    network = ModelWrapper(str(run / "export" / "network.onnx"))
    model = lower.lower(network, BOARD.part, chosen_classes(network))
    for units, weights in UNITS.items():
        problem = Problem(model, BOARD, weights=weights)
        for wanted in (*map(str, RATES), FASTEST):
            solution = (
                for_board(problem, BOARD, MARGIN)
                if wanted == FASTEST
                else for_cycles(model, problem, int(BOARD.clock_mhz * 1e6 / int(wanted)))
            )
            yield _row(name, found, report["cost"]["nonzero"], units, wanted, solution)


def _row(
    name: str,
    found: dict[str, Any],
    weights: int,
    units: str,
    wanted: str,
    solution: Solution,
) -> Row:
    used = solution.resources
    return Row(
        name,
        round(found["accuracy"], 4),
        found["samples"],
        weights,
        units,
        wanted,
        round(BOARD.clock_mhz * 1e6 / solution.cycles, 1),
        round(used.lut),
        round(used.ff),
        round(used.bram18, 1),
        round(used.dsp),
        not Fit(used, BOARD, MARGIN).over,
    )


def draw(rows: Sequence[Row]) -> None:
    """Write the picture."""
    with rc_context(STYLE):
        figure = Figure(figsize=(10.0, 4.4), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        _panel(left, [row for row in rows if row.wanted == str(DRAWN)], "lut")
        left.set_xlabel(f"LUTs, estimated, at {DRAWN:,} frames a second or as near as it comes")
        left.set_ylabel("accuracy in %")
        _panel(right, [row for row in rows if row.wanted == FASTEST], "fps")
        right.set_xlabel(f"frames a second, with {1 - MARGIN:.0%} of a {BOARD.name}")
        left.legend(frameon=False, fontsize=8)
        figure.savefig(PICTURE, dpi=150, metadata={"Software": None})


def _panel(axes: Axes, rows: Sequence[Row], cost: str) -> None:
    for units, colour in COLOURS.items():
        points = [row for row in rows if row.units == units]
        x, y = [getattr(row, cost) for row in points], [100 * row.accuracy for row in points]
        # What does not fit the board is drawn hollow.
        faces = [colour if row.fits else "white" for row in points]
        axes.scatter(x, y, color=colour, facecolor=faces, s=30, zorder=3, label=units)
        if units == next(iter(UNITS)):
            for row, place, height in zip(points, x, y, strict=True):
                axes.annotate(
                    row.network, (place, height), xytext=(5, 4), textcoords="offset points", fontsize=7
                )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.6g}")
    axes.margins(0.15, 0.1)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="*", metavar="NAME=RUN")
    parser.add_argument("--plot", action="store_true", help="draw what the table has")
    arguments = parser.parse_args()
    if not arguments.plot:
        rows: list[Row] = []
        with finn_session():
            for text in arguments.runs:
                name, _, run = text.partition("=")
                rows += rows_of(name, Path(run))
                print(*rows[-8:], sep="\n", flush=True)
        with FILE.open("w", encoding="utf-8", newline="") as file:
            write_rows(file, rows)
    with FILE.open(encoding="utf-8", newline="") as file:
        draw([_read(line) for line in csv.DictReader(file)])


def _read(line: dict[str, str]) -> Row:
    kinds = {"accuracy": float, "fps": float, "lut": int, "bram18": float, "frames": int, "weights": int}
    kinds |= {"ff": int, "dsp": int}
    values: dict[str, Any] = {key: kinds.get(key, str)(value) for key, value in line.items()}
    return Row(**{**values, "fits": line["fits"] == "True"})


if __name__ == "__main__":
    main()
