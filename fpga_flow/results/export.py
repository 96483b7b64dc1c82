"""The result of the stage `export`."""

from typing import Any

from pydantic import Field

from fpga_flow.integer.output import Output
from fpga_flow.results.base import Record, Result, Share


class ExportAccuracy(Record):
    """Share of the test frames whose class was found."""

    golden: Share | None
    """Of the integer network in onnxruntime; None where it decides no class, or has no data of its own."""


class StandIn(Record):
    """How a network from outside does on frames of the same shape that are not its own data."""

    accuracy: Share
    """Share of the frames that is right, which is no accuracy of the network's."""
    samples: int
    """How many frames."""


class Cost(Record):
    """Cost per frame; zero weights are free in all but `weights` and `macs`."""

    weights: int
    """All weights."""
    nonzero: int
    """Weights that are not zero."""
    macs: int
    """Multiplications, each with an addition."""
    nonzero_macs: int
    """Of them those with a weight that is not zero."""
    bit_ops: int
    """Sum over the layers of `nonzero_macs` times the bits of a weight and of an activation."""
    weight_bits: int
    """Sum over the layers of `nonzero` times the bits of a weight."""
    itu_score: float
    """Score of the ITU challenge."""


class LayerCost(Record):
    """What one convolution or dense layer costs, counted; see `Cost`."""

    name: str
    """Of the layer in the network."""
    weights: int
    """All weights."""
    nonzero: int
    """Weights that are not zero."""
    sparsity: float
    """Share of the weights that are zero."""
    bits: int
    """Of a weight; `act_bits` are those of the layer's input."""
    act_bits: int
    """Of an integer of the layer's input."""
    macs: int
    """Multiplications, each with an addition."""
    nonzero_macs: int
    """Of them those with a weight that is not zero."""
    bit_ops: int
    """`nonzero_macs` times the bits of a weight and of an activation."""
    weight_bits: int
    """`nonzero` times the bits of a weight."""


class Scores(Record):
    """Scores beside the ITU challenge's, None where the network's frames are not those they are meant for."""

    course_parameters: float | None
    """Of the CIFAR course, by parameters."""
    course_operations: float | None
    """Of the CIFAR course, by operations."""
    micronet: float | None
    """MicroNet 2019, with the baseline for CIFAR-100."""
    layers: list[LayerCost]
    """In the order of the network."""


class InputSpec(Record):
    """What the host does to a frame before the accelerator; see `integer.quantise.quantise`."""

    datatype: str
    """Of the integers, as qonnx calls it."""
    shape: tuple[int, ...]
    """Of the integers, channels first, without the batch."""
    frame_shape: tuple[int, ...]
    """Of a frame as the network's file takes it, without the batch."""
    steps: tuple[tuple[str, tuple[int | float, ...]], ...]
    """What is done before the scale, in order."""
    scale: float
    zero: int
    """Added before rounding."""
    shift: int
    """Subtracted from the codes."""
    edges: tuple[int | float, ...]
    """Where a code ends and the next begins, where codes are not equally far apart."""
    declared: bool
    """The file has no quantiser there: a frame must hold multiples of the scale."""
    low: int
    high: int
    """The least and the largest integer."""
    rounding: str

    def description(self) -> dict[str, Any]:
        """Return what `quantise` takes."""
        return self.model_dump(mode="json")


class Logits(Record):
    """The numbers that come out: one of the float network is `scale * integer + offset`."""

    shape: tuple[int, ...]
    """Channels first, without the batch."""
    scale: float
    offset: float
    error: float
    """Bound of what they are off, in the float network's unit; 0 where they are exact."""


class NetworkCheck(Record):
    """The integer network for hardware against the golden model."""

    frames: int
    tensors: int
    """That were compared on some of the frames."""
    differences: int


class FloatCheck(Record):
    """The golden model against the float network it was made from, quantiser by quantiser."""

    against: str
    """That network, in words."""
    frames: int
    values: int
    """Activations and logits that were compared."""
    differences: int
    """Of them unequal."""
    explained: int
    """Differing frames whose first difference is a tie within float32's error."""
    rounded: int
    """Of the other differing frames those in which the network gives the golden integers in float64."""
    differing_frames: int
    largest_step: int
    """Largest difference of two integers."""
    class_differences: int
    """Frames whose class differs."""
    class_ties: int
    """Of them those where two classes' integers are equal, or nearer than the bound of their error."""
    class_unexplained: int
    """Of them those without such a reason."""
    logit_error: float
    """See `Logits.error`."""
    first: dict[str, int | str] | None
    """The first unexplained difference."""
    layers: dict[str, int]
    """Differences by quantiser."""
    unexplained: int
    """Frames that differ for no reason that float32's arithmetic gives."""


class Original(Record):
    """What comes out against the file of a network from outside as it came, in qonnx' own execution."""

    frames: int
    """How many were compared and agree."""
    rounded: int
    """Of them those that differ by float32's rounding alone."""
    reason: str | None
    """Why none were, where qonnx cannot execute the file."""


class Checks(Record):
    """What held before the export was done."""

    network: NetworkCheck
    float_: FloatCheck = Field(alias="float")
    original: Original | None
    """None of a network that was trained here."""


class ExportResult(Result):
    """The network in integers."""

    accuracy: ExportAccuracy
    samples: int | None
    """Test frames behind the accuracy."""
    by_snr: dict[str, Share]
    """Accuracy by SNR in dB; empty where frames have none."""
    stand_in: StandIn | None
    """Of a network from outside, where no data of its own was brought."""
    output: Output
    cost: Cost
    scores: Scores
    bits: int
    """Of the widest activation behind the input."""
    input: InputSpec
    logits: Logits
    classes: tuple[str, ...]
    """Names of the classes; none where the network decides none."""
    vectors: int
    """Frames with golden outputs."""
    data: str
    """Where the frames are from, in words."""
    checks: Checks
