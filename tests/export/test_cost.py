import numpy as np
import pytest

from fpga_flow.export.cost import BASELINE_BIT_OPS, BASELINE_WEIGHT_BITS, cost, itu_score
from tests.export.graphs import Graph


def vgg10(bits: int, input_bits: int, zero_share: float = 0.0) -> Graph:
    """The challenge's VGG10, length 1024 and 64 filters, with this share of zero weights."""
    rng = np.random.default_rng(0)

    def ones(*shape: int) -> np.ndarray:
        return np.where(rng.random(shape) < zero_share, 0.0, 1.0)

    graph, channels = Graph((1, 2, 1024)).quant(1 / 64, input_bits), 2
    for _ in range(7):
        graph.node("Conv", graph.weights(ones(64, channels, 3), 0.5, bits), kernel_shape=[3], pads=[1, 1])
        graph.node("Relu").quant(0.1, bits, signed=0).node("MaxPool", kernel_shape=[2], strides=[2])
        channels = 64
    graph.node("Flatten", axis=1)
    for inputs in (512, 128):
        graph.node("MatMul", graph.weights(ones(inputs, 128), 0.5, bits)).node("Relu")
        graph.quant(0.1, bits, signed=0)
    return graph.node("MatMul", graph.weights(ones(128, 24), 0.5, bits))


@pytest.mark.parametrize(
    ("bits", "input_bits", "bit_ops", "weight_bits"),
    [
        (8, 8, 823_328_768, 1_272_832),
        (4, 8, 212_123_648, 636_416),
        (4, 4, 205_832_192, 636_416),
    ],
)
def test_dense_vgg10(bits: int, input_bits: int, bit_ops: int, weight_bits: int) -> None:
    found = cost(vgg10(bits, input_bits).integers().operations)
    assert (found.bit_ops, found.weight_bits) == (bit_ops, weight_bits)
    assert (found.weights, found.nonzero) == (159_104, 159_104)
    assert found.macs == found.nonzero_macs == 12_864_512


def test_zero_weights_are_free() -> None:
    found = cost(vgg10(4, 8, 0.75).integers().operations)
    assert found.weights == 159_104
    assert found.nonzero == pytest.approx(159_104 / 4, rel=0.02)
    assert found.weight_bits == 4 * found.nonzero


def test_baseline_scores_one() -> None:
    assert itu_score(BASELINE_BIT_OPS, BASELINE_WEIGHT_BITS) == 1.0


def test_groups_cost_what_they_multiply_and_inputs_what_they_hold() -> None:
    graph = Graph((1, 4, 5, 5)).quant(0.1, 2)
    first = graph.last
    graph.quant(0.2, 3, source=first).node("Concat", first, axis=1)
    graph.norm(np.ones(8), np.zeros(8), np.zeros(8), np.ones(8)).quant(0.1, 3)
    weights = graph.weights(np.ones((8, 4, 3, 3)), 0.5, 1)
    graph.node("Conv", weights, kernel_shape=[3, 3], group=2).quant(1.0, 4)
    graph.node("GlobalMaxPool").node("Flatten", axis=1)
    found = cost(graph.node("MatMul", graph.weights(np.ones((8, 3)), 0.5, 4)).integers().operations)
    # the convolution's 1-bit weights need 2 bits with the zeros between the groups
    assert (found.weights, found.macs) == (8 * 4 * 9 + 24, 8 * 4 * 9 * 9 + 24)
    assert found.weight_bits == 8 * 4 * 9 * 2 + 24 * 4
    assert found.bit_ops == 8 * 4 * 9 * 9 * 2 * 3 + 24 * 4 * 4
