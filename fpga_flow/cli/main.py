"""The command `flow`. Heavy packages (torch, FINN) are imported inside the stages only."""

import atexit
import gc
import sys
import traceback
from typing import Annotated

import typer
from typer.exceptions import TyperException

from fpga_flow import __version__
from fpga_flow.cli import bits as bits_command
from fpga_flow.cli import board as board_command
from fpga_flow.cli import build as build_command
from fpga_flow.cli import check as check_command
from fpga_flow.cli import clean as clean_command
from fpga_flow.cli import compare as compare_command
from fpga_flow.cli import cost as cost_command
from fpga_flow.cli import export_rtl as export_rtl_command
from fpga_flow.cli import refit as refit_command
from fpga_flow.cli import remove as remove_command
from fpga_flow.cli import run as run_command
from fpga_flow.cli import stage_commands
from fpga_flow.cli import sweep as sweep_command
from fpga_flow.cli.arguments import (
    Cache,
    Debug,
    RunArgument,
    find_run,
)
from fpga_flow.cli.help import Commands
from fpga_flow.cli.telling import command, telling
from fpga_flow.core import interrupt, places, progress, system
from fpga_flow.core.errors import INTERRUPTED, FlowError
from fpga_flow.core.recipe import ROOT
from fpga_flow.pipeline import flow

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


app.command()(telling(build_command.build))
for _stage, _stage_command in stage_commands.commands():
    app.command(_stage.name, rich_help_panel="Stages")(_stage_command)


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
