"""Options and arguments that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from fpga_flow.core import places
from fpga_flow.core.errors import InputError
from fpga_flow.target.board import BOARDS


def _use_cache(context: typer.Context, folder: Path | None) -> Path | None:
    if folder is not None:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"--cache: {folder} is a file; name a folder")
        context.with_resource(places.caching(folder))
    return folder


Cache = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        envvar=places.CACHE,
        callback=_use_cache,
        help="What runs share: simulators, syntheses, data; default: build/out/.cache.",
    ),
]
"""Where it is given, `places.cache()` is that folder as long as the command runs."""
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="A run: its folder, or its name in build/out ('flow list').")
]


def integer(text: str) -> int:
    """Return the option's value as an integer; raises `typer.BadParameter`."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"must be an integer, not {text!r}") from None


def number(text: str) -> float:
    """Return the option's value as a number; raises `typer.BadParameter`."""
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"must be a number, not {text!r}") from None


BOARD_HELP = f"One of {', '.join(BOARDS)}, or a TOML file of yours."
BoardName = Annotated[str | None, typer.Option("--board", metavar="BOARD", help=BOARD_HELP)]
Fps = Annotated[
    float | None,
    typer.Option("--fps", metavar="N", parser=number, help="Frames per second that hardware is folded for."),
]
Clock = Annotated[
    float | None,
    typer.Option(
        "--clock", metavar="MHZ", parser=number, help="The accelerator's clock; default: the board's."
    ),
]
Latency = Annotated[
    float | None,
    typer.Option(
        "--latency", metavar="US", parser=number, help="Fold for this latency in microseconds instead."
    ),
]
ToFit = Annotated[
    bool, typer.Option("--fit", help="Fold for the fastest hardware that fits the board instead.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a value of the recipe; repeatable."),
]


def find_run(name: str) -> Path:
    """Return the folder of run `name`: a path, or a name in `build/out`."""
    inside = places.RUNS / name
    return inside if not Path(name).exists() and inside.is_dir() else Path(name)
