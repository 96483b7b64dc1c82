"""`flow STAGE RUN`: the command of each stage, which runs it again."""

from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from fpga_flow.cli import building
from fpga_flow.cli import estimate as estimate_command
from fpga_flow.cli.arguments import Cache, Debug, RunArgument, find_run
from fpga_flow.cli.telling import telling
from fpga_flow.core.locking import locked
from fpga_flow.core.stage import Stage
from fpga_flow.pipeline import flow


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


def commands() -> Iterator[tuple[Stage, Callable[..., None]]]:
    """Return each stage with its command, in their order."""
    for stage in flow.STAGES:
        yield stage, _COMMANDS.get(stage.name, _stage_command)(stage)


_COMMANDS: dict[str, Callable[[Stage], Callable[..., None]]] = {
    "export": _export_command,
    "estimate": lambda stage: telling(estimate_command.estimate, events=False),
}
"""Stages whose commands do more than run them again."""
