"""What the streams between layers do over one frame, cycle by cycle, in a simulation at full speed."""

from fpga_flow.results.base import Record


class StreamActivity(Record):
    """What leaves a layer, where it enters the FIFO behind it. A number is cycles of one part of the frame.

    In the cycles that are in none of the three nothing is offered, and nothing would be taken.
    """

    layer: str
    """That sends it, or `input`."""
    tensor: str
    """Name of the tensor in the integer network."""
    moves: tuple[int, ...]
    """A word is taken: valid and ready."""
    waits: tuple[int, ...]
    """A word is offered and not taken: valid, not ready."""
    starves: tuple[int, ...]
    """A word would be taken and none is offered: ready, not valid."""


class Activity(Record):
    """Measured over one frame's cycles, while frames follow each other without a gap."""

    first_cycle: int
    """Behind reset, in which it begins."""
    part_cycles: int
    """Cycles of each part that the frame is divided into."""
    streams: tuple[StreamActivity, ...]
    """In the order of the layers; layers that only pass on are left out."""
