"""What a person sees while a stage works: lines on a terminal, plain text elsewhere, always stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from fpga_flow.core import interrupt

console = Console(stderr=True, highlight=False)

PLAIN_INTERVAL_S = 15.0
"""Seconds between two lines of a bar where stderr is no terminal."""


def say(message: str) -> None:
    """Print one line for the user, as it is (square brackets are no markup)."""
    console.print(message, markup=False, soft_wrap=True)


@contextmanager
def bar(description: str, total: float) -> Iterator[Callable[..., None]]:
    """Show a progress bar; yields `advance(step=1, note=None)`."""
    if console.is_terminal:
        columns = (
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=console, transient=True) as live:
            task = live.add_task(description, total=total, note="")

            def advance(step: float = 1, note: str | None = None) -> None:
                interrupt.check()
                live.advance(task, step)
                if note is not None:
                    live.update(task, note=note)

            yield advance
        return

    done, last, latest = 0.0, time.monotonic(), ""

    def advance_plain(step: float = 1, note: str | None = None) -> None:
        nonlocal done, last, latest
        interrupt.check()
        done += step
        latest = latest if note is None else note
        if time.monotonic() - last >= PLAIN_INTERVAL_S:
            last = time.monotonic()
            print(f"  {description}: {done:g}/{total:g} {latest}".rstrip(), file=sys.stderr, flush=True)

    yield advance_plain
