"""The command `flow remove`."""

import sys
from contextlib import ExitStack
from typing import Annotated

import typer
from rich.filesize import decimal

from fpga_flow.cli.arguments import Debug, find_run
from fpga_flow.core.errors import InputError
from fpga_flow.core.locking import locked


def remove(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN", help="Runs: their folders, or their names in build/out ('flow list')."),
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask; needed where there is no terminal.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Remove runs: their folders, with all that stands in them.

    A folder that is no run, or that another flow is working on, is refused, and then nothing is removed.
    Simulators, syntheses and data sets are in the cache and stay ('flow clean').

    \b
    flow remove signals-w4
    flow remove build/out/tried-* --yes
    """
    from fpga_flow.storage import runs as storage
    from fpga_flow.storage.sizes import taken

    folders = list(dict.fromkeys(storage.removable(find_run(name)) for name in runs))
    if not (yes or sys.stdin.isatty()):
        raise InputError("--yes: must be given where there is no terminal to ask on")
    with ExitStack() as held:
        for folder in folders:
            held.enter_context(locked(folder, remedy="wait until it is done, or end it"))
        if not yes:
            for folder in folders:
                typer.echo(f"{folder}  {decimal(taken(folder).size)}", err=True)
            many = "this run" if len(folders) == 1 else f"these {len(folders)} runs"
            if not typer.confirm(f"Remove {many}?", err=True):
                typer.echo("nothing removed", err=True)
                return
        total = 0
        for folder in folders:
            freed = storage.remove(folder)
            total += freed
            print(f"{folder}  removed, {decimal(freed)} freed")
    if len(folders) > 1:
        print(f"{decimal(total)} freed")
