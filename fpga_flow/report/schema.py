"""The schema of `report.json`: stable keys, None (null) where a stage did not run.

Accuracies are shares of 1 on the test frames; cycles are clock cycles of the accelerator. docs/report.md is
written from the docstrings here (`fpga_flow.report.describe`).
"""

from typing import Any, Literal

from pydantic import Field

from fpga_flow.results import Record, Share, export
from fpga_flow.results.activity import Activity
from fpga_flow.results.export import Cost, Original, Scores
from fpga_flow.results.verify import Difference, LayerProof

JSON, HTML = "report.json", "report.html"
"""The files in a run."""
SCHEMA = 5
"""4 lacked the accuracies' `frames`, the hardware's `streams`, and `origin`. 3 lacked a layer's `weights`,
`lane_use`, `proved`, `compared` and `equal`, and verify's `proofs`. 2 had a layer's `label`, which was
always null. 1 had one `output`, without a name, in place of `outputs`, and lacked `original`, the
hardware's `part` and `family`, a layer's `implementation`, the estimate's `ranges` and FINN's estimate
beside it."""


class Accuracy(Record):
    """Share of test frames whose class was found, at each step of the way."""

    float_: Share | None = Field(default=None, alias="float")
    """Of the network before it was quantised."""
    quantised: Share | None = None
    """Of the quantised network, not pruned."""
    pruned: Share | None = None
    """Of the pruned network."""
    golden: Share | None = None
    """Of the integer network that onnxruntime runs."""
    rtl: Share | None = None
    """Of the simulated accelerator, on the frames that were simulated."""
    board: Share | None = None
    """Of the accelerator on a board, on the frames that were sent there."""
    samples: int | None = None
    """Test frames behind all but `rtl` and `board`."""
    frames: dict[str, int] = {}
    """By step, frames that its accuracy was measured on; those of other frames differ by chance."""


class StandIn(export.StandIn):
    """How a network from outside does on frames of the same shape that are not its own data."""

    data: str
    """What they are."""


class Output(Record):
    """What comes out of the accelerator for a frame."""

    name: str
    """Of the output in the network's file; empty where it has none."""
    kind: Literal["index", "indices", "numbers"]
    """The index of the largest number, the indices of several, best first, or the numbers themselves."""
    top_k: int
    """Indices of so many largest numbers; 0: the numbers themselves."""
    shape: tuple[int, ...]
    """Of the numbers as the accelerator has them, channels first, without the batch."""
    value_shape: tuple[int, ...]
    """Of the network's own values, as its file has them, without the batch."""
    scale: float
    """A number of the network is `scale * integer + offset`, in front of the operators `behind`."""
    offset: float
    """See `scale`."""
    behind: tuple[str, ...]
    """Operators at the end of the file that the accelerator does not carry out, in order."""
    text: str
    """All of it in words."""


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


class Verify(Record):
    """The simulation of the whole accelerator against onnxruntime."""

    simulator: str
    """And its version."""
    samples: int
    """Frames that were simulated."""
    mismatches: int
    """Of them those that differ."""
    first_difference: Difference | None
    """None where nothing differs."""
    measured_cycles_per_frame: int
    """From one frame to the next."""
    measured_latency_cycles: int
    """From a frame's first word in to its last word out."""
    stalls: bool
    """Whether it was simulated with random stalls too."""
    cycles_per_second: float
    """Speed of the simulation."""
    proofs: tuple[LayerProof, ...]
    """Of layers that are proved right for every input, and of those where that failed."""
    activity: Activity | None = None
    """Of the streams over a frame; None where too few frames were simulated to fill the accelerator."""

    @property
    def unproved(self) -> tuple[LayerProof, ...]:
        """The proofs that failed, whether or not an input was found for which the layer differs."""
        return tuple(proof for proof in self.proofs if not proof.proved)

    @property
    def differs(self) -> bool:
        """Whether any frame differs, or any layer for any input that was found."""
        return bool(self.mismatches) or any(proof.counterexample for proof in self.proofs)


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


class Board(Record):
    """What a board measured; `virtual` is a simulated one."""

    host: str
    """Where the board was found."""
    virtual: bool
    """Whether it is simulated."""
    samples: int
    """Frames that were sent."""
    mismatches: int
    """Of them those that differ from the golden outputs."""
    agreement: Share
    """Share of them that do not."""
    cycles_per_frame: float
    """By the accelerator's own count."""
    latency_cycles: int
    """Of a frame alone, by the accelerator's own count."""
    latency_us: float
    """Of a frame alone, by the wall clock."""
    fps: float
    """By the wall clock, packing and unpacking included."""
    accelerator_fps: float
    """Of the accelerator alone."""
    power_w: float | None
    """Of the board, where it has sensors."""


class StageTime(Record):
    """How long a stage took when it was made, and whether that was in this build."""

    name: str
    """Of the stage."""
    seconds: float
    """When it was made."""
    cached: bool
    """Whether it was kept."""


class Origin(Record):
    """What a run was made with, so that it can be made again."""

    command: str
    """Makes the same again, from the project's recipe or from the file of this recipe's values."""
    settings: dict[str, Any]
    """The recipe's values that are not the defaults, by dotted key."""
    made: str
    """When the last of its stages was made, UTC; empty where that was not written down."""
    versions: dict[str, str]
    """Of flow, Python, and the tools of the stages."""


class Report(Record):
    """All of `report.json`."""

    schema_: int = Field(default=SCHEMA, alias="schema")
    """The number of this schema, which grows where a key changes its meaning or goes."""
    recipe: str
    """Its name."""
    model: str
    """Name of the model, or of the file of a network from outside."""
    bits: int
    """Of a weight; of a network from outside those of its widest activation."""
    board: str
    """Its name."""
    accuracy: Accuracy
    """Shares of the test frames."""
    cost: Cost | None
    """Counted at export."""
    hardware: Hardware | None
    """Of stage `hardware`."""
    verify: Verify | None
    """Of stage `verify`."""
    estimate: Estimate | None
    """Of stage `estimate`."""
    synth: Synth | None
    """Of stage `synth`."""
    bitstream: Bitstream | None
    """Of stage `bitstream`."""
    board_measured: Board | None
    """Of `flow deploy`."""
    scores: Scores | None
    """Counted at export."""
    outputs: list[Output] | None
    """One for each output of the network."""
    original: Original | None
    """Of a network from outside: the last check of its export."""
    stand_in: StandIn | None
    """Of a network from outside, where no data of its own was brought."""
    outdated: list[str]
    """Stages whose artifacts stand in the run, but were made from what has since been replaced."""
    stages: list[StageTime]
    """In their order."""
    origin: Origin | None = None
    """None in what is told of results alone."""
