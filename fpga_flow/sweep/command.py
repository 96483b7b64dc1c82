"""The command `flow sweep`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpga_flow.errors import InputError
from fpga_flow.progress import say

if TYPE_CHECKING:
    from fpga_flow.sweep.rows import Row


def sweep(
    names: Annotated[
        list[str],
        typer.Argument(metavar="RECIPE", help="A recipe; with --gather: runs, or folders that hold runs."),
    ],
    gathered: Annotated[
        bool, typer.Option("--gather", help="Build nothing: make table and plots of runs that stand.")
    ] = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the table and the plots go.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Build many points of a recipe, and put them into one table with plots.

    \b
    flow sweep --gather build/out/signals-w4 build/out/signals-w6 --out build/out/compared
    """
    if gathered:
        _gather([Path(name) for name in names], out)


def _gather(paths: list[Path], out: Path | None) -> None:
    from fpga_flow.sweep import gather

    if out is None and len(paths) > 1:
        raise InputError("--out: name the folder that the table and the plots of all these runs go to")
    _results(gather.gather(gather.run_folders(paths)), out or paths[0])


def _results(rows: "list[Row]", folder: Path) -> None:
    from fpga_flow.sweep import plots, table
    from fpga_flow.sweep.rows import CSV, JSON, write

    write(folder, rows)
    drawn = plots.draw(folder, rows)
    table.show(rows)
    say(f"\n{folder}: {', '.join([JSON, CSV, *drawn])}")
