"""The commands `flow package` and `flow deploy`."""

from pathlib import Path
from typing import Annotated

import typer

from fpga_flow.cli import building
from fpga_flow.cli.arguments import Cache, Debug, RunArgument, find_run, integer, number
from fpga_flow.core.errors import InputError
from fpga_flow.pipeline import flow


def package(
    run: RunArgument,
    virtual: Annotated[
        bool, typer.Option("--virtual", help="For the virtual board: a simulator instead of a bitstream.")
    ] = False,
    cache: Cache = None,
    debug: Debug = False,
) -> None:
    """Make the zip for the board: bitstream, driver, test frames with golden outputs.

    On the board: python3 -m zipfile -e FILE.zip . && python3 -m accelerator --test
    """
    from fpga_flow.deploy import command

    opened = flow.open_run(find_run(run))
    print(command.make_package(opened, virtual))


def deploy(
    run: RunArgument,
    host: Annotated[
        str, typer.Option(metavar="USER@ADDRESS[:PORT]", help="The board, or 'virtual' for the virtual one.")
    ],
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Private key; default: the agent's and ~/.ssh.")
    ] = None,
    known_hosts: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Known host keys; default ~/.ssh/known_hosts.")
    ] = None,
    ask_password: Annotated[
        bool, typer.Option("--ask-password", help="Ask for the user's password on the board.")
    ] = False,
    sudo: Annotated[
        bool,
        typer.Option("--sudo", help="Become root there with that password; loading a bitstream wants it."),
    ] = False,
    virtual: Annotated[
        bool, typer.Option("--virtual", help="The host is no board: take the virtual board's package.")
    ] = False,
    frames: Annotated[
        int | None, typer.Option(metavar="N", parser=integer, help="Only so many test frames.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="S", parser=number, help="Seconds after which a run is given up.")
    ] = None,
    cache: Cache = None,
    debug: Debug = False,
) -> None:
    """Copy a run to a board, flash it, run the accuracy test there, bring the figures back.

    \b
    flow deploy signals-w4 --host virtual
    flow deploy signals-w4 --host xilinx@192.168.2.99 --ask-password --sudo
    """
    from fpga_flow import report
    from fpga_flow.deploy import command

    if sudo and not ask_password:
        raise InputError("--sudo: give --ask-password too; the password is what sudo asks for")
    opened = flow.open_run(find_run(run))
    password = typer.prompt(f"Password of {host}", hide_input=True) if ask_password else None
    try:
        command.deploy(
            opened,
            host,
            key=key,
            known_hosts=known_hosts,
            password=password,
            sudo=sudo,
            virtual=virtual,
            frames=frames,
            timeout=timeout,
        )
    finally:
        report.write(opened)
    building.show_results(opened)
