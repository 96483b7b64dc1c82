"""Scores against cases worked out by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from fpga_flow.cli import main as cli
from fpga_flow.export.cost import LayerCost
from fpga_flow.export.operations import IntegerNetwork
from fpga_flow.scores.cifar_course import course_score
from fpga_flow.scores.counts import as_json, for_report
from fpga_flow.scores.micronet import MicroNetScore, micronet_score, of_layer
from tests.export.graphs import Graph
from tests.export.test_outside import AMC, zoo

LAYER = LayerCost(
    name="conv", weights=40, nonzero=10, positions=9, weight_bits_each=4, act_bits=8, sum_bits=16, outputs=4,
    live_outputs=3,
)  # fmt: skip


def small() -> IntegerNetwork:
    """3 inputs of 8 bits, 2 sums by four weights of 4 bits that are not 0 and two that are."""
    graph = Graph((1, 3)).quant(0.1, 8)
    weights = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    return graph.node("MatMul", graph.weights(weights, 0.5, 4)).integers()


def test_the_course_counts_weights_left_and_operations_of_channels_left() -> None:
    found = course_score([LAYER])
    assert found.parameters == pytest.approx(10 * 4 / 32 / 5.6e6)
    assert found.operations == pytest.approx(3 / 4 * 360 * 8 / 32 / 2.8e8)


def test_the_course_gives_the_formula_where_all_layers_are_alike() -> None:
    structured, unstructured = 1 / 4, 3 / 4 - 1 / 4
    found = course_score([LAYER, LAYER])
    assert found.parameters == pytest.approx((1 - (structured + unstructured)) * 4 / 32 * 80 / 5.6e6)
    assert found.operations == pytest.approx((1 - structured) * 8 / 32 * 720 / 2.8e8)


def test_micronet_stores_a_mask_and_counts_additions_apart() -> None:
    found = of_layer(LAYER)
    assert found.parameters == (10 * 4 + 40) / 32
    assert found.multiplications == 90 * 8 / 32
    assert found.additions == (10 - 3) * 9 * 16 / 32


def test_micronet_needs_no_mask_for_a_dense_tensor() -> None:
    dense = LayerCost("all", 40, 40, 1, 8, 8, 20, 4, 4)
    assert of_layer(dense).parameters == 40 * 8 / 32


def test_micronet_gives_the_baseline_two() -> None:
    assert MicroNetScore(36.5e6, 5.25e9, 5.24e9).score == 2.0


def test_micronet_agrees_with_a_published_entry() -> None:
    """Osajima 2019: 5.2 M parameters and 662 M multiplications at 16 bits, 659 M additions: 0.1659."""
    assert MicroNetScore(5.2e6 / 2, 662e6 / 2, 659e6).score == pytest.approx(0.1659, abs=5e-4)


def test_a_small_network_by_hand() -> None:
    found = as_json(small().operations)
    assert found["total"]["nonzero"] == 4
    assert found["total"]["sparsity"] == pytest.approx(1 / 3)
    assert found["total"]["bit_ops"] == 4 * 4 * 8
    (layer,) = found["layers"]
    assert (layer["bits"], layer["act_bits"], layer["weight_bits"]) == (4, 8, 16)
    micronet = found["micronet"]
    assert micronet["parameters"] == (4 * 4 + 6) / 32
    assert micronet["multiplications"] == 4 * 8 / 32
    # three products make two additions, one makes none; sums to 3 * 2 * 128 have 11 bits
    assert micronet["additions"] == 2 * 11 / 32


def test_scores_of_cifar_are_reported_of_networks_for_its_frames_alone() -> None:
    found = for_report(small())
    assert (found.course_parameters, found.course_operations, found.micronet) == (None, None, None)
    assert [layer.model_dump() for layer in found.layers] == as_json(small().operations)["layers"]
    graph = Graph((1, 3, 32, 32)).quant(1 / 255, 8, signed=0)
    network = graph.node("Conv", graph.weights(np.ones((2, 3, 3, 3)), 0.5, 4), kernel_shape=[3, 3]).integers()
    whole, reported = as_json(network.operations), for_report(network)
    assert reported.course_parameters == whole["course"]["parameters"] == 54 * 4 / 32 / 5.6e6
    assert reported.course_operations == 54 * 900 * 8 / 32 / 2.8e8
    assert reported.micronet == whole["micronet"]["score"] > 0


def test_activations_have_a_gain_and_an_offset_a_channel_and_a_relu() -> None:
    graph = Graph((1, 3)).quant(0.1, 8)
    graph.node("MatMul", graph.weights(np.ones((3, 5)), 0.5, 4))
    before = micronet_score(graph.integers().operations)
    graph = Graph((1, 3)).quant(0.1, 8)
    graph.node("MatMul", graph.weights(np.ones((3, 5)), 0.5, 4)).node("Relu").quant(0.1, 4, signed=0)
    after = micronet_score(graph.integers().operations)
    assert after.parameters - before.parameters == 2 * 5
    assert after.multiplications - before.multiplications == 2 * 5
    assert after.additions - before.additions == 5


def test_layers_of_the_contest_network_add_up_to_the_published_cost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["cost", str(zoo(AMC)), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["total"]["bit_ops"], found["total"]["weight_bits"]) == (24_436_576, 68_072)
    assert found["total"]["itu_score"] == pytest.approx(0.042467, abs=5e-7)
    for key in ("weights", "nonzero", "macs", "bit_ops", "weight_bits"):
        assert sum(layer[key] for layer in found["layers"]) == found["total"][key]


def test_a_checkpoint_costs_what_its_tensors_hold(capsys: pytest.CaptureFixture[str]) -> None:
    from fpga_flow.core.recipe import ROOT

    assert cli.main(["cost", str(ROOT / "models/vgg10/signals-w4a4.pt"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["layers"]) == 10
    assert {layer["bits"] for layer in found["layers"]} == {4}
    assert [layer["act_bits"] for layer in found["layers"]] == [8, *[4] * 9]
    assert found["total"]["weights"] == 155_840


def test_a_checkpoint_of_the_jet_tagger_takes_its_features(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from fpga_flow.core.recipe import find_recipe, load_recipe
    from fpga_flow.data.jet_features import CLASSES
    from fpga_flow.train.checkpoint import save_state
    from fpga_flow.train.general import first_state

    state = first_state(load_recipe(find_recipe("jets-w6")), list(CLASSES), 16)
    save_state(tmp_path / "jets.pt", state)
    assert cli.main(["cost", str(tmp_path / "jets.pt"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["total"]["weights"] == 16 * 64 + 64 * 32 + 32 * 32 + 32 * 5
    assert [layer["act_bits"] for layer in found["layers"]] == [8, 6, 6, 6]


def test_the_table_names_every_layer_and_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    graph = Graph((1, 3)).quant(0.1, 8)
    graph.node("MatMul", graph.weights(np.eye(3, 2), 0.5, 4))
    graph.model().save(str(tmp_path / "net.onnx"))
    assert cli.main(["cost", str(tmp_path / "net.onnx")]) == 0
    shown = capsys.readouterr().out
    assert "66.7%" in shown
    for score in ("ITU challenge", "CIFAR course", "MicroNet 2019"):
        assert score in shown


@pytest.mark.parametrize(
    ("name", "message"), [("net.txt", "must be a network"), ("no.onnx", "No such file"), ("no.pt", "no such")]
)
def test_other_files_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, message: str
) -> None:
    assert cli.main(["cost", str(tmp_path / name)]) == 2
    assert message in capsys.readouterr().err


def test_what_hardware_refuses_is_counted_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = Graph((1, 4)).quant(0.1, 8, name="input")
    graph.node("MatMul", graph.weights(np.ones((4, 6)), 0.5, 17), name="wide").node("Tanh", name="tanh")
    graph.quant(0.1, 12, name="act")
    graph.node("MatMul", graph.weights(np.ones((6, 3)), 0.5, 4), name="fc")
    path = tmp_path / "net.onnx"
    path.write_bytes(graph.proto().SerializeToString())
    assert cli.main(["cost", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["bits"], one["act_bits"], one["macs"]) for one in found["layers"]] == [
        ("wide", 17, 8, 24),
        ("fc", 4, 12, 18),
    ]
    assert [one.partition(":")[0] for one in found["left_out"]] == ["node 'wide'"]
    assert found["output"] is None
    assert cli.main(["cost", str(path)]) == 0
    assert "node 'wide': weights of 17 bits; use 16 bits or fewer" in capsys.readouterr().out


def test_weights_that_do_not_fit_their_input_are_refused_and_not_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.onnx"
    graph = Graph((1, 4)).quant(0.1, 8)
    graph.node("MatMul", graph.weights(np.ones((4, 6)), 0.5, 4)).quant(0.1, 4)
    graph.node("MatMul", graph.weights(np.ones((5, 3)), 0.5, 4), name="fc")
    path.write_bytes(graph.proto().SerializeToString())
    assert cli.main(["cost", str(path)]) == 2
    assert "node 'fc'" in capsys.readouterr().err


def test_file_without_anything_to_count_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(Graph((1, 4)).node("MatMul", np.ones((4, 6)), name="fc").proto().SerializeToString())
    assert cli.main(["cost", str(path)]) == 2
    assert "error: node 'fc': its weights are not quantised; " in capsys.readouterr().err
