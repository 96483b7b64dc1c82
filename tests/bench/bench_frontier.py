"""Accuracy against LUTs and against frames a second: `python -m tests.bench.bench_frontier NAME=RUN ...`.

Each RUN is the folder of a build that went as far as `export`. Its integer network is folded for a PYNQ-Z1 at
several rates, and as fast as fits a share of it, twice: with every implementation, and with dense ones alone.
Resources are those of the folding's formulas; no synthesis runs. Accuracies are those of the integers in
onnxruntime, on the test frames of the run. Writes docs/frontier.csv, where rows of networks that are not
named stay, and the picture docs/frontier.png.

    python -m tests.bench.bench_frontier --plot    # the picture alone, from the table
"""

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.recipe import ROOT
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware import lower
from fpga_flow.hardware.fold.problem import Problem, Solution
from fpga_flow.hardware.fold.search import for_board, for_cycles
from fpga_flow.hardware.lowering import chosen_classes
from fpga_flow.layers.base import Weighing
from fpga_flow.report.plots import BLUE, GREY, ORANGE, STYLE
from fpga_flow.target.board import board
from fpga_flow.target.fit import Fit
from tests.bench.tables import read_typed, write_rows

FILE, PICTURE = ROOT / "docs" / "frontier.csv", ROOT / "docs" / "frontier.png"
BOARD = board("pynq-z1")
MARGIN = 0.2
"""Share of the board that is left free, at a rate."""
SHARE = 0.3
"""Of the board, for which the fastest is looked for: with more, all units reach a sample a clock."""
RATES = (5_000, 20_000, 50_000)
DRAWN = 20_000
"""The rate of the picture with LUTs."""
FASTEST = "fastest"
UNITS: dict[str, Weighing | None] = {"all units": None, "dense units": "dense"}
APART = 0.32
"""Accuracy in % between two names in the picture, at least."""
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
    """Within what is left of the board, or within the share of it."""


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
                for_board(problem, BOARD, 1 - SHARE)
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
        not Fit(used, BOARD, 1 - SHARE if wanted == FASTEST else MARGIN).over,
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
        right.set_xlabel(f"frames a second, with {SHARE:.0%} of a {BOARD.name}, or what it takes at least")
        keys = [
            Line2D([], [], color=colour, marker="o", linestyle="", label=units)
            for units, colour in COLOURS.items()
        ]
        keys.append(Line2D([], [], color=GREY, marker="o", mfc="white", linestyle="", label="does not fit"))
        # Above the panels, where a key is not taken for a point.
        figure.legend(handles=keys, loc="outside upper center", ncols=len(keys), frameon=False, fontsize=9)
        figure.savefig(PICTURE, dpi=150, metadata={"Software": None})


def _panel(axes: Axes, rows: Sequence[Row], cost: str) -> None:
    for units, colour in COLOURS.items():
        points = [row for row in rows if row.units == units]
        x, y = [getattr(row, cost) for row in points], [100 * row.accuracy for row in points]
        # What does not fit the board is drawn hollow.
        faces = [colour if row.fits else "white" for row in points]
        axes.scatter(x, y, color=colour, facecolor=faces, s=30, zorder=3)
        if units == next(iter(UNITS)):
            label = -math.inf
            for height, place, name in sorted(zip(y, x, (row.network for row in points), strict=True)):
                label = max(height, label + APART)  # no two names on top of each other
                axes.annotate(
                    name,
                    (place, height),
                    xytext=(0, label),
                    textcoords=("axes fraction", "data"),
                    fontsize=7,
                    va="center",
                    ha="left",
                    arrowprops={"arrowstyle": "-", "color": "#c5ccd6", "linewidth": 0.6},
                )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.6g}")
    axes.margins(0.1, 0.1)
    low, high = axes.get_xlim()
    axes.set_xlim(low / (high / low) ** 0.45, high)  # room for the names


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="*", metavar="NAME=RUN")
    parser.add_argument("--plot", action="store_true", help="draw what the table has")
    arguments = parser.parse_args()
    if not arguments.plot:
        named = dict(text.split("=", 1) for text in arguments.runs)
        rows = [row for row in read_typed(FILE, Row) if row.network not in named]
        with finn_session():
            for name, run in named.items():
                rows += rows_of(name, Path(run))
                print(*rows[-8:], sep="\n", flush=True)
                with FILE.open("w", encoding="utf-8", newline="") as file:
                    write_rows(file, rows)
    draw(read_typed(FILE, Row))


if __name__ == "__main__":
    main()
