"""What networks are expected to take of boards: as tables on the terminal, as JSON, and as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from rich.table import Table

from fpga_flow.budget.budget import Budget
from fpga_flow.report.plots import BLUE, GREY, STYLE
from fpga_flow.results.estimate import Estimated
from fpga_flow.target.resources import LIMITED

SHOWN = 16
"""Layers that are listed by name."""
BAR = 24
"""Characters of the longest bar."""
PICTURES = (".svg", ".png")


def boards(budgets: Sequence[Budget]) -> Table:
    """Return a row for each board: amounts and shares, their ranges below, rate, latency, verdict."""
    table = Table(box=None, pad_edge=False)
    table.add_column("Board")
    for word in (*LIMITED.values(), "frames/s", "us"):
        table.add_column(word, justify="right", no_wrap=True)
    table.add_column("")
    for one in budgets:
        amounts = one.fit.used.limited()
        shares = one.fit.shares
        cells = [f"{amounts[key]:,.0f} ({shares[key]:.0%})" if amounts[key] else "0" for key in LIMITED]
        table.add_row(one.board.name, *cells, f"{one.fps:,.0f}", f"{one.latency_us:,.0f}", one.verdict)
        table.add_row("", *(_range(one.whole, key) for key in LIMITED), style="dim")
    return table


def layers(of: Budget) -> Table:
    """Return the largest layers of a network on a board, with bars; what stands between them is one row."""
    named = of.named()
    shown = dict(list(named.items())[:SHOWN])
    most = max((taken.lut for taken in shown.values()), default=0)
    table = Table(box=None, pad_edge=False)
    table.add_column("Layer", overflow="fold")
    for word in LIMITED.values():
        table.add_column(word, justify="right")
    table.add_column("")
    for name, taken in shown.items():
        bar = "█" * max(1, round(BAR * taken.lut / max(most, 1)))
        table.add_row(name, *_amounts(taken), bar)
    for title, rest in (
        (f"{len(named) - len(shown)} smaller ones", [named[name] for name in named if name not in shown]),
        ("FIFOs, width converters", [taken for name, taken in of.layers.items() if name not in named]),
    ):
        if rest:
            sums = {key: sum(getattr(taken, key) for taken in rest) for key in LIMITED}
            table.add_row(title, *(f"{sums[key]:,}" if sums[key] else "" for key in LIMITED), "", style="dim")
    return table


def as_json(of: Budget) -> dict[str, Any]:
    """Return all that is known of it."""
    return {
        "board": of.board.name,
        "part": of.board.part,
        "fits": of.verdict,
        "bottleneck": of.bottleneck,
        "fps": of.fps,
        "cycles_per_frame": of.graph.fifos.cycles_per_frame,
        "latency_us": of.latency_us,
        "capacity": of.board.capacity.limited(),
        **of.whole.model_dump(mode="json"),
        "layers": {name: taken.model_dump(mode="json") for name, taken in of.layers.items()},
    }


def picture(of: Budget, path: Path) -> None:
    """Draw the LUTs of the layers with their ranges, and the share of each resource, into `path`."""
    named = of.named()
    between = sum(taken.lut for name, taken in of.layers.items() if name not in named)
    names, counts = [*named, "FIFOs, width converters"], [*(one.lut for one in named.values()), between]
    with rc_context(STYLE):
        figure = Figure(figsize=(9.0, max(3.0, 0.8 + 0.2 * len(names))), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(2.2, 1))
        ends = [one.ranges["lut"] for one in named.values()]
        left.barh(names, counts, color=[BLUE] * len(named) + [GREY])
        if ends:
            middle = [one.lut for one in named.values()]
            off = [
                [max(0, value - low) for value, (low, _) in zip(middle, ends, strict=True)],
                [max(0, high - value) for value, (_, high) in zip(middle, ends, strict=True)],
            ]
            left.errorbar(middle, range(len(named)), xerr=off, fmt="none", ecolor="#1a365d", elinewidth=1)
        left.invert_yaxis()
        left.set_xlabel("LUTs; lines: nine of ten lie within")
        left.grid(False, axis="y")
        left.tick_params(axis="y", length=0, labelsize=7)
        shares = of.fit.shares
        bars = right.bar(list(LIMITED.values()), [100 * shares[key] for key in LIMITED], color=BLUE)
        right.bar_label(bars, [f"{shares[key]:.0%}" for key in LIMITED], padding=2)
        right.axhline(100, color="#c53030", linewidth=1)
        right.set_ylim(0, max(108, 110 * max(shares.values())))
        right.set_ylabel(f"% of {of.board.name}")
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)


def _range(taken: Estimated, key: str) -> str:
    low, high = taken.ranges[key]
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _amounts(taken: Estimated) -> list[str]:
    return [f"{amount:,}" if (amount := getattr(taken, key)) else "" for key in LIMITED]
