"""The end of a network: scales and biases per class, outputs that are no classes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpga_flow.export.chain import Chain, affine
from fpga_flow.export.operations import Activation, AddConstant, IntegerNetwork, Matrix, MulConstant
from fpga_flow.export.tensors import EXACT_LIMIT, WIDE_LIMIT
from tests.export.graphs import Graph, same_everywhere


def dense(scale: object, bits: int = 4, inputs: int = 64) -> Graph:
    rng = np.random.default_rng(1)
    graph = Graph((1, inputs)).quant(0.13, 8)
    return graph.node("MatMul", graph.weights(rng.normal(size=(inputs, 5)), scale, bits), name="fc")


def factors(net: IntegerNetwork) -> tuple[list[int] | None, list[int] | None]:
    """Return the multipliers and the added integers, None where there are none."""
    mul = next((o.values.tolist() for o in net.operations if isinstance(o, MulConstant)), None)
    add = next((o.values.tolist() for o in net.operations if isinstance(o, AddConstant)), None)
    return mul, add


def assert_within_bound(net: IntegerNetwork, layers: dict[str, np.ndarray], mul: object, add: object) -> None:
    """Integers, times their scale, are the real logits `mul * accumulator + add` but for the stated error."""
    matrix = next(o for o in reversed(net.operations) if isinstance(o, Matrix))
    exact = layers[matrix.y.name] * np.asarray(mul, np.float64) + np.asarray(add, np.float64)
    found = layers[net.output.name] * net.logit_scale + net.logit_offset
    assert np.abs(found - exact).max() <= net.logit_error * (1 + 1e-9) + 1e-12 * np.abs(exact).max()
    assert net.logit_error <= 2.0**-24 * np.abs(net.output.magnitude * net.logit_scale)


def test_a_scalar_scale_and_no_bias_cost_nothing(tmp_path: Path) -> None:
    net, _ = same_everywhere(dense(0.3).model(), tmp_path)
    assert factors(net) == (None, None)
    assert net.logit_error == 0


def test_scale_per_class(tmp_path: Path) -> None:
    scales = np.array([[0.1012345, 0.2354321, 0.0317272, 0.1713131, 0.2]])
    net, layers = same_everywhere(dense(scales).model(), tmp_path, frames=400)
    mul, add = factors(net)
    assert mul is not None and add is None and max(mul) <= EXACT_LIMIT
    assert 0 < net.output.magnitude < WIDE_LIMIT and net.output.wide
    assert_within_bound(net, layers, np.float32(scales[0]) * np.float64(np.float32(0.13)), 0)


def test_scales_per_class_that_are_multiples_are_exact(tmp_path: Path) -> None:
    net, layers = same_everywhere(dense(np.array([[0.25, 0.5, 0.25, 1.0, 0.75]])).model(), tmp_path)
    assert (factors(net), net.logit_error) == (([1, 2, 1, 4, 3], None), 0)


def test_batch_norm_behind_the_last_layer(tmp_path: Path) -> None:
    gamma, beta = np.array([1.0, -0.7, 0.3, 1.4, 0.0]), np.array([0.1, -0.2, 0.3, 0.0, 0.7])
    graph = dense(0.3).norm(gamma, beta, np.arange(5) / 3, np.array([0.5, 1, 2, 3, 4]))
    net, layers = same_everywhere(graph.model(), tmp_path, frames=400)
    mul, add = factors(net)
    assert mul is not None and add is not None
    assert min(mul) == mul[4] == 0
    factor = np.float32(gamma) / np.sqrt(np.float32([0.5, 1, 2, 3, 4]) + np.float64(np.float32(1e-5)))
    scale = np.float64(np.float32(0.3)) * np.float64(np.float32(0.13))
    beta, mean = np.float32(beta).astype(float), np.float32(np.arange(5) / 3).astype(float)
    # the second class' weights were negated
    assert_within_bound(net, layers, np.abs(factor) * scale, beta - mean * factor)


def test_bias_in_float(tmp_path: Path) -> None:
    bias = np.array([0.31, -1.7, 2.05, 0.001, -0.9])
    net, layers = same_everywhere(dense(0.3).node("Add", bias).model(), tmp_path, frames=400)
    mul, add = factors(net)
    assert mul is not None and add is not None
    assert len(set(mul)) == 1 and mul[0].bit_count() == 1  # a power of two
    assert_within_bound(
        net, layers, np.float64(np.float32(0.3)) * np.float64(np.float32(0.13)), np.float32(bias)
    )


@pytest.mark.parametrize("rest", [0.0, 2.0**-15, 0.3])
def test_a_bias_of_many_steps_is_whole_only_where_it_is(rest: float, tmp_path: Path) -> None:
    # 1,638,400 steps of 2^-14, and a half or some part of one
    graph = Graph((1, 16)).quant(2.0**-7, 8)
    graph.node("MatMul", graph.weights(np.random.default_rng(0).normal(size=(16, 5)), 2.0**-7, 8), name="fc")
    bias = 100 + rest * np.arange(1, 6)
    net, layers = same_everywhere(graph.node("Add", bias).model(), tmp_path, frames=400)
    assert_within_bound(net, layers, 2.0**-14, np.float32(bias))


def test_negative_scale_per_class_behind_a_split_accumulator_is_exact(tmp_path: Path) -> None:
    net, _ = same_everywhere(dense(0.5).node("Mul", np.array([[1.0, -1, 2, -2, 1]])).model(), tmp_path)
    assert factors(net) == ([1, 1, 2, 2, 1], None)


@given(
    st.lists(st.floats(1e-4, 10), min_size=5, max_size=5),
    st.lists(st.floats(-100, 100), min_size=5, max_size=5),
    st.integers(1, 2**23),
)
@settings(max_examples=60, deadline=None)
def test_any_scales_and_biases_stay_within_the_bound_and_48_bits(
    mul: list[float], add: list[float], reach: int
) -> None:
    from fpga_flow.export.chain import Affine
    from fpga_flow.export.logits import _on_grid, _within_bound
    from fpga_flow.export.tensors import Tensor

    line = affine(mul, add)
    assert isinstance(line, Affine)
    limits = np.full(5, -reach), np.full(5, reach)
    x = Tensor("x", (1, 5), "INT25", *limits)
    found = _on_grid(line, x) or _within_bound(type("N", (), {"name": "fc"})(), line, x)
    acc = np.random.default_rng(0).integers(-reach, reach + 1, (200, 5))
    integers = acc * found.multiples + found.biases
    assert np.abs(integers).max() < WIDE_LIMIT
    assert np.all(np.float32(found.biases) == found.biases) and np.all(
        np.float32(found.multiples) == found.multiples
    )
    exact = Chain((line,)).apply(acc.astype(np.float64))
    error = np.abs(integers * found.scale + found.offset - exact).max()
    assert error <= found.error * (1 + 1e-6) + 2e-6 * np.abs(exact).max() * (found.error == 0) + 1e-9


def test_classes_that_differ_are_ties_within_the_bound(tmp_path: Path) -> None:
    # two classes of equal weights and scales 1 + 2^-23 apart: float32 cannot always tell them apart
    graph = Graph((1, 16)).quant(0.13, 8)
    column = np.random.default_rng(3).integers(-7, 8, (16, 1))
    scale = np.float32(0.1)
    scales = np.array([[scale, np.nextafter(scale, np.float32(1)), 0.03]], dtype=np.float32)
    weights = np.hstack([column, column, column[::-1]]) * scales
    graph.node("MatMul", graph.weights(weights, scales, 4), name="fc")
    same_everywhere(graph.model(), tmp_path, frames=300)  # raises where one is unexplained


def image() -> Graph:
    return Graph((1, 3, 4, 5)).quant(0.17, 4, name="input")


def test_spatial_output_of_a_quantiser(tmp_path: Path) -> None:
    graph = image().conv(4, 3, inputs=3, pads=[1, 1, 1, 1]).quant(0.2, 4, name="end")
    net, layers = same_everywhere(graph.model(), tmp_path)
    assert (net.output.shape, net.decides, net.logit_scale) == ((1, 4, 4, 5), False, pytest.approx(0.2))
    assert isinstance(net.operations[-1], Activation)


def test_spatial_output_of_a_convolution_with_a_bias(tmp_path: Path) -> None:
    graph = image().conv(4, 3, inputs=3).node("Add", np.arange(4.0).reshape(4, 1, 1) / 7)
    net, layers = same_everywhere(graph.model(), tmp_path)
    assert net.output.shape == (1, 4, 2, 3)
    bias = np.float32(np.arange(4) / 7).reshape(4, 1, 1)
    assert_within_bound(net, layers, np.float64(np.float32(0.3)) * np.float64(np.float32(0.17)), bias)


def test_spatial_output_in_one_dimension(tmp_path: Path) -> None:
    graph = Graph((1, 2, 9)).quant(0.17, 4)
    weights = graph.weights(np.random.default_rng(0).normal(size=(3, 2, 3)), 0.3, 4)
    net, _ = same_everywhere(graph.node("Conv", weights, kernel_shape=[3]).model(), tmp_path)
    assert net.output.shape == (1, 3, 7, 1)
