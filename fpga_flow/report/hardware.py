"""What `report.json` says of the hardware: the folded graph, its estimate, its synthesis, its bitstream.

Cycles are clock cycles of the accelerator.
"""

from fpga_flow.results import Record, Share


class Used(Record):
    """What of the part is used."""

    lut: int
    """Look-up tables."""
    ff: int
    """Flip-flops."""
    bram18: float
    """Block RAMs of 18 Kibit."""
    dsp: int
    """DSP slices."""


class Estimate(Record):
    """What of the part is estimated to be used, by formulas for each layer."""

    lut: int | None
    """Look-up tables."""
    ff: int | None
    """Flip-flops."""
    bram18: float | None
    """Block RAMs of 18 Kibit."""
    dsp: int | None
    """DSP slices."""
    ranges: dict[str, tuple[float, float]] | None = None
    """By resource, between what the truth should lie; None where that is not known."""
    fits: bool | None = None
    """Whether the board is expected to have as much."""
    finn: dict[str, float | None] | None = None
    """What FINN estimates: `lut`, `ff`, `bram18` and `dsp`, None where it has no figure for any layer."""


class Layer(Record):
    """One hardware layer; `estimate` and `synth` are its share of the resources."""

    name: str
    """That of the node or module whose work it does; what stands beside or behind one is named after it."""
    op: str
    """FINN's operator, or ours in its place."""
    kind: str
    """What it does, in a word."""
    implementation: str | None = None
    """How it is built: one of the ways that its kind knows, as in `folding.json`."""
    cycles: int
    """Predicted, a frame."""
    pe: int | None
    """Outputs that are computed at once; None where the layer has no such folding."""
    simd: int | None
    """Inputs that are taken at once; None where the layer has no such folding."""
    weights: int | None = None
    """None where it has none."""
    nonzero: int | None
    """Weights that are not zero; None where it has none."""
    lane_use: Share | None = None
    """Of the products that its lanes have time for in its own cycles, the share whose weight is not zero;
    None where it has no lanes that multiply, as where the weights are adders."""
    costs: dict[str, float]
    """Of each implementation that it could have at this rate, the least it would take by estimate, in LUTs at
    the board's prices; empty where there is one only."""
    estimate: dict[str, float | None] | None
    """`lut`, `ff`, `bram18` and `dsp` as estimated."""
    finn: dict[str, float | None] | None = None
    """The same as FINN estimates them, None where it has no figure."""
    synth: dict[str, float | None] | None
    """`lut`, `ff`, `bram18` and `dsp` as synthesised, parts of them, and `logic_ns`, its longest path."""
    proved: bool | None = None
    """Whether its RTL is proved right for every input; None where its kind is not, or too much can come."""
    compared: int | None = None
    """Numbers of its output that were compared with onnxruntime's; None where it was not reached, or only
    passes on."""
    equal: bool | None = None
    """Whether all of these are equal, and no input was found for which the layer alone gives another."""


class Stream(Record):
    """What one layer sends to another, through a FIFO."""

    producer: str
    """The layer's name, or `input`."""
    consumer: str
    """The layer's name, or `output`."""
    bits: int
    """Of a word."""
    depth: int
    """Of the FIFO, in words."""


class Fifos(Record):
    """Bits in all FIFOs: as deep as unlimited ones get full, and as deep as the rate needs."""

    method: str
    """`analytic` or `simulated`."""
    bits_before: int
    """Where none is ever full."""
    bits_after: int
    """As they are."""


class Hardware(Record):
    """The folded graph; all of it are predictions."""

    part: str | None = None
    """The vendor's name of the FPGA."""
    family: str | None = None
    """Of the part; `flow list` shows those of the boards."""
    clock_mhz: float
    """Clock that the rates are for."""
    cycles_per_frame: int
    """From one frame to the next."""
    latency_cycles: int | None
    """From a frame's first word in to its last word out."""
    fps: float
    """Frames a second."""
    bottleneck: str
    """The layer that sets the rate."""
    layers: list[Layer]
    """In the order of the stream."""
    fifos: Fifos | None
    """Between the layers."""
    streams: tuple[Stream, ...] = ()
    """Between the layers, in their order; FIFOs are no ends of them."""


class Synth(Used):
    """What synthesis used, all layers summed."""

    tool: str
    """And its version."""
    part: str
    """The vendor's name of the FPGA."""
    fmax_mhz: float | None
    """None: it is known only behind Vivado."""
    logic_ns: float | None
    """The longest path of any layer, logic alone, without wires; None where cells have no delays."""
    slowest: str | None
    """The layer that has it."""
    fits: bool | None = None
    """Whether the board has as much."""


class Bitstream(Record):
    """The routed design."""

    tool: str
    """And its version."""
    file: str
    """In the folder of the stage."""
    fmax_mhz: float
    """Of the routed design."""
    slack_ns: float
    """What is left of a clock period."""
    lut: float
    """Look-up tables."""
    ff: float
    """Flip-flops."""
    bram18: float
    """Block RAMs of 18 Kibit."""
    dsp: float
    """DSP slices."""
