"""What comes out against the file as it came, in qonnx' own execution."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from fpga_flow.core.errors import DifferenceError
from fpga_flow.export import host, original
from fpga_flow.export.names import original_names
from fpga_flow.export.operations import IntegerNetwork
from fpga_flow.export.original import FRAMES, check_original
from fpga_flow.export.output import describe_output
from fpga_flow.export.reader import read
from fpga_flow.export.reference import FileReference
from fpga_flow.export.walk import to_integers
from fpga_flow.results.export import Original
from tests.export.graphs import Graph, network, of_ir_3, opened
from tests.export.test_compare import bipolar_tie
from tests.export.test_ending import image, top, vector


def checked(
    proto: onnx.ModelProto, folder: Path, spoil: Callable[[IntegerNetwork], None] | None = None
) -> Original:
    """Compare a file with what is made of it, on frames of noise; `spoil` changes that before."""
    proto = copy.deepcopy(proto)
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(proto, folder / "net.onnx")
    model = read(folder / "net.onnx")
    net = to_integers(model)
    if spoil is not None:
        spoil(net)
    spec = host.describe(net.host, net.input)
    frames = np.random.default_rng(5).normal(size=(FRAMES, *spec["frame_shape"]))
    floats = frames.astype(np.float32)
    golden = opened(net, folder)
    codes = host.quantise(floats, spec)
    return check_original(folder / "net.onnx", model, net, golden, describe_output(net), floats, codes)


def in_batches() -> onnx.ModelProto:
    proto = network().proto()
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 3
    return proto


def old_file() -> onnx.ModelProto:
    return of_ir_3(network().proto())


def of_2021() -> onnx.ModelProto:
    graph = Graph((1, 6), domain="finn.custom_op.general", opset=9).quant(0.1, 4)
    return graph.node("MatMul", graph.weights(np.ones((6, 3)), 1.0, 4)).proto()


EQUAL: dict[str, Callable[[], onnx.ModelProto]] = {
    "logits": lambda: network().proto(),
    "sigmoid": lambda: vector(1).node("Sigmoid").proto(),
    "softmax": lambda: vector().node("Softmax", axis=1).proto(),
    "classes of a map": lambda: image().node("ArgMax", axis=1).proto(),
    "flat": lambda: image().node("Flatten").proto(),
    "batches of three": in_batches,
    "IR 3": old_file,
    "2021": of_2021,
}


@pytest.mark.parametrize("proto", EQUAL.values(), ids=EQUAL)
def test_what_comes_out_is_what_the_file_gives(proto: Callable[[], onnx.ModelProto], tmp_path: Path) -> None:
    made = proto()
    if made.graph.node[-1].op_type == "ArgMax":
        made.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    assert checked(made, tmp_path) == Original(frames=FRAMES, rounded=0, reason=None)


def test_classes_are_those_of_the_file(tmp_path: Path) -> None:
    proto = top(vector(), 3).proto()
    proto.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    assert checked(proto, tmp_path) == Original(frames=FRAMES, rounded=0, reason=None)


def _wrong_offset(net: IntegerNetwork) -> None:
    net.logit_offset += net.logit_scale


def _wrong_function(net: IntegerNetwork) -> None:
    net.left_out = replace_steps(net, (("tanh", ()),))


def _wrong_order(net: IntegerNetwork) -> None:
    net.left_out = replace_steps(net, (("take", (1.0, 0.0, 2.0, 3.0, 4.0)), *net.left_out.steps))


def replace_steps(net: IntegerNetwork, steps: Any) -> Any:
    return net.left_out._replace(steps=steps)


@pytest.mark.parametrize("spoil", [_wrong_offset, _wrong_function, _wrong_order])
def test_a_wrong_value_is_found_and_named(spoil: Callable[[IntegerNetwork], None], tmp_path: Path) -> None:
    words = r"differs from net.onnx as it came.*; first: frame 0, value 0: expected 0\.\d+, found -?\d\.\d+$"
    with pytest.raises(DifferenceError, match=words):
        checked(vector().node("Sigmoid").proto(), tmp_path, spoil)


def test_a_wrong_class_is_found(tmp_path: Path) -> None:
    def turned(net: IntegerNetwork) -> None:
        net.operations[-1].values = -net.operations[-1].values  # type: ignore[attr-defined]

    proto = top(vector().node("Mul", np.linspace(1, 2, 5, dtype=np.float32)), 1).proto()
    proto.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    with pytest.raises(DifferenceError, match=r"first: frame \d, value 0: expected \d, found \d$"):
        checked(proto, tmp_path, turned)


def test_frames_that_meet_a_tie_are_counted(tmp_path: Path) -> None:
    found = checked(bipolar_tie().proto(), tmp_path)
    assert found.frames == FRAMES and 0 < found.rounded < FRAMES


def test_a_file_that_qonnx_cannot_execute_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise IndexError("no such tensor\nand more")

    monkeypatch.setattr(original, "execute_onnx", fails)
    assert checked(network().proto(), tmp_path) == Original(frames=0, rounded=0, reason="no such tensor")
    assert "which qonnx cannot execute: no such tensor\n" in capsys.readouterr().err


def test_no_frame_is_begun_when_the_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(original, "SECONDS", 0.0)
    assert checked(network().proto(), tmp_path).frames == 1


def test_quantisers_are_found_in_the_file_by_their_names(tmp_path: Path) -> None:
    proto = network().node("Sigmoid").proto()
    onnx.save(proto, tmp_path / "net.onnx")
    model = read(tmp_path / "net.onnx")
    called = original_names(model)
    names = [called[name] for name, _ in FileReference(model).quantised]
    outputs = {node.name: node.output[0] for node in proto.graph.node}
    assert names == [outputs[name] for name in ("input", "act0", "act1")]
    assert called[model.graph.output[0].name] == proto.graph.node[-1].input[0]


def test_an_upsampling_with_an_empty_roi_runs_in_float64() -> None:
    graph = image().quant(0.29, 4)
    graph.constants += [
        numpy_helper.from_array(np.zeros(0, dtype=np.float32), "roi"),
        numpy_helper.from_array(np.array([1, 1, 2, 3], dtype=np.float32), "scales"),
    ]
    modes = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    model = graph.node("Resize", "roi", "scales", mode="nearest", **modes).model()
    frames = np.random.default_rng(1).normal(size=(2, 2, 4, 5)).astype(np.float32)
    reference = FileReference(model)
    found = reference.double.run(frames).logits
    np.testing.assert_allclose(found, reference.run(frames).logits, rtol=1e-6)
    assert found.shape == (2, 3, 8, 15)
