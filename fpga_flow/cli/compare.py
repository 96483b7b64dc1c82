"""The command `flow compare`: runs side by side."""

import json
from pathlib import Path
from typing import Annotated

import typer

from fpga_flow import __version__
from fpga_flow.cli.arguments import Debug, find_run
from fpga_flow.core import artifact
from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import say
from fpga_flow.pipeline import flow


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN", help="Two or more runs: folders, or names in build/out ('flow list')."),
    ],
    page: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write it as a page too, with a plot.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False,
    debug: Debug = False,
) -> None:
    """Put runs side by side: how their recipes differ, accuracy, cost, speed, resources, and the verdict.

    Runs may be unfinished: a dash stands for what is not known yet, and below the table what to run for it.

    \b
    flow compare signals-w4 signals-w6
    flow compare signals-w4 build/out/mine /data/other --page compared.html
    flow compare signals-w4 signals-w6 --json
    """
    if page is not None:
        _check_place(page)
    from fpga_flow.compare import table  # and the packages that read results are heavy
    from fpga_flow.compare.runs import as_json as table_of
    from fpga_flow.compare.runs import compared

    found = compared([find_run(name) for name in runs])
    if page is not None:
        from fpga_flow.compare.page import render

        artifact.write_text(page, render(found, __version__))
    if as_json:
        print(json.dumps(table_of(found), indent=2))
    else:
        table.show(found)
    if page is not None:
        say(f"page      {page}")


def _check_place(page: Path) -> None:
    """Raise `InputError` where the page cannot go to `page`, or would stand in for a run's own."""
    if page.suffix != ".html":
        raise InputError(f"--page: must end in .html, not {page.name!r}")
    if page.is_dir():
        raise InputError(f"--page: {page} is a folder; name a file")
    if not page.parent.is_dir():
        raise InputError(f"--page: the folder {page.parent} does not exist; make it, or name another")
    if (page.parent / flow.RECIPE).is_file():
        raise InputError(f"--page: {page.parent} is a run, with pages of its own; name another folder")
