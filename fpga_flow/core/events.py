"""What happens while a command works, as events: each is said once, and whoever listens shows or keeps it."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_serializer

Kind = Literal["begin", "progress", "message", "warning", "error", "end"]


class Event(BaseModel):
    """One line of what `--json` writes."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    time: datetime
    """When it happened, in UTC (ISO 8601)."""
    kind: Kind
    """`begin` and `end` are of a step, else of a stage, else of the command; `progress` is of a step."""
    stage: str | None = None
    """The stage that is being made, or looked at; null outside of stages."""
    step: int | None = None
    """A step's number, which its `begin`, `progress` and `end` have; null in all other lines."""
    text: str
    """What a person reads; for a step, what it does."""
    note: str = ""
    """What else there is to say about a step's progress: the epoch, the layer. Often empty."""
    done: float | None = None
    """How much of a step is done."""
    total: float | None = None
    """How much there is to do; null where nobody knows."""
    unit: str = ""
    """What `done` and `total` count: `frames`, `bytes`, `%` of something."""
    run: str | None = None
    """The run's folder; null as long as it is not known, and for commands without a run."""
    exit_code: int | None = None
    """The command's exit code, in an `error` and in the last line."""

    @field_serializer("text")
    def _without_indentation(self, text: str) -> str:
        """Leave out the spaces in front, which are for a terminal."""
        return text.strip()
