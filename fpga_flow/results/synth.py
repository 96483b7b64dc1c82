"""The result of the stage `synth`."""

from fpga_flow.results.base import Record, Result
from fpga_flow.results.hardware import WouldFit


class Counts(Record):
    """What of a part is used."""

    lut: int
    """Look-up tables, with those used as memory and as shift registers."""
    ff: int
    """Flip-flops."""
    bram18: int
    """Block RAMs of 18 Kibit."""
    dsp: int
    """DSP slices."""
    lutram: int
    """LUTs used as distributed memory."""
    srl: int
    """LUTs used as shift registers."""
    carry: int
    """Carry chains, in units of four bits."""


class LayerCounts(Counts):
    """What a layer uses."""

    logic_ns: float | None
    """Its longest path, logic alone, without wires; None where the family's cells have no delays."""


class Capacity(Record):
    """What a board has."""

    name: str
    lut: int
    ff: int
    bram18: int
    dsp: int


class SynthResult(Counts, Result):
    """What synthesis used, all layers summed."""

    tool: str
    """And its version."""
    part: str
    """The vendor's name of the FPGA."""
    fmax_mhz: float | None
    """None: it is known only behind Vivado."""
    logic_ns: float | None
    """The longest path of any layer, logic alone, without wires."""
    slowest: str | None
    """The layer that has it."""
    layers: dict[str, LayerCounts]
    """By layer."""
    fits: bool
    """Whether the board has as much."""
    over: dict[str, int]
    """By resource, how much is too much; those that fit are left out."""
    board: Capacity
    would_fit: WouldFit | None
    """As the estimate found it before; None where that expected the design to fit."""
    distinct: int
    """How many layers differ in more than their names."""
