"""Writes docs/report.md, the description of `report.json`, from its schema:

python -m fpga_flow.report.describe > docs/report.md
"""

import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from fpga_flow.core.errors import INTERRUPTED, DifferenceError, FitError, FlowError, InputError, ToolError
from fpga_flow.report.schema import SCHEMA, Part, Report

EXIT_CODES = {
    0: "done",
    FlowError.exit_code: "a fault in flow itself (`--debug` shows where)",
    InputError.exit_code: "the input is wrong: recipe, file, option",
    DifferenceError.exit_code: "the RTL differs from the reference, or the board or an export does",
    ToolError.exit_code: "a tool is missing, failed or hung (for an hour), or disk or memory are full",
    FitError.exit_code: "the design does not fit the board, or passes a limit of `flow check`",
    INTERRUPTED: "interrupted",
}
HEAD = f"""# report.json

Schema {SCHEMA}. Every build and every stage writes it into the run, and `report.html` beside it. Keys stay,
and `null` stands where a stage did not run or a figure is not known. This page is written from
`fpga_flow/report/schema.py`.
"""
WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "anything"}


def page() -> str:
    """Return the page."""
    tables = [f"\n## {title}\n\n{table}" for title, table in _tables(Report, "report.json", [])]
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in EXIT_CODES.items())
    return HEAD + "".join(tables) + f"\n## Exit codes of flow\n\n| code | meaning |\n|---|---|\n{codes}"


def _tables(part: type[Part], title: str, done: list[type[Part]]) -> Iterator[tuple[str, str]]:
    """Yield heading and table of `part`, then of the parts in it that are not `done`."""
    done.append(part)
    rows = "".join(
        f"| `{field.alias or name}` | {_words(field.annotation)} | {field.description} |\n"
        for name, field in part.model_fields.items()
    )
    yield title, f"{part.__doc__}\n\n| key | type | |\n|---|---|---|\n{rows}"
    for field in part.model_fields.values():
        for inner in _parts(field.annotation):
            if inner not in done:
                yield from _tables(inner, inner.__name__, done)


def _parts(kind: Any) -> Iterator[type[Part]]:
    if isinstance(kind, type) and issubclass(kind, Part):
        yield kind
    for inner in get_args(kind):
        yield from _parts(inner)


def _words(kind: Any) -> str:
    """Return a type in words."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind in WORDS:
        return WORDS[kind]
    if kind is type(None):
        return "null"
    if origin in (Union, types.UnionType):
        return " or ".join(_words(one) for one in inner)
    if origin is Annotated:
        return "number from 0 to 1"
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in inner)
    if origin is dict:
        return f"table of {_words(inner[1])}"
    if origin is list or inner[-1:] == (...,):
        return f"list of {_words(inner[0])}"
    if origin is tuple:
        return f"{len(inner)} numbers"
    return f"[{kind.__name__}](#{kind.__name__.lower()})"


if __name__ == "__main__":
    print(page(), end="")
