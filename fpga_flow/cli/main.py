"""The command `flow`. Heavy packages (torch, FINN) are imported inside the stages only."""

import atexit
import gc
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from fpga_flow import __version__
from fpga_flow.cli import bits as bits_command
from fpga_flow.cli import board as board_command
from fpga_flow.cli import building
from fpga_flow.cli import check as check_command
from fpga_flow.cli import clean as clean_command
from fpga_flow.cli import compare as compare_command
from fpga_flow.cli import cost as cost_command
from fpga_flow.cli import estimate as estimate_command
from fpga_flow.cli import export_rtl as export_rtl_command
from fpga_flow.cli import refit as refit_command
from fpga_flow.cli import remove as remove_command
from fpga_flow.cli import run as run_command
from fpga_flow.cli import sweep as sweep_command
from fpga_flow.cli.arguments import (
    BoardName,
    Cache,
    Clock,
    Debug,
    Fps,
    Latency,
    RunArgument,
    Settings,
    ToFit,
    find_run,
    integer,
    number,
)
from fpga_flow.cli.help import Commands
from fpga_flow.cli.telling import command, telling
from fpga_flow.core import interrupt, places, progress, system
from fpga_flow.core.errors import INTERRUPTED, FlowError, InputError
from fpga_flow.core.locking import locked
from fpga_flow.core.recipe import ROOT, Change, find_recipe, load_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.settings import accuracy_changes, changes_of, hardware_changes, own_data
from fpga_flow.core.stage import Stage
from fpga_flow.pipeline import flow
from fpga_flow.pipeline.replaced import check_nothing_lost

app = typer.Typer(
    name="flow",
    cls=Commands,
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


atexit.register(gc.freeze)
"""Else Python looks through all of torch once more before it ends, for seconds in which nothing is said."""


def _version(wanted: bool) -> None:
    if wanted:
        print(f"flow {__version__} (Python {sys.version.split()[0]}, {ROOT})")
        raise typer.Exit


@app.callback()
def _flow(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """From a quantised, pruned network to verified dataflow hardware for an FPGA.

    \b
    flow build --bits 4              the whole way, on generated radio signals
    flow build --bits 4 --fps 90000  the same network, folded for more speed
    flow build --model net.onnx      a network trained elsewhere (QONNX)
    flow estimate net.onnx           what would it take of each board?
    flow check net.onnx              is it right, small and fast enough? for CI
    flow report signals-w4           the results of a run again
    flow compare signals-w4 mine     runs side by side
    flow verify signals-w4           one stage of a run again
    flow doctor                      are all tools there?

    \b
    Exit codes: 0 done, 1 a fault of flow itself, 2 wrong input,
    3 RTL and reference differ, 4 a tool is missing or failed,
    5 it does not fit the board, misses the clock or a limit, 130 interrupted.
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
@telling
def build(
    recipe: Annotated[
        str | None, typer.Argument(help="A recipe: a TOML file, or its name in build/. Default: signals.")
    ] = None,
    bits: Annotated[
        int | None, typer.Option(metavar="N", parser=integer, help="Bits per weight and activation.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="FILE.onnx", help="A trained network from outside, no recipe.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npz",
            help="Your own frames x and labels y, to verify and to measure accuracy on, or to train on.",
        ),
    ] = None,
    board: BoardName = None,
    clock: Clock = None,
    fps: Fps = None,
    latency: Latency = None,
    fit: ToFit = False,
    accuracy: Annotated[
        float | None,
        typer.Option(
            metavar="A",
            parser=number,
            help="Prune until the network fits the board at the frame rate, with at least A % of the "
            "validation frames right, or say what must give.",
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="STAGE", help=f"Stop after one of {', '.join(flow.STAGE_NAMES)}.")
    ] = None,
    settings: Settings = None,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Train from random weights, from no checkpoint.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The run's folder; build/out/<recipe>-w<bits>.")
    ] = None,
    again: Annotated[
        bool,
        typer.Option("--again", help="Train and prune anew where the run's were of another recipe."),
    ] = False,
    cache: Cache = None,
    debug: Debug = False,
) -> None:
    """Build a recipe: all stages whose inputs, recipe, tools or code changed since the last time.

    \b
    flow build --bits 4
    flow build --bits 4 --fps 50000 --until hardware
    flow build --bits 4 --clock 150 --fit
    flow build --bits 4 --board pynq-z1 --fps 50000 --accuracy 55
    flow build my.toml --set prune.method=imp --out build/out/mine
    flow build --model net.onnx --data mine.npz --board zcu104
    run=$(flow build --bits 4 --quiet)
    flow build --bits 4 --json > events.jsonl
    """
    changes = changes_of(settings or (), bits)
    if data is not None:
        changes += own_data(data)
    changes += hardware_changes(board, fps, latency, fit, clock) + accuracy_changes(accuracy)
    if from_scratch:
        changes.append(Change("train.checkpoint", None, "--from-scratch"))
    if model is None:
        made = load_recipe(find_recipe(recipe or "signals"), changes)
        folder = places.RUNS / f"{made.name}-w{made.quant.weight_bits}"
    else:
        made = _outside_recipe(model, recipe, bits, from_scratch, changes)
        folder = places.RUNS / made.name
    run = flow.new_run(out or folder, made, model)
    if not again:
        flow.check_recipe(run)
        check_nothing_lost(run)
    building.build(run, until)


def _outside_recipe(
    model: Path, recipe: str | None, bits: int | None, from_scratch: bool, changes: list[Change]
) -> Recipe:
    for word, given in (("RECIPE", recipe), ("--bits", bits is not None), ("--from-scratch", from_scratch)):
        if given:
            raise InputError(f"{word}: {building.TRAINED.format(option='--model')}; leave {word} out")
    return building.outside_recipe(model, changes)


def _again(stage: Stage, run: str) -> None:
    building.build(flow.open_run(find_run(run)), stage.name, stage.name)


def _help(stage: Stage) -> str:
    return f"{stage.summary}\n\nRuns this stage of RUN again; its inputs are brought up to date first."


def _stage_command(stage: Stage) -> Callable[..., None]:
    def command(run: RunArgument, cache: Cache = None, debug: Debug = False) -> None:
        _again(stage, run)

    command.__doc__ = _help(stage)
    return telling(command)


def _export_command(stage: Stage) -> Callable[..., None]:
    def command(
        run: RunArgument,
        finn: Annotated[
            bool, typer.Option("--finn", help="Bring RUN up to hardware instead, and write RUN/finn.")
        ] = False,
        cache: Cache = None,
        debug: Debug = False,
    ) -> None:
        if not finn:
            _again(stage, run)
            return
        from fpga_flow.cli import stock_finn

        opened = flow.open_run(find_run(run))
        building.build(opened, "hardware")
        with locked(opened.folder):
            print(stock_finn.write(opened.folder))

    command.__doc__ = (
        f"{_help(stage)}\n\nWith --finn it writes what stock FINN goes on with: the integers "
        "(streamlined.onnx), the layers of the hardware under FINN's names (dataflow.onnx) and their folding "
        "(folding.json)."
    )
    return telling(command)


_COMMANDS: dict[str, Callable[[Stage], Callable[..., None]]] = {
    "export": _export_command,
    "estimate": lambda stage: telling(estimate_command.estimate, events=False),
}
"""Stages whose commands do more than run them again."""
for _stage in flow.STAGES:
    _command_of = _COMMANDS.get(_stage.name, _stage_command)
    app.command(_stage.name, rich_help_panel="Stages")(_command_of(_stage))


@app.command("list")
def list_(cache: Cache = None, debug: Debug = False) -> None:
    """List recipes, models, boards, stages and runs."""
    from fpga_flow.cli import listing

    listing.show()


@app.command()
def doctor(debug: Debug = False) -> None:
    """Look for every tool: where it is, its version, and what to do about a missing one (exit code 4)."""
    from fpga_flow.cli import doctor as doctor_module

    doctor_module.examine()


@app.command()
def report(run: RunArgument, debug: Debug = False) -> None:
    """Write report.json and report.html of a run and show its results."""
    from fpga_flow import report as report_package

    opened = flow.open_run(find_run(run))
    report_package.write(opened)
    report_package.show(opened)


for _command in (board_command.package, board_command.deploy):
    app.command(rich_help_panel="Board")(telling(_command))
app.command()(telling(check_command.check))
app.command("clean")(clean_command.clean_)
app.command()(remove_command.remove)
app.command()(telling(run_command.run))
app.command()(telling(bits_command.bits))
app.command()(cost_command.cost)
app.command()(telling(export_rtl_command.export_rtl))
app.command()(telling(refit_command.refit))
app.command()(telling(sweep_command.sweep))
app.command()(compare_command.compare)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line (`arguments`, or those of the process) and return its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    with command():
        code = _called(words)
        if code == INTERRUPTED:  # typer turns a KeyboardInterrupt into this code
            progress.fail("interrupted; the same command goes on where it stopped", code)
        progress.end(code)
    return code


def _called(words: list[str]) -> int:
    with interrupt.noticed():
        try:
            return int(app(args=words, prog_name="flow", standalone_mode=False) or 0)
        except (KeyboardInterrupt, typer.Abort):
            return INTERRUPTED
        except TyperException as error:  # an unknown option and the like
            text = f"{error.format_message()}\n  'flow --help' and 'flow COMMAND --help' explain"
            progress.fail(text, error.exit_code)
            return error.exit_code
        except Exception as error:  # noqa: BLE001  (the one place where every error ends)
            return INTERRUPTED if interrupt.came() else _explain(error, "--debug" in words)


def _explain(error: Exception, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
    error = system.explained(error, (places.RUNS,)) or error
    expected = isinstance(error, FlowError)
    what = str(error) if expected else f"a fault in flow itself: {type(error).__name__}: {error}"
    hint = [] if debug or expected else ["the same command with --debug shows where"]
    code = error.exit_code if isinstance(error, FlowError) else FlowError.exit_code
    progress.fail("\n  ".join([what, *getattr(error, "__notes__", ()), *hint]), code)
    return code


if __name__ == "__main__":
    sys.exit(main())
