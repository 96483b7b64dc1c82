"""The schema of `report.json`: stable keys, None (null) where a stage did not run.

Accuracies are shares of 1 on the test frames; cycles are clock cycles of the accelerator.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

SCHEMA = 1
Share = Annotated[float, Field(ge=0, le=1)]


class Part(BaseModel):
    """Base of all parts: no other keys than these."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class Accuracy(Part):
    """Share of test frames whose class was found, at each step of the way."""

    float_: Share | None = Field(default=None, alias="float")
    quantised: Share | None = None
    pruned: Share | None = None
    golden: Share | None = None
    """Of the integer network that onnxruntime runs."""
    rtl: Share | None = None
    """Of the simulated accelerator, on the frames that were simulated."""
    board: Share | None = None
    samples: int | None = None
    """Test frames behind all but `rtl` and `board`."""


class StandIn(Part):
    """How a network from outside does on frames of the same shape that are not its own data."""

    accuracy: Share
    samples: int
    data: str


class Output(Part):
    """What comes out of the accelerator for a frame."""

    top_k: int
    """Indices of so many largest numbers; 0: the numbers themselves."""
    shape: tuple[int, ...]
    """Of the numbers, channels first."""
    scale: float
    """A number of the network is `scale * integer + offset`, in front of the operators `behind`."""
    offset: float
    behind: tuple[str, ...]
    """Operators at the end of the file that are not carried out, in order."""
    text: str
    """All of it in words."""


class Cost(Part):
    """Cost per frame; zero weights are free in all but `weights` and `macs`."""

    weights: int
    nonzero: int
    macs: int
    nonzero_macs: int
    bit_ops: int
    weight_bits: int
    itu_score: float


class LayerCost(Part):
    """What one convolution or dense layer costs, counted; see `Cost`."""

    name: str
    weights: int
    nonzero: int
    sparsity: float
    """Share of the weights that are zero."""
    bits: int
    """Of a weight; `act_bits` are those of the layer's input."""
    act_bits: int
    macs: int
    nonzero_macs: int
    bit_ops: int
    weight_bits: int


class Scores(Part):
    """Scores beside the ITU challenge's, None where the network's frames are not those they are meant for."""

    course_parameters: float | None
    course_operations: float | None
    micronet: float | None
    """MicroNet 2019, with the baseline for CIFAR-100."""
    layers: list[LayerCost]


class Resources(Part):
    """What of the part is used."""

    lut: int
    ff: int
    bram18: float
    dsp: int


class Estimate(Part):
    """What of the part is estimated to be used; None where the estimator has no figure for it."""

    lut: int | None
    ff: int | None
    bram18: float | None
    dsp: int | None


class Layer(Part):
    """One hardware layer; `estimate` and `synth` are its share of the resources."""

    name: str
    op: str
    kind: str
    cycles: int
    pe: int | None
    simd: int | None
    nonzero: int | None
    estimate: dict[str, float | None] | None
    synth: dict[str, float] | None


class Fifos(Part):
    """Bits in all FIFOs: as deep as unlimited ones get full, and as deep as the rate needs."""

    method: str
    bits_before: int
    bits_after: int


class Hardware(Part):
    """The folded graph; all of it are predictions."""

    clock_mhz: float
    cycles_per_frame: int
    latency_cycles: int | None
    fps: float
    bottleneck: str
    layers: list[Layer]
    fifos: Fifos | None


class Verify(Part):
    """The simulation of the whole accelerator against onnxruntime."""

    simulator: str
    samples: int
    mismatches: int
    first_difference: dict[str, Any] | None
    measured_cycles_per_frame: int
    measured_latency_cycles: int
    stalls: bool
    cycles_per_second: float


class Synth(Resources):
    """What synthesis used, all layers summed."""

    tool: str
    part: str
    fmax_mhz: float | None


class Bitstream(Part):
    """The routed design."""

    tool: str
    file: str
    fmax_mhz: float
    slack_ns: float
    lut: float
    ff: float
    bram18: float
    dsp: float


class Board(Part):
    """What a board measured; `virtual` is a simulated one."""

    host: str
    virtual: bool
    samples: int
    mismatches: int
    agreement: Share
    cycles_per_frame: float
    latency_cycles: int
    latency_us: float
    fps: float
    """By the wall clock, packing and unpacking included."""
    accelerator_fps: float
    power_w: float | None


class StageTime(Part):
    """How long a stage took when it was made, and whether that was in this build."""

    name: str
    seconds: float
    cached: bool


class Report(Part):
    """All of `report.json`."""

    schema_: int = Field(default=SCHEMA, alias="schema")
    recipe: str
    model: str
    bits: int
    board: str
    accuracy: Accuracy
    cost: Cost | None
    hardware: Hardware | None
    verify: Verify | None
    estimate: Estimate | None
    synth: Synth | None
    bitstream: Bitstream | None
    board_measured: Board | None
    scores: Scores | None
    output: Output | None
    stand_in: StandIn | None
    outdated: list[str]
    """Stages whose artifacts stand in the run, but were made from what has since been replaced."""
    stages: list[StageTime]
