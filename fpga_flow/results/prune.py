"""The result of the stage `prune`."""

from fpga_flow.results.base import Record, Share
from fpga_flow.results.train import Evaluation


class PruneAccuracy(Record):
    """Shares of the test frames whose class was found."""

    pruned: Share


class LayerCount(Record):
    """Weights of one layer of the network, counted."""

    name: str
    weights: int
    left: int
    """Weights that the mask leaves."""
    nonzero: int
    """Weights whose code is not zero: those left, less the ones that are rounded to zero."""


class Round(Record):
    """One prune and the training after it."""

    round: int
    rate: float
    """Share of the remaining weights, or threshold."""
    density: Share
    """Share of all weights that the masks leave, counted."""
    accuracy: Share
    """Best validation accuracy of the round."""
    epochs: int
    passed: bool


class WeightsTakenOut(Record):
    """All weights of a network before the surgery and after it."""

    before: int
    after: int


class SurgeryAccuracy(Record):
    """Accuracies on the validation frames."""

    before: Share
    after: Share
    trained: Share | None
    """After further training; None without any."""


class Surgery(Record):
    """What was really taken out of the network."""

    removed: tuple[str, ...]
    """Parts that the recipe names."""
    weights: WeightsTakenOut
    layers: dict[str, tuple[int, ...]]
    """The shape of each layer's weights after it."""
    validation: SurgeryAccuracy


class Taken(Record):
    """What a network is expected to take of the board at the wanted frame rate."""

    fps: float
    """Frames per second, predicted."""
    words: str
    """Amounts and shares of the resources."""
    fits: bool
    """Whether it is as fast as wanted, and leaves as much free as wanted."""


class Instead(Record):
    """What would fit where no network that is accurate enough does."""

    fps: float | None
    """Frames per second at which the last network that passed fits; None where it never does."""
    accuracy: Share | None
    """On the validation frames, of a network pruned further that fits; None where there is none."""
    density: Share | None
    """Share of the weights that it has."""
    board: str | None
    """The smallest of our boards that holds it at the wanted rate."""


class PruneResult(Evaluation):
    """The pruned network."""

    accuracy: PruneAccuracy
    method: str
    """The recipe's `prune.method`."""
    target: float | None
    """Accuracy on the validation frames that a round has to reach; None where nothing is pruned."""
    weights: int
    left: int
    """Weights that no mask takes."""
    nonzero: int
    """Weights whose code is not zero."""
    layers: tuple[LayerCount, ...]
    """In the order of the network."""
    rounds: tuple[Round, ...]
    surgery: Surgery | None
    """None where none was asked for."""
    taken: Taken | None
    """What the pruned network takes, where `prune.until` is fits."""
    instead: Instead | None
    """None where it fits, or may be of any size."""
