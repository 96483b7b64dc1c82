"""From QONNX graphs to integers: golden model and network.onnx agree, and mean what the file means."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qonnx.core.onnx_exec import execute_onnx

from fpga_flow.export import host
from fpga_flow.export.network import write_network
from fpga_flow.export.operations import Activation, AddConstant, Matrix
from fpga_flow.export.reader import bring_up_to_date
from fpga_flow.export.reference import FileReference
from fpga_flow.export.walk import to_integers
from tests.export.graphs import Graph, both_ways, network, random_codes


def test_network_with_negative_gammas_is_the_same_both_ways(tmp_path: Path) -> None:
    net = network().integers()
    codes = random_codes(net, 40)
    both_ways(net, codes, tmp_path)


def test_qonnx_itself_executes_the_network_to_the_same_integers(tmp_path: Path) -> None:
    net = network(1).integers()
    codes = random_codes(net, 3)
    expected = both_ways(net, codes, tmp_path)
    model = write_network(net)
    for index, frame in enumerate(codes):
        found = execute_onnx(model, {net.input.name: frame[None].astype(np.float32)}, True)
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name][0], values[index], err_msg=name)


@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(2, 6), st.booleans(), st.sampled_from([1, 2, 3]))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bits(
    tmp_path: Path, seed: int, act_bits: int, weight_bits: int, signed: bool, frames: int
) -> None:
    net = network(seed, act_bits, weight_bits, signed).integers()
    both_ways(net, random_codes(net, frames, seed), tmp_path)


def test_integers_are_those_of_the_float_network(tmp_path: Path) -> None:
    model = bring_up_to_date(network(2).proto(), "test")
    net = to_integers(model)
    spec = host.describe(net.host, net.input)
    codes = random_codes(net, 50)
    frames = host.dequantise(codes, spec)
    np.testing.assert_array_equal(host.quantise(frames, spec), codes)
    layers = both_ways(net, codes, tmp_path)
    seen = FileReference(model).run(frames)
    for (node, tensor, *_), theirs in zip(net.quantisers, seen.codes, strict=True):
        ours = layers[tensor.name]
        np.testing.assert_array_equal(ours, theirs.reshape(ours.shape), err_msg=node)
    logits = layers[net.output.name] * net.logit_scale + net.logit_offset
    np.testing.assert_allclose(logits, seen.logits, rtol=1e-5, atol=1e-5)


def test_one_dimensional_networks_get_a_unit_axis_and_names_stay() -> None:
    net = network().integers()
    model = write_network(net)
    assert net.input.shape == (1, 2, 16, 1)
    conv, act = model.graph.node[0], model.graph.node[1]
    assert (conv.op_type, model.get_tensor_shape(conv.input[1])) == ("Conv", [6, 2, 3, 1])
    assert (act.op_type, act.name) == ("MultiThreshold", "act0")
    assert {n.op_type for n in model.graph.node} == {"Conv", "MultiThreshold", "MaxPool", "Flatten", "MatMul"}


def test_every_tensor_is_annotated_and_holds_what_it_says() -> None:
    net = network().integers()
    model = write_network(net)
    names = [net.input.name, *(n.output[0] for n in model.graph.node)]
    names += [t.name for t in model.graph.initializer]
    for name in names:
        assert model.get_tensor_datatype(name).is_integer(), name
        values = model.get_initializer(name)
        if values is not None:
            assert all(model.get_tensor_datatype(name).allowed(v) for v in np.unique(values)), name
    first = next(o for o in net.operations if isinstance(o, Matrix))
    # codes are -128..127, so the largest sum is at most 128 times the sum of the weights' magnitudes
    reach = 128 * int(np.abs(first.weights).sum(axis=(1, 2, 3)).max())
    assert first.y.datatype == f"INT{reach.bit_length() + 1}"
    assert first.weight_type == "INT4"


def test_scale_per_output_channel_is_taken_into_the_thresholds(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    graph = Graph((1, 2, 8)).quant(0.25, 4)
    scales = np.array([0.5, 0.11, 0.3]).reshape(3, 1, 1)
    graph.node("Conv", graph.weights(rng.normal(size=(3, 2, 3)), scales, 4), kernel_shape=[3])
    graph.node("Relu").quant(0.2, 3, signed=0).node("Flatten", axis=1)
    graph.node("Gemm", graph.weights(rng.normal(size=(4, 18)), 0.3, 4), transB=1)
    net = graph.integers()
    both_ways(net, random_codes(net, 20), tmp_path)
    act = next(o for o in net.operations if isinstance(o, Activation))
    np.testing.assert_allclose(act.chain.steps[0].mul, scales.ravel() * 0.25 / 0.2, rtol=1e-6)  # type: ignore[union-attr]


def test_bias_of_the_last_layer_becomes_integers(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    graph = Graph((1, 6)).quant(0.1, 4)
    weights = graph.weights(rng.normal(size=(3, 6)), 0.3, 4)
    bias = graph.weights([0.31, -0.6, 0.0], np.float32(0.1) * np.float32(0.3), 16)
    net = graph.node("Gemm", weights, bias, transB=1).integers()
    add = net.operations[-1]
    assert isinstance(add, AddConstant)
    assert add.values.tolist() == [10, -20, 0]
    both_ways(net, random_codes(net, 20), tmp_path)


def test_an_offset_common_to_all_classes_is_left_out() -> None:
    graph = Graph((1, 6)).quant(0.1, 4)
    graph.node("MatMul", graph.weights(np.ones((6, 3)), 0.3, 4)).node("Sub", np.float32(1.234))
    net = graph.integers()
    assert [type(o) for o in net.operations] == [Matrix]
    assert net.logit_offset == pytest.approx(-1.234)


def test_negative_logit_scale_turns_the_weights_round(tmp_path: Path) -> None:
    graph = Graph((1, 6)).quant(0.1, 4)
    weights = np.arange(18).reshape(6, 3) - 9
    net = graph.node("MatMul", graph.weights(weights, 1.0, 5)).node("Mul", np.float32(-2.0)).integers()
    matrix = net.operations[0]
    assert isinstance(matrix, Matrix)
    np.testing.assert_array_equal(matrix.weights, -weights)
    assert net.logit_scale > 0
    both_ways(net, random_codes(net, 9), tmp_path)


def test_negated_full_range_weight_gets_a_bit_more() -> None:
    graph = Graph((1, 2)).quant(0.1, 4)
    weights = graph.weights([[-8.0, 1.0], [3.0, 7.0]], 1.0, 4, narrow=0)
    net = graph.node("MatMul", weights).node("Mul", np.float32(-1.0)).integers()
    matrix = net.operations[0]
    assert isinstance(matrix, Matrix)
    assert matrix.weights.max() == 8
    assert matrix.weight_type == "INT5"


def test_quantising_again_on_the_same_grid_costs_nothing_and_on_another_makes_thresholds(
    tmp_path: Path,
) -> None:
    graph = Graph((1, 6)).quant(0.1, 4).quant(0.1, 4).quant(0.2, 3)
    net = graph.node("MatMul", graph.weights(np.eye(6), 1.0, 4)).integers()
    assert [type(o) for o in net.operations] == [Activation, Matrix]
    assert len(net.quantisers) == 3
    layers = both_ways(net, np.arange(-8, 8, dtype=np.int8)[:, None].repeat(6, 1), tmp_path)
    # codes / 2, half to even, limited to -4..3
    wanted = [-4, -4, -3, -2, -2, -2, -1, 0, 0, 0, 1, 2, 2, 2, 3, 3]
    assert layers[net.quantisers[-1][1].name][:, 0].tolist() == wanted


def test_bipolar_weights_and_activations(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    graph = Graph((1, 8)).quant(1.0, 1)
    graph.node("MatMul", graph.weights(rng.normal(size=(8, 8)), 1.0, 1)).quant(1.0, 1)
    graph.node("MatMul", graph.weights(rng.normal(size=(8, 3)), 1.0, 1))
    net = graph.integers()
    codes = np.where(rng.normal(size=(30, 8)) > 0, 1, -1).astype(np.int8)
    layers = both_ways(net, codes, tmp_path)
    assert set(np.unique(layers[net.quantisers[1][1].name])) == {-1, 1}
    assert write_network(net).get_tensor_datatype(net.operations[0].y.name).name == "INT5"


def test_stride_padding_dilation_and_groups_in_two_dimensions(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    graph = Graph((1, 4, 9, 7)).quant(0.1, 4, signed=0)
    weights = graph.weights(rng.normal(size=(8, 2, 3, 2)), 0.3, 4)
    graph.node(
        "Conv", weights, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 2, 1], dilations=[1, 2], group=2
    )
    graph.node("Relu").quant(0.2, 3, signed=0)
    graph.node("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]).node("Flatten", axis=1)
    size = 8 * 3 * 3
    net = graph.node("MatMul", graph.weights(rng.normal(size=(size, 4)), 0.3, 4)).integers()
    both_ways(net, random_codes(net, 10), tmp_path)


def test_max_pool_before_the_quantiser_pools_accumulators(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    graph = Graph((1, 2, 8)).quant(0.1, 4)
    graph.node("Conv", graph.weights(rng.normal(size=(4, 2, 3)), 0.3, 4), kernel_shape=[3], pads=[1, 1])
    graph.norm([1.0, -2.0, 0.5, 1.5], np.zeros(4), np.zeros(4), np.ones(4))
    graph.node("Relu").node("MaxPool", kernel_shape=[2], strides=[2]).quant(0.2, 3, signed=0)
    graph.node("Flatten", axis=1)
    graph.node("MatMul", graph.weights(rng.normal(size=(16, 3)), 0.3, 4))
    model = bring_up_to_date(graph.proto(), "test")
    net = to_integers(model)
    codes = random_codes(net, 30)
    layers = both_ways(net, codes, tmp_path)
    seen = FileReference(model).run(host.dequantise(codes, host.describe(net.host, net.input)))
    ours = layers[net.quantisers[-1][1].name]
    np.testing.assert_array_equal(ours, seen.codes[-1].reshape(ours.shape))


def test_host_steps_per_pixel_and_per_tensor_are_kept_in_order() -> None:
    graph = Graph((1, 1, 2, 3)).node("Reshape", "shape").node("Mul", np.float32(2)).node(
        "Sub", np.arange(6)[None]
    )  # fmt: skip
    graph.constants.append(onnx.numpy_helper.from_array(np.array([1, -1], dtype=np.int64), "shape"))
    net = graph.quant(0.5, 8).node("MatMul", graph.weights(np.eye(6), 1.0, 2)).integers()
    spec = host.describe(net.host, net.input)
    assert [kind for kind, _ in spec["steps"]] == ["reshape", "mul", "sub"]
    frame = np.array([[[0.0, 0.25, 0.5], [1, 2, 3.125]]], dtype=np.float32)[None]
    # (2 * x - index) / 0.5; the last pixel falls on the tie 2.5
    assert host.quantise(frame, spec).tolist() == [[0, -1, -2, -2, 0, 2]]
    np.testing.assert_allclose(
        host.quantise(host.dequantise(host.quantise(frame, spec), spec), spec), host.quantise(frame, spec)
    )
