from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow import data
from fpga_flow.core.artifact import digest_content
from fpga_flow.core.errors import UnsupportedError
from fpga_flow.data.frames import Frames
from fpga_flow.export import host
from fpga_flow.export.reader import read
from fpga_flow.export.reference import FileReference
from fpga_flow.hardware.lowering import chosen_classes
from fpga_flow.integer.golden import Golden
from fpga_flow.pipeline.flow import Context
from fpga_flow.stages import export as stage
from tests.export.graphs import Graph, network
from tests.export.small import CLASSES, LENGTH, noise, recipe, save_checkpoint

FRAMES = 90


def fake_data(monkeypatch: pytest.MonkeyPatch, frames: Frames | None) -> None:
    """Put `frames` in the place of every data set; None: no data set fits."""
    monkeypatch.setattr(data, "load", lambda part, split, cache: frames)
    monkeypatch.setattr(data, "for_shape", lambda shape, classes: recipe().data if frames else None)


def context(folder: Path, model_file: Path | None = None, **inputs: Path) -> Context:
    folder.mkdir()
    return Context(recipe(), folder, inputs, folder.parent / "cache", model_file)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    root = tmp_path_factory.mktemp("export")
    (root / "prune").mkdir()
    save_checkpoint(recipe(), root / "prune" / "checkpoint.pt")
    with pytest.MonkeyPatch.context() as monkeypatch:
        fake_data(monkeypatch, noise((2, LENGTH), FRAMES, 0))
        made = context(root / "made", prune=root / "prune")
        return made.folder, stage.run(made).model_dump(mode="json")


def test_result_of_a_trained_network(exported: tuple[Path, dict[str, Any]]) -> None:
    _, result = exported
    assert result["samples"] == FRAMES
    assert 0 <= result["accuracy"]["golden"] <= 1
    assert list(result["by_snr"]) == ["0", "10", "20"]
    assert result["classes"] == [f"class{i}" for i in range(CLASSES)]
    assert (result["bits"], result["vectors"], result["data"]) == (4, 48, "noise")
    assert result["input"]["shape"] == [2, LENGTH, 1]
    assert result["output"]["reason"] == "the data set has 5 classes" and result["output"]["decides"]
    assert result["stand_in"] is None
    assert result["checks"]["network"]["differences"] == 0
    check = result["checks"]["float"]
    assert (check["against"], check["frames"]) == ("the Brevitas network", 64)
    assert (check["differences"], check["class_differences"]) == (0, 0)
    assert result["checks"]["original"] is None  # there is no file as it came


def test_vectors_are_golden_and_accuracy_is_theirs(exported: tuple[Path, dict[str, Any]]) -> None:
    folder, result = exported
    vectors = np.load(folder / "vectors.npz")
    assert vectors["x"].dtype == np.int8
    assert vectors["x"].shape == (48, 2, LENGTH, 1)
    logits, classes = Golden(folder / "golden.onnx").run(vectors["x"])
    np.testing.assert_array_equal(vectors["logits"], logits)
    np.testing.assert_array_equal(vectors["y"], classes)
    frames = noise((2, LENGTH), FRAMES, 0)
    np.testing.assert_array_equal(vectors["label"], frames.labels[vectors["index"]])
    np.testing.assert_array_equal(vectors["snr"], frames.snr_db[vectors["index"]])
    codes = np.clip(np.rint(frames.read(np.arange(FRAMES)) * 64), -128, 127)[..., None]
    right = Golden(folder / "golden.onnx").run(codes)[1] == frames.labels
    assert result["accuracy"]["golden"] == right.mean()


def test_layers_file_has_every_tensor_of_the_network(exported: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = exported
    network_file = onnx.load(folder / "network.onnx")
    tensors = {network_file.graph.input[0].name, *(n.output[0] for n in network_file.graph.node)}
    golden = Golden(folder / "golden.onnx", folder / "golden_layers.onnx")
    assert set(golden.layers(np.load(folder / "vectors.npz")["x"][:2])) == tensors


def test_network_from_outside_with_fitting_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_data(monkeypatch, noise((2, 16), FRAMES, 0))
    onnx.save(network().proto(), tmp_path / "net.onnx")
    made = context(tmp_path / "a", tmp_path / "net.onnx")
    result = stage.run(made).model_dump(mode="json")
    assert result["data"] == "a stand-in for this network's own data: noise"
    assert (result["accuracy"], result["samples"], result["by_snr"]) == ({"golden": None}, None, {})
    assert result["stand_in"]["samples"] == FRAMES
    assert 0 <= result["stand_in"]["accuracy"] <= 1
    assert set(np.load(made.folder / "vectors.npz")["label"]) == {-1}
    assert result["classes"] == list("01234")
    assert result["checks"]["float"]["against"] == "the float network in onnxruntime"
    assert result["checks"]["original"] == {"frames": 8, "rounded": 0, "reason": None}
    again = context(tmp_path / "b", tmp_path / "net.onnx")
    assert stage.run(again).model_dump(mode="json") == result
    assert digest_content(again.folder) == digest_content(made.folder)


def test_network_from_outside_without_data_is_checked_on_frames_called_random(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_data(monkeypatch, None)
    onnx.save(network().proto(), tmp_path / "net.onnx")
    made = context(tmp_path / "a", tmp_path / "net.onnx")
    result = stage.run(made).model_dump(mode="json")
    assert result["data"].startswith("random: ")
    assert (result["accuracy"], result["samples"]) == ({"golden": None}, None)
    vectors = np.load(made.folder / "vectors.npz")
    assert set(vectors["label"]) == {-1}
    assert np.isnan(vectors["snr"]).all()


def test_wrong_operator_is_refused_before_anything_is_written_or_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "_outside_data", lambda *_: pytest.fail("data was loaded"))
    onnx.save(network().node("Hardmax", name="hard").proto(), tmp_path / "net.onnx")
    made = context(tmp_path / "a", tmp_path / "net.onnx")
    with pytest.raises(
        UnsupportedError, match="^node 'hard': operator Hardmax cannot be mapped to hardware; "
    ):
        stage.run(made)
    assert not list(made.folder.iterdir())


def test_network_from_outside_that_decides_no_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_data(monkeypatch, None)
    graph = Graph((1, 3, 4, 5)).quant(0.17, 4).conv(4, 3, inputs=3, pads=[1, 1, 1, 1])
    onnx.save(
        graph.node("Add", np.arange(4.0).reshape(4, 1, 1) / 7).proto((1, 4, 4, 5)), tmp_path / "net.onnx"
    )
    made = context(tmp_path / "a", tmp_path / "net.onnx")
    result = stage.run(made).model_dump(mode="json")
    assert (result["classes"], result["accuracy"]["golden"]) == ([], None)
    assert result["logits"]["shape"] == [4, 4, 5]
    assert 0 < result["logits"]["error"] < 1e-5
    vectors = np.load(made.folder / "vectors.npz")
    assert "y" not in vectors
    assert vectors["logits"].shape == (48, 4, 4, 5) and vectors["logits"].dtype == np.int64
    np.testing.assert_array_equal(vectors["logits"], Golden(made.folder / "golden.onnx").run(vectors["x"])[0])


def dense(outputs: int, *ending: str) -> onnx.ModelProto:
    """A dense layer of 6 inputs with a bias, and operators behind it."""
    graph = Graph((1, 6)).quant(0.1, 6)
    weights = np.random.default_rng(0).normal(size=(6, outputs))
    graph.node("MatMul", graph.weights(weights, 0.2, 4)).node("Add", np.linspace(-1, 1, outputs) - 0.3)
    for operator in ending:
        graph.node(operator)
    return graph.proto()


@pytest.mark.parametrize(
    ("proto", "decides", "reason"),
    [
        (dense(1), False, "the network has one output"),
        (dense(1, "Sigmoid"), False, "the network has one output"),
        (dense(5), True, "the file ends in them, and nothing in it says what they are"),
        (dense(5, "Sigmoid"), False, "the file ends in Sigmoid: independent labels"),
        (dense(5, "Softmax"), True, "the file ends in Softmax"),
    ],
    ids=["value", "logit", "vector", "labels", "classes"],
)
def test_what_comes_out_is_what_the_file_says(
    proto: onnx.ModelProto, decides: bool, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_data(monkeypatch, None)
    onnx.save(proto, tmp_path / "net.onnx")
    made = context(tmp_path / "a", tmp_path / "net.onnx")
    result = stage.run(made).model_dump(mode="json")
    assert (result["output"]["decides"], result["output"]["reason"]) == (decides, reason)
    assert chosen_classes(ModelWrapper(str(made.folder / "network.onnx"))) == decides
    vectors = np.load(made.folder / "vectors.npz")
    assert ("y" in vectors) == decides
    numbers = vectors["logits"] * result["output"]["scale"] + result["output"]["offset"]
    expected = FileReference(read(tmp_path / "net.onnx")).run(host.dequantise(vectors["x"], result["input"]))
    np.testing.assert_allclose(numbers, expected.logits, atol=1e-5)
