"""What all results have in common, and how one is read."""

from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fpga_flow.core import artifact
from fpga_flow.core.errors import InputError

BUILD = "flow build"
Share = Annotated[float, Field(ge=0, le=1)]


class Record(BaseModel):
    """Base of results and of the report: no other keys than these, and values do not change."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
    )


class Result(Record):
    """Base of what stands in `result.json` of an artifact."""


Kind = TypeVar("Kind", bound=Record)


def read(kind: type[Kind], folder: Path, command: str = BUILD) -> Kind:
    """Return the result in the artifact `folder`, which is one of `kind`; `command` makes it.

    Raises `InputError` that names the run and the stage where it is of another version of this project.
    """
    return _checked(kind, artifact.read_result(folder), folder / artifact.RESULT, command)


def read_effort(kind: type[Kind], folder: Path) -> Kind:
    """Return what the stage that made the artifact `folder` says of its work; raises as `read` does."""
    return _checked(kind, artifact.read_effort(folder), folder / artifact.EFFORT, BUILD)


def _checked(kind: type[Kind], table: dict[str, Any], file: Path, command: str) -> Kind:
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{file.parent.parent}: the result of {file.parent.name} is of another version of flow "
            f"({file.name}: {where}: {first['msg'].lower()}); '{command}' makes it again"
        ) from None
