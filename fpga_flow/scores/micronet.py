"""The score of the MicroNet challenge (NeurIPS 2019) for CIFAR-100: storage and arithmetic, both in 32 bits.

    score = parameters / 36.5e6 + operations / 10.49e9

A value of n bits counts n/32. A tensor with zeros is stored as its other values and a mask of one bit for
every value. Multiplications count by the wider factor; additions are counted apart, n - 1 in a sum of n
products, by the width of the sum. (https://micronet-challenge.github.io/scoring_and_submission, which also
gives the baseline: WideResNet-28-10 has 36.5M parameters and 10.49B operations.)

Of our networks are counted: convolutions and dense layers; one gain and one offset a channel of 32 bits, a
multiplication and an addition for every value that is quantised, and another multiplication for its ReLU;
sums, constants and sum pools. Comparisons of maxima are free, as in the challenge's own counter.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qonnx.core.datatype import DataType

from fpga_flow.export.cost import LayerCost, layer_costs
from fpga_flow.export.operations import (
    Activation,
    Add,
    AddConstant,
    GlobalSum,
    MulConstant,
    MulPositions,
    Multiply,
    Operation,
    SumPool,
)

FULL_BITS = 32
PARAMETERS = 36.5e6
OPERATIONS = 10.49e9
"""Of WideResNet-28-10, the challenge's baseline for CIFAR-100."""


@dataclass(frozen=True)
class MicroNetScore:
    """Counts in units of 32 bits."""

    parameters: float = 0.0
    multiplications: float = 0.0
    additions: float = 0.0

    def __add__(self, other: "MicroNetScore") -> "MicroNetScore":
        """Return the sum of both counts."""
        return MicroNetScore(
            self.parameters + other.parameters,
            self.multiplications + other.multiplications,
            self.additions + other.additions,
        )

    @property
    def score(self) -> float:
        """The challenge's score; lower is better."""
        return self.parameters / PARAMETERS + (self.multiplications + self.additions) / OPERATIONS


def micronet_score(operations: Sequence[Operation]) -> MicroNetScore:
    """Return the counts of a whole network."""
    total = MicroNetScore()
    for layer in layer_costs(operations):
        total += of_layer(layer)
    for operation in operations:
        total += _without_weights(operation)
    return total


def of_layer(layer: LayerCost) -> MicroNetScore:
    """Return the counts of a convolution or dense layer."""
    mask = layer.weights if layer.nonzero < layer.weights else 0
    additions = (layer.nonzero - layer.live_outputs) * layer.positions
    return MicroNetScore(
        (layer.weight_bits + mask) / FULL_BITS,
        layer.nonzero_macs * max(layer.weight_bits_each, layer.act_bits) / FULL_BITS,
        additions * layer.sum_bits / FULL_BITS,
    )


def _without_weights(operation: Operation) -> MicroNetScore:
    values = math.prod(operation.y.shape)
    share = DataType[operation.y.datatype].bitwidth() / FULL_BITS
    if isinstance(operation, Activation):
        return MicroNetScore(2 * operation.x.channels, 2 * values, values)
    if isinstance(operation, AddConstant):
        return MicroNetScore(operation.y.channels * share, 0, values * share)
    if isinstance(operation, MulConstant):
        return MicroNetScore(operation.y.channels * share, values * share, 0)
    if isinstance(operation, MulPositions):
        return MicroNetScore((len(operation.rows) + len(operation.columns)) * share, values * share, 0)
    if isinstance(operation, Multiply):
        return MicroNetScore(0, values * share, 0)
    if isinstance(operation, Add):
        return MicroNetScore(0, 0, values * share)
    if isinstance(operation, GlobalSum):
        return MicroNetScore(0, 0, (math.prod(operation.x.shape) - values) * share)
    if isinstance(operation, SumPool):
        window = math.prod(operation.attributes["kernel_shape"])
        return MicroNetScore(0, 0, values * (window - 1) * share)
    return MicroNetScore()
