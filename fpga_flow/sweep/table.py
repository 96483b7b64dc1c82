"""A sweep's table on the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from fpga_flow.core.format import amount
from fpga_flow.report.columns import COLUMNS
from fpga_flow.sweep.rows import Row

FIGURES = ("accuracy_unpruned", "accuracy", "nonzero", "sparsity", "itu_score", "lut")
"""Keys of the columns of a report that are shown."""
SAID = ("accuracy", "sparsity", "itu_score", "lut")
"""Keys of those that are told when a point is done."""
BEFORE, BEHIND = ("Point", "bits", "method"), ("time", "state")
LEFT = ("Point", "method", "state")
"""Heads of columns of words."""
WIDTH = 160
"""Characters of a line where stdout is no terminal."""


def line(row: Row) -> str:
    """Return what a point has come to in one line."""
    if row.state != "done":
        return f"{row.state}: {row.message}"
    return ", ".join(f"{COLUMNS[key].title} {text}" for key in SAID if (text := row.text(key)))


def show(rows: Sequence[Row], console: Console | None = None) -> None:
    """Print a line for each point to stdout, and below them why points failed."""
    table = Table(box=None, pad_edge=False)
    for head in (*BEFORE, *(COLUMNS[key].title for key in FIGURES), *BEHIND):
        table.add_column(head, justify="left" if head in LEFT else "right", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row))
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    console.print()
    console.print(table)
    for row in rows:
        if row.message:
            console.print(f"{row.point}: {row.message}", markup=False, soft_wrap=True)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.point,
        amount(row.bits),
        row.method or "",
        *(row.text(key) for key in FIGURES),
        f"{row.seconds:,.0f} s" if row.seconds else "",
        row.state if row.state != "unfinished" or row.stage is None else f"unfinished (up to {row.stage})",
    )
