"""A sweep's tables on the terminal: of the networks, and of their hardware where points went that far."""

from collections.abc import Callable, Sequence
from functools import partial

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fpga_flow.core.format import amount
from fpga_flow.report.columns import COLUMNS, MARK, best_text
from fpga_flow.sweep.rows import Row

NETWORK = ("accuracy_unpruned", "accuracy", "nonzero", "sparsity", "itu_score")
"""Keys of the columns of a report that are shown of a network."""
HARDWARE = ("fps", "latency_us", "lut", "bram18", "dsp", "verdict", "fits")
"""The same of its hardware."""
SAID = ("accuracy", "sparsity", "itu_score", "fps", "lut", "verdict")
"""Keys of those that are told when a point is done."""
WORDS = ("Point", "method", "state", COLUMNS["verdict"].title, COLUMNS["fits"].title)
"""Heads of columns of words."""
WIDTH = 160
"""Characters of a line where stdout is no terminal."""
NOTE = f"{MARK} expected, not yet measured or counted: '--until synth' has all of it"

Cells = dict[str, Callable[[Row], str]]
"""By its head, what a column shows of a point."""


def line(row: Row) -> str:
    """Return what a point has come to in one line."""
    if row.state != "done":
        return f"{row.state}: {row.message}"
    return ", ".join(f"{COLUMNS[key].title} {text}" for key in SAID if (text := row.text(key)))


def show(rows: Sequence[Row], console: Console | None = None) -> None:
    """Print a line for each point to stdout in each table, and below them why points failed."""
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    before: Cells = {"bits": lambda row: amount(row.bits), "method": lambda row: row.method or ""}
    behind: Cells = {"time": lambda row: f"{row.seconds:,.0f} s" if row.seconds else "", "state": _state}
    console.print()
    console.print(_table(rows, before | _figures(NETWORK) | behind))
    hardware = _figures(HARDWARE)
    if any(cell(row) for cell in hardware.values() for row in rows):
        console.print()
        console.print(_table(rows, hardware))
        if any(cell(row).startswith(MARK) for cell in hardware.values() for row in rows):
            console.print(NOTE, soft_wrap=True)
    for row in rows:
        if row.message:
            console.print(f"{row.point}: {row.message}", markup=False, soft_wrap=True)


def _figures(keys: Sequence[str]) -> Cells:
    return {COLUMNS[key].title: partial(_figure, key) for key in keys}


def _figure(key: str, row: Row) -> str:
    return best_text(row.figures, key)


def _table(rows: Sequence[Row], columns: Cells) -> Table:
    """Return a line for each point, without the columns that are empty in all of them."""
    table = Table(box=None, pad_edge=False)
    table.add_column("Point", overflow="fold")
    filled = {head: cell for head, cell in columns.items() if any(cell(row) for row in rows)}
    for head in filled:
        table.add_column(head, justify="left" if head in WORDS else "right", no_wrap=True)
    for row in rows:
        table.add_row(escape(row.point), *(cell(row) for cell in filled.values()))
    return table


def _state(row: Row) -> str:
    return row.state if row.state != "unfinished" or row.stage is None else f"unfinished (up to {row.stage})"
