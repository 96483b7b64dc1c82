"""Two scores of a course on efficient networks for CIFAR-10: one for parameters, one for operations.

    parameters = (1 - (p_s + p_u)) * q_w / 32 * w / 5.6e6
    operations = (1 - p_s) * max(q_w, q_a) / 32 * f / 2.8e8

p_s is the structured sparsity, p_u the unstructured one, q the bits, w the weights and f the
multiply-accumulates. Here they are summed over the layers, which may differ in bits; structured zeros are
those of output channels that have no weight left, all others are unstructured and save no operations.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fpga_flow.export.cost import LayerCost

FULL_BITS = 32
PARAMETERS = 5.6e6
OPERATIONS = 2.8e8
"""Of the network whose scores are 1."""


@dataclass(frozen=True)
class CourseScore:
    """Lower is better."""

    parameters: float
    operations: float


def course_score(layers: Iterable[LayerCost]) -> CourseScore:
    """Return both scores of a network with these layers."""
    parameters = operations = 0.0
    for layer in layers:
        structured = 1 - layer.live_outputs / layer.outputs
        parameters += layer.nonzero * layer.weight_bits_each / FULL_BITS
        bits = max(layer.weight_bits_each, layer.act_bits)
        operations += (1 - structured) * layer.macs * bits / FULL_BITS
    return CourseScore(parameters / PARAMETERS, operations / OPERATIONS)
