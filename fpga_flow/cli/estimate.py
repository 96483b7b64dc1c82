"""The command `flow estimate`: what a run, or a network in a file, is expected to take of boards."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fpga_flow.cli import building
from fpga_flow.cli.arguments import BOARD_HELP, Cache, Clock, Debug, Fps, Latency, Settings, ToFit, find_run
from fpga_flow.core import places
from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import warn
from fpga_flow.core.recipe import make_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.settings import changes_of, hardware_changes
from fpga_flow.pipeline import flow
from fpga_flow.pipeline.replaced import changes as changed_since
from fpga_flow.pipeline.replaced import repeated
from fpga_flow.target.board import BOARDS, Board, board
from fpga_flow.target.speed import check_speed

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

    from fpga_flow.budget.budget import Budget

FILES = (".onnx", ".pt")


def estimate(
    network: Annotated[
        str,
        typer.Argument(
            metavar="RUN|FILE", help="A run, a QONNX network (.onnx), or a checkpoint (.pt) of 'flow build'."
        ),
    ],
    boards: Annotated[
        list[str] | None,
        typer.Option("--board", metavar="BOARD", help=f"{BOARD_HELP} Repeatable; default: all of ours."),
    ] = None,
    clock: Clock = None,
    fps: Fps = None,
    latency: Latency = None,
    fit: ToFit = False,
    settings: Settings = None,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the layers on the first board (.svg or .png)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    cache: Cache = None,
    debug: Debug = False,
) -> None:
    """Say what a network takes of each board, by layer, before any tool runs.

    Folding, FIFOs and formulas are those of a build. Below each amount is the range that holds nine of ten
    such designs. Exit code 5: a board given with --board is too small even for the low end of the range.

    For a RUN its stage estimate is brought up to date too, by its own recipe; the options affect only what is
    printed. Where that would train or prune again, because code or tools changed, the run is estimated as it
    stands. --fps, --latency and --fit exclude each other; without them it is the run's target, or 5,000
    frames/s.

    \b
    flow estimate signals-w4
    flow estimate signals-w4 --board pynq-z1 --fps 50000 --picture layers.svg
    flow estimate net.onnx --board zcu104 --clock 250 --fit
    """
    drawn = _drawn(picture)
    changes = changes_of(settings or ()) + hardware_changes(None, fps, latency, fit, clock)
    file, run = Path(network), None
    if file.suffix in FILES and file.is_file():
        recipe = building.outside_recipe(file, changes, "FILE")
        targets = [board(name) for name in BOARDS]
    else:
        run = flow.open_run(find_run(network))
        recipe = make_recipe(run.recipe.model_dump(mode="json"), changes, network)
        own = board(recipe.board)
        targets = [own, *(one for name, one in BOARDS.items() if name != own.name)]
    if boards:
        targets = [_board(name) for name in boards]
    for target in targets:
        check_speed(recipe.hardware, target)
    model = _of_file(file, recipe) if run is None else _of_run(run)
    found = _budgets(model, recipe, targets, as_json)
    if drawn is not None:
        from fpga_flow.report import budgets as shown

        shown.picture(found[0], drawn)
        typer.echo(drawn, err=as_json)
    if boards:
        _refuse(model, recipe, found)


def _drawn(picture: Path | None) -> Path | None:
    from fpga_flow.report.budgets import PICTURES

    if picture is not None and picture.suffix not in PICTURES:
        raise InputError(f"--picture: must end in {' or '.join(PICTURES)}, not {picture.name!r}")
    return picture


def _board(name: str) -> Board:
    return board(make_recipe({"name": "estimate"}, hardware_changes(name, None)).board)


def _of_file(path: Path, recipe: Recipe) -> "ModelWrapper":
    from fpga_flow.export.declared import declared_input
    from fpga_flow.export.network import write_network
    from fpga_flow.export.reader import read
    from fpga_flow.export.walk import to_integers
    from fpga_flow.scores.source import network_in

    if path.suffix == ".pt":
        return write_network(network_in(path))
    return write_network(to_integers(read(path), declared_input(recipe.export.input)))


def _of_run(run: flow.Run) -> "ModelWrapper":
    from qonnx.core.modelwrapper import ModelWrapper

    again = repeated(run)
    if again and "export" in flow.current(run):
        names = " and ".join(one.stage.name for one in again)
        warn(
            f"{names} would run again, because {' and '.join(changed_since(again))}; this is the run as it is"
        )
    else:
        building.build(run, "estimate", "estimate", show=False)
    return ModelWrapper(str(run.folder / "export" / "network.onnx"))


def _budgets(model: "ModelWrapper", recipe: Recipe, targets: list[Board], as_json: bool) -> "list[Budget]":
    from rich.console import Console

    from fpga_flow.budget.budget import budget
    from fpga_flow.core.progress import say
    from fpga_flow.report import budgets as shown

    found = []
    for target in targets:
        say(f"{target.name} ...")
        found.append(budget(model, recipe.hardware, target, places.cache()))
    if as_json:
        print(json.dumps([shown.as_json(one) for one in found], indent=2))
        return found
    console = Console(highlight=False)
    console.print()
    console.print(shown.boards(found))
    first = found[0]
    word = {"lut": "LUTs", "ff": "flip-flops", "bram18": "block RAMs", "dsp": "DSPs"}[first.bottleneck]
    console.print(f"\nThe largest share of {first.board.name} is that of its {word}. Its layers:\n")
    console.print(shown.layers(first))
    return found


def _refuse(model: "ModelWrapper", recipe: Recipe, found: "list[Budget]") -> None:
    """Raise `FitError` for the first board that is too small whatever the truth is."""
    from fpga_flow.budget.would_fit import would_fit
    from fpga_flow.target.fit import cannot_fit, surely_over

    for one in found:
        over = surely_over(one.whole, one.board)
        instead = would_fit(model, recipe.hardware, one.graph, one.fit) if over else None
        error = cannot_fit(one.whole, instead, one.board)
        if error is not None:
            raise error
