"""The tables of `bench_units` for a reader: `python -m tests.bench.unit_tables`.

Prints docs/units.csv and docs/sparsity.csv as Markdown, for docs/units.md, and draws docs/sparsity.png: what
a matrix costs by zeros, for each number of cycles that a vector may take.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

from matplotlib import rc_context
from matplotlib.figure import Figure

from fpga_flow.core.recipe import ROOT
from fpga_flow.report.plots import STYLE
from tests.bench.bench_units import GRID, Row
from tests.bench.tables import read_rows

DOCS = ROOT / "docs"
KINDS = {"dense": ("lut", "dsp", "inferred"), "sparse": ("sparse", "sparse_dsp"), "constant": ("constant",)}
"""Way to have weights -> implementations."""
COLOURS = {"dense": "#718096", "sparse": "#2b6cb0", "constant": "#dd8a2b"}


def known_cost(row: Row) -> float:
    """Return the cost by Yosys, by formula where it was not synthesised."""
    return float(row.cost or row.expected)


def cheapest(rows: Iterable[Row], kind: str) -> Row | None:
    """Return the cheapest row of a kind."""
    found = [row for row in rows if row.implementation in KINDS[kind]]
    return min(found, key=known_cost, default=None)


def table(rows: Sequence[Row]) -> list[str]:
    """Return a line for each layer: the cost of each kind, the chosen one, and what it is above the best."""
    lines = [
        "| layer | cycles | dense | sparse | constant | chosen | by formula | above the best |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (layer, part, cycles), group in groupby(rows, lambda row: (row.layer, row.part, row.cycles)):
        ways = list(group)
        chosen = next(row for row in ways if str(row.chosen) == "True")
        costs = [_text(cheapest(ways, kind)) for kind in KINDS]
        above = f"{100 * float(chosen.above_best):.0f} %" if chosen.above_best != "" else ""
        held = " (held back)" if part == "held" else ""
        cells = [f"{layer}{held}", cycles, *costs, chosen.implementation, f"{int(chosen.expected):,}", above]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def _text(row: Row | None) -> str:
    if row is None:
        return "-"
    return f"{known_cost(row):,.0f}" if row.cost != "" else f"({float(row.expected):,.0f})"


def picture(rows: Sequence[Row]) -> Figure:
    """Draw cost by zeros, a panel for each number of cycles; hollow: by formula."""
    paces = sorted({layer.cycles for layer in GRID})
    with rc_context(STYLE):
        figure = Figure(figsize=(9.5, 5.6), layout="constrained")
        panels = figure.subplots(2, (len(paces) + 1) // 2, sharex=True, sharey=True).ravel()
        for panel, cycles in zip(panels, paces, strict=False):
            for kind, colour in COLOURS.items():
                points = []
                for place, zeros in enumerate(sorted({layer.zeros for layer in GRID})):
                    name = next(one.name for one in GRID if one.zeros == zeros)
                    here = [row for row in rows if row.layer == name and int(row.cycles) == cycles]
                    found = cheapest(here, kind)
                    if found is not None:
                        points.append((place, known_cost(found), found.cost != ""))
                panel.plot(
                    *zip(*[point[:2] for point in points], strict=True) if points else ([], []),
                    color=colour,
                    label=kind,
                )
                for x, y, synthesised in points:
                    panel.plot(
                        x,
                        y,
                        "o",
                        color=colour,
                        markerfacecolor=colour if synthesised else "white",
                        markersize=4,
                    )
            panel.set_title(f"{cycles} cycle{'s' * (cycles > 1)} a vector")
            panel.set_yscale("log")
        zeros = sorted({layer.zeros for layer in GRID})
        panels[0].set_xticks(range(len(zeros)), [f"{100 * one:g}" for one in zeros])
        figure.supxlabel("zeros in %")
        figure.supylabel("LUT + 242 DSP + 190 BRAM18")
        panels[0].legend()
    return figure


def main() -> None:
    """Print both tables and draw the picture."""
    for name in ("units", "sparsity"):
        rows = read_rows(DOCS / f"{name}.csv", Row)
        if rows:
            print("\n".join(table(rows)), end="\n\n")
    if rows:
        picture(rows).savefig(DOCS / "sparsity.png", dpi=150, metadata={"Software": None})


if __name__ == "__main__":
    main()
