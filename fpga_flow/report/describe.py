"""Writes docs/report.md, the description of `report.json`, from its schema:

python -m fpga_flow.report.describe > docs/report.md
"""

import types
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from fpga_flow.core.errors import INTERRUPTED, DifferenceError, FitError, FlowError, InputError, ToolError
from fpga_flow.report.schema import SCHEMA, Report
from fpga_flow.results import Record

EXIT_CODES = {
    0: "done",
    FlowError.exit_code: "a fault in flow itself (`--debug` shows where)",
    InputError.exit_code: "the input is wrong: recipe, file, option",
    DifferenceError.exit_code: "the RTL differs from the reference, or the board or an export does",
    ToolError.exit_code: "a tool is missing, failed or hung (for an hour), or disk or memory are full",
    FitError.exit_code: "the design does not fit the board, its logic is slower than the clock, or it "
    "exceeds a limit of `flow check`",
    INTERRUPTED: "interrupted",
}
HEAD = f"""# report.json

Schema {SCHEMA}. Every build and every stage writes it into the run, and `report.html` beside it. Keys stay,
and `null` stands where a stage did not run or a figure is not known. This page is written from
`fpga_flow/report/schema.py` and `fpga_flow/report/hardware.py`.
"""
WORDS = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Any: "anything",
    datetime: "time",
}


def page() -> str:
    """Return the page."""
    first, *others = parts(Report)
    tables = [table(first, "report.json"), *(table(part, part.__name__) for part in others)]
    codes = "".join(f"| {code} | {meaning} |\n" for code, meaning in EXIT_CODES.items())
    return HEAD + "".join(tables) + f"\n## Exit codes of flow\n\n| code | meaning |\n|---|---|\n{codes}"


def table(part: type[BaseModel], title: str) -> str:
    """Return the section about `part`, a row for each of its keys, from their docstrings."""
    rows = "".join(
        f"| `{field.alias or name}` | {_words(field.annotation)} | {field.description} |\n"
        for name, field in part.model_fields.items()
    )
    return f"\n## {title}\n\n{part.__doc__}\n\n| key | type | |\n|---|---|---|\n{rows}"


def parts(whole: type[Record]) -> list[type[Record]]:
    """Return `whole` and all that it is made of, each once, in the order of its keys."""
    found = [whole]
    for field in whole.model_fields.values():
        for kind in _records(field.annotation):
            found += [part for part in parts(kind) if part not in found]
    return found


def _records(kind: Any) -> Iterator[type[Record]]:
    if isinstance(kind, type) and issubclass(kind, Record):
        yield kind
    for inner in get_args(kind):
        yield from _records(inner)


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
