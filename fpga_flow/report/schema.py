"""The schema of `report.json`: stable keys, None (null) where a stage did not run.

Accuracies are shares of 1 on the test frames; cycles are clock cycles of the accelerator. docs/report.md is
written from the docstrings here (`fpga_flow.report.describe`).
"""

from typing import Any, Literal

from pydantic import Field

from fpga_flow.report.hardware import Bitstream, Estimate, Hardware, Synth
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
