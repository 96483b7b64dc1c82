"""What all parts of a recipe have in common."""

from typing import Annotated

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
