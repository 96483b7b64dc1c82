"""How a person is told what happens: bars on a terminal, a few plain lines elsewhere, always stderr."""

import itertools
import textwrap
import threading
from collections.abc import Callable, Iterable, Sequence

from rich.console import Console, RenderableType
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID
from rich.table import Column
from rich.text import Text

from fpga_flow.core.errors import INTERRUPTED
from fpga_flow.core.events import Event

console = Console(stderr=True, highlight=False)
WAITS_S = (2.0, 13.0, 15.0, 30.0, 60.0, 120.0)
"""Seconds before a step's first plain line, and between those that follow; then always the last."""
SPEED_S = 600.0
"""Seconds that a step's speed is taken from: some take minutes from one piece to the next."""
WIDEST = 100
"""Columns that a bar's line takes at most."""
BARS = {WIDEST: 20, 70: 12}
"""Columns of the bar itself, by the least width of the terminal; narrower ones have the numbers alone."""


class Person:
    """Shows events to a person."""

    def __init__(self, quiet: bool = False) -> None:
        """`quiet`: warnings and errors only."""
        self.quiet = quiet
        self._bars: _Bars | None = None
        self._tasks: dict[int, TaskID] = {}
        self._lines: dict[int, threading.Event] = {}
        self._lock = threading.RLock()

    def __call__(self, event: Event) -> None:
        """Show `event`."""
        if self.quiet and event.kind not in ("warning", "error"):
            return
        if event.step is not None:
            with self._lock:
                self._step(event, event.step)
        elif text := words(event):
            show(text)

    def _step(self, event: Event, step: int) -> None:
        """Show a step's bar; without a terminal its numbers are kept for the lines."""
        if self._bars is None:
            self._bars = _Bars(
                console=console, transient=True, redirect_stdout=False, speed_estimate_period=SPEED_S
            )
        bars = self._bars
        if event.kind == "begin":
            self._tasks[step] = bars.add_task(event.text, total=event.total, note=event.note, unit=event.unit)
            bars.update(self._tasks[step], completed=event.done)
            if interactive():
                bars.start()
            else:
                self._lines[step] = over = threading.Event()
                task = bars.tasks[-1]
                waits = WAITS_S[len(self._tasks) > 1 :]  # one within another leaves out the first line
                threading.Thread(target=_say_at_times, args=(task, waits, over), daemon=True).start()
            return
        bars.update(self._tasks[step], completed=event.done, note=event.note)
        if event.kind == "end":
            if step in self._lines:
                self._lines.pop(step).set()
            bars.remove_task(self._tasks.pop(step))
            if not self._tasks:
                if bars.live.is_started:  # or it prints an empty line where there is no terminal
                    bars.stop()
                self._bars = None


def interactive() -> bool:
    """Return whether a person looks at a terminal on which lines can be overwritten."""
    return console.is_terminal and console.file.isatty() and not console.is_dumb_terminal


def words(event: Event) -> str | None:
    """Return the line for an event that is no step's; None for the end of the command."""
    if event.kind == "warning":
        return f"  warning: {event.text}"
    if event.kind == "error":
        return event.text if event.exit_code == INTERRUPTED else f"error: {event.text}"
    if event.kind == "begin":
        return f"{event.stage:9} ..."
    if event.kind == "end":
        return f"{event.stage:9} {event.text}" if event.stage else None
    return event.text


def show(text: str) -> None:
    """Print `text`; on a terminal with long lines broken between words, what follows indented."""
    if interactive():
        text = "\n".join(_folded(line, console.width) for line in text.split("\n"))
    console.print(text, markup=False, soft_wrap=True)


def _folded(line: str, width: int) -> str:
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.fill(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _say_at_times(task: Task, waits: Sequence[float], over: threading.Event) -> None:
    """Print a line about `task` after each of `waits`, and again after the last one, until it is over."""
    for wait in itertools.chain(waits, itertools.repeat(waits[-1])):
        if over.wait(wait):
            return
        show(line(task))


def line(task: Task) -> str:
    """Return the line about a step that is under way."""
    facts = [part for part in (amount(task), left(task), task.fields["note"]) if part]
    return f"  {task.description}" + (f": {', '.join(facts)}" if facts else " ...")


def amount(task: Task) -> str:
    """Return how much of `task` is done, in words."""
    done, total, unit = task.completed, task.total, task.fields["unit"]
    if unit.startswith("%"):
        return f"{done:.0f} {unit}"
    if unit == "bytes":
        return f"{decimal(int(done))} of {decimal(int(total or 0))}"
    return "" if total is None else f"{done:,.0f} of {total:,.0f} {unit}".rstrip()


def left(task: Task) -> str:
    """Return how long it will take about, in words; nothing where that is not known yet."""
    seconds = task.time_remaining
    if seconds is None or task.finished:
        return ""
    for most, one, unit in ((100, 1, "s"), (100 * 60, 60, "min")):
        if seconds < most:
            return f"{seconds / one:.0f} {unit} left"
    return f"{seconds / 3600:.1f} h left"


class _Words(ProgressColumn):
    """Words about a task, of which no more is shown than there is room for."""

    def __init__(self, of: Callable[[Task], str], *, whole: bool) -> None:
        """`of` gives the words; those that are not to be `whole` give way where it is narrow."""
        super().__init__(Column(no_wrap=True, overflow="ellipsis", ratio=None if whole else 1))
        self.of = of

    def render(self, task: Task) -> Text:
        """Return the words."""
        return Text(self.of(task))


class _Bars(Progress):
    """Bars that fit the terminal: a line each, what it does cut off first, its note in a line below."""

    def get_renderables(self) -> Iterable[RenderableType]:
        """Return the lines for the terminal as wide as it is now."""
        width = min(console.width, WIDEST)
        bar = next((columns for least, columns in BARS.items() if width >= least), 0)
        self.columns = (
            _Words(lambda task: f"  {task.description}", whole=False),
            *([BarColumn(bar_width=bar)] if bar else []),
            _Words(amount, whole=True),
            _Words(lambda task: left(task) or f"{task.elapsed or 0:.0f} s", whole=True),
        )
        for task in self.tasks:
            table = self.make_tasks_table([task])
            table.width = width
            yield table
            if task.fields["note"]:
                yield Text(f"    {task.fields['note']}", style="dim", no_wrap=True, overflow="ellipsis")
