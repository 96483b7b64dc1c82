"""A comparison on the terminal: a column a run, as many side by side as fit."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fpga_flow.compare.lines import Line, notes, sections
from fpga_flow.compare.runs import SECTIONS, Compared

LONGEST = 14
"""Characters of a line of a name, or of a value of a recipe; what is longer is folded."""
WHOLE = 72
"""Characters of a value of a recipe that are shown."""
BETWEEN = 2
"""Characters between two columns."""


def show(runs: Sequence[Compared], console: Console | None = None) -> None:
    """Print the table to stdout, below one another where the runs do not fit side by side, and its notes."""
    console = console or Console(highlight=False)
    found = sections(runs)
    names = [one.row.point for one in runs]
    left = max(len(line.title) for lines in found.values() for line in lines)
    widths = [_width(found, name, run) for run, name in enumerate(names)]
    for block in _blocks(widths, console.width - left):
        console.print()
        console.print(_table(found, names, block, widths))
    if said := notes(runs):
        console.print()
    for note in said:
        console.print(note, markup=False, soft_wrap=True)  # a command stays whole


def _width(found: dict[str, list[Line]], name: str, run: int) -> int:
    """Return how wide the column of a run is: its figures stay whole, names and the like are folded."""
    figures = [line.cells[run] for title in SECTIONS for line in found[title]]
    others = [
        name,
        *(line.cells[run] for title, lines in found.items() if title not in SECTIONS for line in lines),
    ]
    return max(*map(len, figures), min(max(map(len, others)), LONGEST))


def _blocks(widths: Sequence[int], room: int) -> Iterator[range]:
    """Yield the numbers of the runs that stand side by side; one alone where even that has no room."""
    first, taken = 0, 0
    for run, width in enumerate(widths):
        if run > first and taken + BETWEEN + width > room:
            yield range(first, run)
            first, taken = run, 0
        taken += BETWEEN + width
    yield range(first, len(widths))


def _table(found: dict[str, list[Line]], names: Sequence[str], block: range, widths: Sequence[int]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, BETWEEN, 0, 0))
    table.add_column("", no_wrap=True)
    for run in block:
        table.add_column(escape(names[run]), justify="right", overflow="fold", width=widths[run])
    for title, lines in found.items():
        table.add_row(f"[bold]{title}[/bold]")
        for line in lines:
            table.add_row(escape(line.title), *(escape(_short(line.cells[run])) for run in block))
    return table


def _short(text: str) -> str:
    return text if len(text) <= WHOLE else f"{text[: WHOLE - 1]}…"
