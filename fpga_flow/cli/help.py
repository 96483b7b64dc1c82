"""What `--help` shows: paragraphs as wide as the terminal, flags without a type."""

import inspect
from typing import Any

from typer.core import TyperGroup, TyperOption

AS_WRITTEN = "\b"
"""Begins a paragraph whose lines stay as they are."""


class Commands(TyperGroup):
    """A group of commands whose help, and its own, is tidied."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of that name, None where there is none."""
        command = super().get_command(ctx, cmd_name)
        return command if command is None else _tidied(command, ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help of the group."""
        _tidied(self, ctx)
        super().format_help(ctx, formatter)


def _tidied(command: Any, ctx: Any) -> Any:
    """Return `command`; its paragraphs are a line each, and a flag has no value whose type is shown."""
    command.help = flowing(command.help)
    for param in (*command.params, command.get_help_option(ctx)):
        if isinstance(param, TyperOption) and param.is_flag:
            param.metavar = ""
    return command


def flowing(text: str | None) -> str:
    """Return a docstring with each paragraph in one line, but those that begin with `AS_WRITTEN`."""
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(
        part if part.startswith(AS_WRITTEN) else part.replace("\n", " ") for part in paragraphs
    )
