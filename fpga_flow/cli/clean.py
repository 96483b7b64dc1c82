"""The command `flow clean`."""

import time
from typing import Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from fpga_flow.cli.arguments import Cache, Debug, number
from fpga_flow.core import places
from fpga_flow.core.errors import InputError
from fpga_flow.storage.cache import KINDS, Cleaned, clean, entries

DAY = 86_400.0
"""Seconds."""


def clean_(
    kinds: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="NAME", help=f"Remove these: {', '.join(KINDS)}; repeatable."),
    ] = None,
    older_than: Annotated[
        float | None,
        typer.Option(
            "--older-than",
            metavar="DAYS",
            parser=number,
            help="Remove what was made, and as far as that is known last used, so many days ago.",
        ),
    ] = None,
    cache: Cache = None,
    debug: Debug = False,
) -> None:
    """Show what the cache holds, or remove some of it.

    The cache has what runs share: simulators, syntheses, data sets. Whatever is removed is made again when a
    build wants it. What a running build may be using stays. Runs are removed by 'flow remove'.

    \b
    flow clean                                     show kinds, sizes and ages
    flow clean --older-than 30                     all that is older than 30 days
    flow clean --kind simulators --kind objects    these, whatever their age
    flow clean --kind data --older-than 7
    """
    for name in kinds or ():
        if name not in KINDS:
            raise InputError(f"--kind: must be one of {', '.join(KINDS)}, not {name!r}")
    if older_than is not None and not 0 <= older_than < float("inf"):
        raise InputError(f"--older-than: must be a number of days, 0 or more, not {older_than:g}")
    if not kinds and older_than is None:
        _show()
        return
    before = None if older_than is None else time.time() - DAY * older_than
    total = Cleaned()
    for name in dict.fromkeys(kinds or KINDS):
        done = clean(KINDS[name], before)
        if done.entries or done.stayed:
            print(f"{name:10}  {_words(done)}")
        total.entries += done.entries
        total.freed += done.freed
        total.stayed += done.stayed
    print(f"{places.cache()}: {_words(total)}")


def _words(done: Cleaned) -> str:
    many = "1 entry" if done.entries == 1 else f"{done.entries:,} entries"
    stay = f"; {done.stayed:,} may be in use and stay" if done.stayed else ""
    return f"{many} removed, {decimal(done.freed)} freed{stay}"


def _show() -> None:
    console = Console(highlight=False)
    console.print(f"[bold]{places.cache()}[/bold]\n", soft_wrap=True)
    table = Table("kind", "", box=None, pad_edge=False)
    for head in ("size", "entries", "oldest"):
        table.add_column(head, justify="right")
    total, now = 0, time.time()
    for name, kind in KINDS.items():
        found = entries(kind)
        size = sum(entry.size for entry in found)
        total += size
        oldest = _age(now - found[0].used) if found else ""
        table.add_row(name, kind.words, decimal(size), f"{len(found):,}", oldest)
    console.print(table)
    console.print(
        f"\nTotal {decimal(total)}. Remove some with --kind NAME or --older-than DAYS.", soft_wrap=True
    )


def _age(seconds: float) -> str:
    days = int(seconds / DAY)
    return "today" if days < 1 else f"{days:,} day{'s' if days > 1 else ''}"
