from pathlib import Path

import numpy as np
import onnx
import pytest

from fpga_flow.core.errors import DifferenceError, InputError
from fpga_flow.export.checks import check_network
from fpga_flow.export.evaluate import NetworkRunner, lower
from fpga_flow.export.golden import write_golden
from fpga_flow.export.network import write_network
from fpga_flow.integer.golden import Golden, top_k
from tests.export.graphs import Graph, both_ways, network, opened, random_codes, same_everywhere


def test_only_standard_operators() -> None:
    model = write_golden(network().integers(), layers=True)
    assert {node.domain for node in model.graph.node} == {""}
    assert [o.domain for o in model.opset_import] == [""]


def test_class_is_the_lowest_index_of_the_largest_logit(tmp_path: Path) -> None:
    graph = Graph((1, 4)).quant(1.0, 4)
    weights = np.array([[0, 1, 0, 1], [0, 1, 1, 0], [1, 0, 0, 0], [0, 0, 1, 1]], dtype=float)
    net = graph.node("MatMul", graph.weights(weights, 1.0, 4)).integers()
    onnx.save(write_golden(net), tmp_path / "golden.onnx")
    logits, classes = Golden(tmp_path / "golden.onnx").run(
        np.array([[1, 1, 1, 1], [0, 0, 0, 0], [1, 0, 0, 1], [-3, -3, 0, 0]], dtype=np.int8)
    )
    assert logits.tolist() == [[1, 2, 2, 2], [0, 0, 0, 0], [0, 1, 1, 2], [0, -6, -3, -3]]
    assert classes.tolist() == [1, 0, 3, 0]


def test_unsigned_input_codes(tmp_path: Path) -> None:
    graph = Graph((1, 4)).quant(0.1, 8, signed=0)
    net = graph.node("MatMul", graph.weights(np.eye(4), 1.0, 2)).integers()
    layers = both_ways(net, np.array([[0, 127, 128, 255]], dtype=np.uint8), tmp_path)
    assert layers[net.output.name].tolist() == [[0, 127, 128, 255]]


def test_wrong_frames(tmp_path: Path) -> None:
    graph = Graph((1, 4)).quant(0.1, 4)
    net = graph.node("MatMul", graph.weights(np.eye(4), 1.0, 2)).integers()
    onnx.save(write_golden(net), tmp_path / "golden.onnx")
    golden = Golden(tmp_path / "golden.onnx")
    with pytest.raises(InputError, match=r"golden model: frames must have the shape \(4,\), not \(5,\)"):
        golden.run(np.zeros((1, 5), dtype=np.int8))
    with pytest.raises(InputError, match="golden model: frames must hold integers that fit int8"):
        golden.run(np.full((1, 4), 200))


def test_wrong_golden_file(tmp_path: Path) -> None:
    (tmp_path / "golden.onnx").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=f"^{tmp_path}/golden.onnx: onnxruntime cannot read it: "):
        Golden(tmp_path / "golden.onnx")


def test_large_layers_are_searched_by_halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = network().integers()
    codes = random_codes(net, 5)
    expected = both_ways(net, codes, tmp_path)[net.output.name]
    monkeypatch.setattr("fpga_flow.export.evaluate.TABLE_LIMIT", 0)
    np.testing.assert_array_equal(NetworkRunner(write_network(net)).run(codes), expected)


def test_layers_of_wide_sums_take_no_large_tables() -> None:
    graph = Graph((1, 256)).quant(0.1, 8)
    graph.node("MatMul", graph.weights(np.full((256, 8), 100.0), 1.0, 8)).quant(1000.0, 8)
    graph.node("MatMul", graph.weights(np.ones((8, 3)), 1.0, 8))
    model = write_network(graph.integers())
    assert lower(model, layers=False).ByteSize() < 100_000


def test_a_threshold_one_step_off_is_found_and_named(tmp_path: Path) -> None:
    net = network().integers()
    golden = opened(net, tmp_path)
    codes = random_codes(net, 64)
    layer = next(seen.tensor for seen in net.quantisers if seen.node == "act1")
    middle = golden.layers(codes)[layer.name]
    model = write_network(net)
    node = next(n for n in model.graph.node if n.name == "act1")
    thresholds = model.get_initializer(node.input[1]).copy()
    accumulators = golden.layers(codes)[node.input[0]]
    channel = int(np.argmax([len(np.unique(middle[:, c])) for c in range(middle.shape[1])]))
    hit = np.intersect1d(accumulators[:, channel], thresholds[channel])
    assert len(hit), "the frames must meet a threshold exactly"
    thresholds[channel][thresholds[channel] == hit[0]] += 1
    model.set_initializer(node.input[1], thresholds)
    assert check_network(write_network(net), golden, codes, 16).differences == 0
    with pytest.raises(DifferenceError, match="export: network.onnx differs from the golden model in tensor"):
        check_network(model, golden, codes, 64)


def test_a_vector_with_unit_axes_stands_for_classes(tmp_path: Path) -> None:
    net, layers = same_everywhere(Graph((1, 3, 2, 2)).quant(0.1, 4).conv(4, 2, inputs=3).model(), tmp_path)
    assert (net.output.shape, net.decides) == ((1, 4, 1, 1), True)
    logits = layers[net.output.name]
    assert top_k(logits, 2).shape == (len(logits), 2)
    np.testing.assert_array_equal(top_k(logits, 1)[:, 0], logits.reshape(len(logits), -1).argmax(axis=1))
