"""The command `flow export-rtl`."""

from pathlib import Path
from typing import Annotated

import typer

from fpga_flow.cli.arguments import Debug, RunArgument, find_run, integer
from fpga_flow.pipeline import flow

FRAMES = 8


def export_rtl(
    run: RunArgument,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is empty or not there yet.")],
    frames: Annotated[
        int, typer.Option(metavar="N", parser=integer, help="Golden frames for its test bench.")
    ] = FRAMES,
    verilog: Annotated[
        bool,
        typer.Option(
            "--verilog", help="The design as one file of plain Verilog too (by Yosys), which Icarus can read."
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what an earlier export wrote to DIR.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Write the RTL of a run to a folder, for a project that does without flow.

    DIR gets all sources, files.f, the memories' contents, a README with ports and packing, a test bench with
    golden frames, constraints, the licences, and component.xml for Vivado's IP catalogue. RUN must be built
    up to the stage rtl. Files that no export wrote are never replaced.

    \b
    flow export-rtl signals-w4 ../mine/ip/network
    make -C ../mine/ip/network verilator
    flow export-rtl signals-w4 ../mine/ip/network --force --frames 20 --verilog
    make -C ../mine/ip/network icarus
    """
    from fpga_flow.handover import command

    print(command.export_rtl(flow.open_run(find_run(run)), folder, frames, force, verilog))
