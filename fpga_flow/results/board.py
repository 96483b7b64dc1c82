"""What a board measured of a run's design, which `flow deploy` keeps in the run beside the artifacts."""

from typing import Annotated

from pydantic import ConfigDict, Field

from fpga_flow.results.base import Record, Result, Share

Number = Annotated[float, Field(ge=0)]


class Mismatch(Record):
    """An output of the board that is not the golden one."""

    frame: int
    expected: tuple[int, ...]
    found: tuple[int, ...]


class Answer(Result):
    """What the driver's test writes on the board (`deploy.board.accelerator.__main__.measure`)."""

    model_config = ConfigDict(allow_inf_nan=False)

    digest: str
    """Of the design."""
    samples: Annotated[int, Field(ge=1)]
    """Frames that were sent."""
    accuracy: Share | None
    """Share of them whose class was found; None where the classes are not known."""
    agreement: Share
    """Share of them whose output is the golden one."""
    mismatches: Annotated[int, Field(ge=0)]
    """How many others there are."""
    first_mismatches: tuple[Mismatch, ...]
    """Some of those."""
    fps: Number
    """By the wall clock, packing and unpacking included."""
    accelerator_fps: Number
    """Of the accelerator alone."""
    cycles_per_frame: Number
    """By the accelerator's own count."""
    in_waits: int
    """Cycles in which its input waited for memory."""
    out_waits: int
    """Cycles in which its output did."""
    latency_us: Number
    """Of a frame alone, by the wall clock."""
    latency_cycles: int
    """Of a frame alone, by the accelerator's own count."""
    power_w: float | None
    """Of the board, where it has sensors."""


class BoardResult(Answer):
    """The same, and where it was measured."""

    host: str
    """Where the board was found."""
    virtual: bool
    """Whether it is simulated."""
    package: str
    """The file that was brought there."""
