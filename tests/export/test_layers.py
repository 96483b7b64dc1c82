"""Convolutions of every geometry and grouping, weights and activations of 1 to 8 bits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.operations import Activation, Matrix, MulConstant
from tests.export.graphs import Graph, same_everywhere


def ended(graph: Graph, features: int, bits: int = 4) -> Graph:
    graph.node("Flatten", axis=1)
    weights = np.random.default_rng(9).normal(size=(features, 4))
    return graph.node("MatMul", graph.weights(weights, 0.3, bits), name="fc")


def refusal(graph: Graph) -> str:
    with pytest.raises(UnsupportedError) as caught:
        graph.integers()
    return str(caught.value)


@pytest.mark.parametrize(
    ("size", "kernel", "window"),
    [
        ((9, 7), (3, 2), {"strides": [2, 1], "pads": [1, 0, 2, 1], "dilations": [1, 2]}),
        ((9, 7), (3, 3), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
        ((9, 8), (3, 4), {"auto_pad": "SAME_LOWER", "strides": [2, 3]}),
        ((9, 7), (5, 1), {"auto_pad": "VALID"}),
        ((40,), (7,), {"strides": [3], "pads": [4, 1], "dilations": [2]}),
    ],
)
@pytest.mark.parametrize("group", [1, 2, 4])
def test_geometry_and_groups(
    size: tuple[int, ...], kernel: tuple[int, ...], window: dict[str, Any], group: int, tmp_path: Path
) -> None:
    rng = np.random.default_rng(6)
    graph = Graph((1, 4, *size)).quant(0.1, 4)
    weights = graph.weights(rng.normal(size=(4, 4 // group, *kernel)), 0.3, 4)
    graph.node("Conv", weights, kernel_shape=kernel, group=group, **window)
    graph.node("Relu").quant(0.2, 3, signed=0)
    features = int(np.prod(graph_shape(graph)))
    net, _ = same_everywhere(ended(graph, features).model(), tmp_path, frames=8)
    matrix = net.operations[0]
    assert isinstance(matrix, Matrix)
    # as many groups as channels stay; others become one with zeros between
    assert (matrix.attributes["group"], matrix.weights.shape[1]) == ((4, 1) if group == 4 else (1, 4))
    assert np.count_nonzero(matrix.weights) <= 16 // group * np.prod(kernel)


def graph_shape(graph: Graph) -> list[int]:
    shape: list[int] = graph.model().get_tensor_shape(graph.model().graph.output[0].name)
    return shape


def test_depthwise_bounds_are_of_each_channel_s_own_input(tmp_path: Path) -> None:
    graph = Graph((1, 2, 5, 5)).quant(0.1, 3, signed=0)
    first = graph.last
    graph.quant(0.1, 4, source=first).node("Concat", first, axis=1)
    kernel = np.array([1.0, -1.0, 2.0, 3.0]).reshape(4, 1, 1, 1)
    graph.node("Conv", graph.weights(kernel, 1.0, 4), kernel_shape=[1, 1], group=4)
    net, _ = same_everywhere(ended(graph.quant(0.1, 4), 100).model(), tmp_path)
    conv = next(o for o in net.operations if isinstance(o, Matrix))
    assert (conv.y.low.tolist(), conv.y.high.tolist()) == ([0, -7, 0, 0], [7, 0, 14, 21])


def test_depthwise_with_more_outputs_than_inputs_becomes_dense(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    graph = Graph((1, 3, 5, 5)).quant(0.1, 4)
    graph.node("Conv", graph.weights(rng.normal(size=(6, 1, 3, 3)), 0.3, 4), kernel_shape=[3, 3], group=3)
    net, _ = same_everywhere(ended(graph.quant(0.2, 4), 54).model(), tmp_path)
    conv = net.operations[0]
    assert isinstance(conv, Matrix) and conv.weights.shape == (6, 3, 3, 3)
    assert conv.weights[0, 1:].any() == conv.weights[5, :2].any() == False  # noqa: E712


def test_bipolar_weights_in_groups_get_a_zero(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    graph = Graph((1, 4, 5, 5)).quant(0.1, 4)
    graph.node("Conv", graph.weights(rng.normal(size=(4, 2, 3, 3)), 0.3, 1), kernel_shape=[3, 3], group=2)
    net, _ = same_everywhere(ended(graph.quant(0.2, 4), 36).model(), tmp_path)
    conv = net.operations[0]
    assert isinstance(conv, Matrix) and conv.weight_type == "INT2"


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize(("signed", "narrow"), [(1, 1), (1, 0), (0, 0), (0, 1)])
def test_weights_and_activations_of_any_bits(bits: int, signed: int, narrow: int, tmp_path: Path) -> None:
    if bits == 1 and narrow and not signed:
        pytest.skip("holds only 0")
    rng = np.random.default_rng(bits)
    weight_scale, act_scale = 2.0 ** (1 - bits), 2.0 ** (2 - bits) * 1.1
    graph = Graph((1, 3, 5, 5)).quant(1 / 128, 8, name="input")
    for index, inputs in enumerate((3, 4)):
        values = rng.normal(size=(4, inputs, 2, 2))
        weights = graph.weights(values, weight_scale, bits, narrow=narrow, signed=signed)
        graph.node("Conv", weights, kernel_shape=[2, 2])
        graph.norm([1.0, -0.5, 0.2, 2.0], [0.1, 0.2, 0.3, 0.4], np.ones(4), np.ones(4))
        graph.quant(act_scale, bits, signed=signed, narrow=narrow, name=f"act{index}")
    net, layers = same_everywhere(ended(graph, 36, bits).model(), tmp_path)
    named = {1: {1: "BIPOLAR", 0: "BINARY"}}.get(bits, {1: f"INT{bits}", 0: f"UINT{bits}"})[signed]
    acts = [o for o in net.operations if isinstance(o, Activation)]
    assert [o.y.datatype.replace("UINT1", "BINARY") if bits == 1 else o.y.datatype for o in acts] == [
        named
    ] * 2
    found = np.unique(layers[acts[0].y.name])
    limits = acts[0].quantiser
    assert found.min() >= limits.low and found.max() <= limits.high and len(found) > 1


def test_wrong_padding_of_a_bipolar_input() -> None:
    graph = Graph((1, 3, 5, 5)).quant(0.1, 4).conv(3, 1, inputs=3).quant(1.0, 1)
    graph.conv(3, 3, inputs=3, pads=[1, 1, 1, 1], name="conv")
    assert refusal(ended(graph, 75)) == (
        "node 'conv': zero padding of an input that holds only -1 and 1; use no padding, or 2 bits"
    )


def test_wrong_input_of_too_many_bits() -> None:
    graph = Graph((1, 3, 5, 5)).quant(0.1, 16)
    graph.node("Add", graph.last).conv(3, 1, inputs=3, name="conv")
    assert refusal(ended(graph, 75)) == (
        "node 'conv': its input has 17 bits, more than 16; put a quantiser of 16 bits or fewer in front of it"
    )


def test_a_negative_scale_between_layers_is_carried_out_on_the_integers(tmp_path: Path) -> None:
    graph = Graph((1, 3, 5, 5)).quant(0.1, 3).conv(3, 1, inputs=3).quant(0.2, 3)
    graph.node("Mul", np.float32(-1)).conv(3, 1, inputs=3, name="conv")
    net, _ = same_everywhere(ended(graph.quant(0.3, 4), 75).model(), tmp_path)
    assert [o.values.tolist() for o in net.operations if isinstance(o, MulConstant)] == [[-1] * 3]


def test_negative_scale_behind_a_pool_turns_its_result_round(tmp_path: Path) -> None:
    graph = Graph((1, 2, 8)).quant(0.1, 4)
    graph.node("Conv", graph.weights(np.ones((2, 2, 1)), 1.0, 4), kernel_shape=[1])
    graph.node("MaxPool", kernel_shape=[2], strides=[2])
    graph.norm([1.0, -1.0], np.zeros(2), np.zeros(2), np.ones(2)).quant(0.1, 4, name="act")
    net, _ = same_everywhere(ended(graph, 8).model(), tmp_path)
    assert [o.values.tolist() for o in net.operations if isinstance(o, MulConstant)] == [[1, -1]]


@pytest.mark.parametrize("size", [(5, 6), (9,)])
def test_zeros_around_a_convolution_s_input_become_its_own(size: tuple[int, ...], tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    graph = Graph((1, 3, *size)).quant(0.1, 4)
    axes = len(size)
    graph.integer_constant("zeros", [0, 0, *range(1, axes + 1), 0, 0, *range(2, axes + 2)])
    weights = graph.weights(rng.normal(size=(4, 3, *[3] * axes)), 0.3, 4)
    graph.node("Pad", "zeros").node("Conv", weights, kernel_shape=[3] * axes, pads=[1] * 2 * axes)
    features = int(np.prod(graph_shape(graph)))
    net, _ = same_everywhere(ended(graph.quant(0.2, 4), features).model(), tmp_path)
    conv = net.operations[0]
    assert isinstance(conv, Matrix)
    assert conv.attributes["pads"] == ([2, 3, 3, 4] if axes == 2 else [2, 0, 3, 0])


def test_wrong_padding_in_front_of_something_else() -> None:
    graph = Graph((1, 3, 5, 5)).quant(0.1, 4)
    graph.integer_constant("zeros", [0, 0, 1, 1, 0, 0, 1, 1])
    graph.node("Pad", "zeros", name="pad").node("MaxPool", kernel_shape=[2, 2])
    assert refusal(ended(graph, 108)) == (
        "node 'pad': a Pad that is not zeros around the positions of a convolution's input; "
        "pad with zeros, right in front of a convolution (behind its quantiser)"
    )


def test_signs_are_changed_and_constants_stand_on_the_left(tmp_path: Path) -> None:
    graph = Graph((1, 3, 5, 5))
    graph.node("Sub", graph.last, source=graph.constant(1.0)).quant(0.1, 4).conv(3, 1, inputs=3).node("Neg")
    graph.node("Sub", graph.last, source=graph.constant(np.arange(3).reshape(3, 1, 1) / 5)).quant(0.2, 4)
    net, _ = same_everywhere(ended(graph, 75).model(), tmp_path)
    assert [kind for kind, _ in net.host.steps] == ["mul", "add"]
    assert not any(isinstance(o, MulConstant) for o in net.operations)


@pytest.mark.parametrize("function", ["Relu", "Clip", None])
def test_activation_scales_per_channel_feed_a_depthwise_convolution(
    function: str | None, tmp_path: Path
) -> None:
    rng = np.random.default_rng(6)
    graph = Graph((1, 3, 6, 5)).quant(0.1, 4).conv(4, 3, inputs=3)
    graph.norm([1.0, -0.5, 2.0, 0.7], [0.1, 0.2, 0.3, 0.4], np.ones(4), np.ones(4))
    if function is not None:
        graph.node(function, *([np.float32(-0.7), np.float32(1.9)] if function == "Clip" else []))
    graph.quant(np.array([0.11, 0.23, 0.07, 0.31]).reshape(1, 4, 1, 1), 4, name="act")
    graph.node("MaxPool", kernel_shape=[2, 2])
    kernel = rng.normal(size=(4, 1, 2, 1))
    weights = graph.weights(kernel, np.array([0.2, 0.3, 0.4, 0.5]).reshape(4, 1, 1, 1), 4)
    graph.node("Conv", weights, kernel_shape=[2, 1], group=4).quant(0.2, 4)
    net, _ = same_everywhere(ended(graph, 16).model(), tmp_path, frames=100)
    assert not any(isinstance(o, MulConstant) for o in net.operations)
