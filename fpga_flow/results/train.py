"""The result of the stage `train`, and how a network that can be trained is evaluated."""

from pydantic import Field

from fpga_flow.results.base import Record, Result, Share


class FrameSet(Record):
    """The frames that an accuracy was measured on."""

    name: str
    """The recipe's `data.name`."""
    source: str
    """Where they are from, in words."""
    generated: bool
    """Whether they are generated, no recorded ones."""
    classes: int
    snr_db: tuple[int | float, ...] | None
    """The SNRs there are, in dB; None where frames have none."""
    length: int
    """Values of a channel."""


class Evaluation(Result):
    """What a network does on the test frames."""

    samples: int
    """How many there are."""
    by_snr: dict[str, Share]
    """Accuracy by SNR in dB; empty where frames have none."""
    by_class: dict[str, Share]
    """Accuracy by class."""
    data: FrameSet
    validation_samples: int | None = None
    """Validation frames, which accuracies while it is trained or pruned are measured on; None without any."""


class TrainAccuracy(Record):
    """Shares of the test frames whose class was found."""

    float_: Share | None = Field(alias="float")
    """Of the network before it was quantised; None where that was not trained here."""
    quantised: Share


class TrainResult(Evaluation):
    """The trained network, not pruned."""

    accuracy: TrainAccuracy
    classes: tuple[str, ...]
    origin: str
    """Where the weights are from, in words."""
    epochs: dict[str, int]
    """By phase of the training."""
