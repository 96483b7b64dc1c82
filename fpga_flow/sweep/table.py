"""A sweep's table on the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from fpga_flow.core.format import amount
from fpga_flow.sweep.rows import Row

HEADS = (
    "Point",
    "bits",
    "method",
    "unpruned",
    "accuracy",
    "weights left",
    "zero",
    "score",
    "LUT",
    "time",
    "state",
)


WIDTH = 160
"""Characters of a line where stdout is no terminal."""


def show(rows: Sequence[Row], console: Console | None = None) -> None:
    """Print a line for each point to stdout, and below them why points failed."""
    table = Table(box=None, pad_edge=False)
    for head in HEADS:
        left = head in ("Point", "method", "state")
        table.add_column(head, justify="left" if left else "right", no_wrap=True)
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
        _share(row.accuracy_unpruned),
        _share(row.accuracy),
        amount(row.nonzero),
        "" if row.sparsity is None else f"{row.sparsity:.1%}",
        "" if row.itu_score is None else f"{row.itu_score:.6f}",
        amount(row.lut),
        f"{row.seconds:,.0f} s" if row.seconds else "",
        row.state if row.state != "unfinished" or row.stage is None else f"unfinished (up to {row.stage})",
    )


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"
