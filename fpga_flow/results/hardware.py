"""The result of the stage `hardware`."""

from fpga_flow.results.base import Record, Result, Share


class HardwareSettings(Record):
    """What hardware is built for."""

    part: str
    """The vendor's name of the FPGA."""
    clock_mhz: float
    top_k: int
    """Indices of so many largest numbers come out; 0: the numbers themselves."""


class Predicted(HardwareSettings, Result):
    """What a design carries of the graph that it is made of."""

    cycles_per_frame: int
    """From one frame to the next."""
    latency_cycles: int
    """From a frame's first word in to its last word out."""
    bottleneck: str
    """The layer that sets the rate."""


class HardwareLayer(Record):
    """One layer of the folded graph."""

    name: str
    op: str
    """FINN's operator, or ours in its place."""
    kind: str
    """What it does, in a word."""
    implementation: str
    """How it is built: one of the ways that its kind knows."""
    cycles: int
    """Predicted, a frame."""
    pe: int | None
    """Outputs that are computed at once; None where the layer has no such folding."""
    simd: int | None
    """Inputs that are taken at once; None where the layer has no such folding."""
    weights: int | None
    """None where it has none."""
    nonzero: int | None
    """Weights that are not zero; None where it has none."""
    lane_use: Share | None
    """Of the products that its lanes have time for in its own cycles, the share whose weight is not zero;
    None where it has no lanes that multiply."""
    costs: dict[str, float] = {}
    """Of each implementation that it could have at this rate, the least it would take, in LUTs at the board's
    prices; empty where there is one only."""


class WidthConverters(Record):
    """What stands between layers whose streams differ in width."""

    count: int
    uneven: int
    """Of them those where neither width is a multiple of the other."""
    lut: int
    ff: int


class FoldingSummary(Record):
    """How the folding was chosen, and what it is expected to take."""

    target: str
    """`fps`, `latency`, `board`, or `file` where one was given."""
    resources: dict[str, int]
    """By resource, of the whole."""
    width_converters: WidthConverters
    synthesised_layers: dict[str, dict[str, int | float]]
    """By layer, the resources of those that were known from synthesis."""
    exact: bool
    """Whether no cheaper one meets the target."""


class SimulatedFifos(Record):
    """What the RTL did with the depths that were chosen."""

    cycles_per_frame: int
    fastest_cycles_per_frame: int
    """With unlimited FIFOs."""
    latency_cycles: int
    cycles: int
    """That were simulated, all in all."""


class SizedFifo(Record):
    """A FIFO, and what it stands between."""

    fifo: str
    producer: str
    consumer: str
    tensor: str
    bits: int
    """Of a word."""
    depth: int
    """In words."""
    depth_before: int
    """As full as an unlimited one gets."""


class SizedFifos(Record):
    """The FIFOs, and what the whole does with them."""

    method: str
    """`analytic`, `simulated`, or `file` where depths were given."""
    bits_before: int
    """In all of them, where none is ever full."""
    bits_after: int
    """As they are."""
    finished: bool
    """Whether every FIFO was tried; else the search had taken long enough."""
    cycles_per_frame: int
    fastest_cycles_per_frame: int
    """With unlimited FIFOs."""
    latency_cycles: int
    bottleneck: str
    """The layer that takes most cycles by itself."""
    layer_cycles: dict[str, int]
    """By layer, what it takes by itself."""
    simulated: SimulatedFifos | None
    """None where the depths are by schedules or from a file."""
    edges: tuple[SizedFifo, ...]


class WouldFit(Record):
    """What would fit the board where the network does not, by the estimates of folding."""

    fps: float | None
    """The most frames a second; None where the network never fits."""
    bits: int | None
    """So many bits for every weight and activation, at what was asked for; None where even 2 are too many."""
    board: str | None
    """The smallest of our boards that holds it; None where none does."""


class HardwareResult(Predicted):
    """The folded graph with its FIFOs; all of it are predictions."""

    fps: float
    """Frames a second."""
    target_fps: float | None
    """That were asked for; None where something else was."""
    target_met: bool | None
    """None where the folding was given."""
    layers: tuple[HardwareLayer, ...]
    """In the order of the stream."""
    layer_keys: dict[str, str]
    """By layer, under which key its synthesis is kept."""
    folding: FoldingSummary
    fifos: SizedFifos
    would_fit: WouldFit | None
    """None where it is expected to fit the board."""
