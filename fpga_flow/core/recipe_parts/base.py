"""What all parts of a recipe have in common."""

from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Bits = Annotated[int, Field(ge=1, le=8)]
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Frames = Annotated[int, Field(ge=1, le=10**6)]
"""Of frames that are read or generated one by one."""
Seed = Annotated[int, Field(ge=0, lt=2**32)]


class Part(BaseModel):
    """Base of all parts of a recipe: unknown keys and wrong types are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


NAMED, TABLE = "(name)", "(table)"
TAGS = (NAMED, TABLE)
"""Of the two forms of a value that is a name or a table; they stand in pydantic's errors, not in messages."""


def part_in(annotation: Any) -> tuple[type[Part] | None, bool]:
    """Return the part that a key holds, None for plain values, and whether it holds several by names."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation, False
    for inner in get_args(annotation):
        found, named = part_in(inner)
        if found is not None:
            return found, named or get_origin(annotation) is dict
    return None, False
