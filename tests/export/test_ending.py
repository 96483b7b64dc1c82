"""The end of a file: what the accelerator decides, what the host applies, and what comes out of both."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export import host
from fpga_flow.export.golden import write_golden
from fpga_flow.export.network import write_network
from fpga_flow.export.output import describe_output
from fpga_flow.export.reader import bring_up_to_date
from fpga_flow.export.walk import to_integers
from fpga_flow.hardware.lowering import chosen_classes
from fpga_flow.integer.golden import Golden, top_k
from fpga_flow.integer.output import Output
from tests.export.graphs import Graph

FRAMES = 6


def vector(classes: int = 5, opset: int = 13) -> Graph:
    graph = Graph((1, 6), opset=opset).quant(0.1, 4)
    weights = graph.weights(np.random.default_rng(1).normal(size=(6, classes)), 0.3, 4)
    return graph.node("MatMul", weights).node("Mul", np.float32(2.5))


def image(channels: int = 3, opset: int = 13) -> Graph:
    graph = Graph((1, 2, 4, 5), opset=opset).quant(0.1, 4)
    weights = graph.weights(np.random.default_rng(2).normal(size=(channels, 2, 1, 1)), 0.3, 4)
    return graph.node("Conv", weights, kernel_shape=[1, 1]).node("Mul", np.float32(2.5))


def top(graph: Graph, k: int, **attributes: Any) -> Graph:
    """Append a TopK; `last` is its indices."""
    graph.node("TopK", graph.integer_constant("k", [k]), name="top", **attributes)
    graph.nodes[-1].output.append("indices")
    graph.last = "indices"
    return graph


def shaped(graph: Graph, *sizes: int) -> Graph:
    return graph.node("Reshape", graph.integer_constant(f"sizes{len(graph.nodes)}", list(sizes)))


def both(proto: onnx.ModelProto, folder: Path) -> tuple[NDArray[Any], NDArray[Any], Output]:
    """Return the file's own outputs for some frames, by qonnx, the golden integers, and what comes out."""
    model = ModelWrapper(copy.deepcopy(proto))
    network = to_integers(bring_up_to_date(proto, "test"))
    spec = host.describe(network.host, network.input)
    frames = np.random.default_rng(3).normal(size=(FRAMES, *spec["frame_shape"])).astype(np.float32)
    info = model.graph.output[-1]
    name, last = info.name, model.graph.node[-1].op_type
    info.type.tensor_type.ClearField("shape")
    info.type.tensor_type.elem_type = TensorProto.INT64 if last in ("ArgMax", "TopK") else TensorProto.FLOAT
    model = model.transform(InferShapes())
    own = [execute_onnx(model, {"x": frame[None]})[name] for frame in frames]
    onnx.save(write_golden(network), folder / "golden.onnx")
    integers, _ = Golden(folder / "golden.onnx").run(host.quantise(frames, spec))
    output = describe_output(network)
    assert chosen_classes(write_network(network)) == output.top_k(None)
    return np.concatenate(own), integers, output


NUMBERS: dict[str, tuple[Callable[[], Graph], tuple[str, ...]]] = {
    "sigmoid": (lambda: vector().node("Sigmoid"), ("Sigmoid",)),
    "one number": (lambda: vector(1).node("Sigmoid"), ("Sigmoid",)),
    "tanh": (lambda: vector().node("Tanh"), ("Tanh",)),
    "relu": (lambda: vector().node("Relu"), ("Relu",)),
    "leaky relu": (lambda: vector().node("LeakyRelu", alpha=0.3), ("LeakyRelu",)),
    "clip": (lambda: vector().node("Clip", np.float32(-0.5), np.float32(0.75)), ("Clip",)),
    "share": (lambda: vector().node("Softmax", axis=1), ("Softmax",)),
    "logarithm": (lambda: vector().node("LogSoftmax", axis=-1), ("LogSoftmax",)),
    "per cent": (
        lambda: vector().node("Softmax", axis=1).node("Mul", np.float32(100)).node("Add", np.float32(1)),
        ("Softmax", "Mul", "Add"),
    ),
    "scale of each": (
        lambda: vector().node("Sigmoid").node("Div", np.arange(1, 6, dtype=np.float32)),
        ("Sigmoid", "Div"),
    ),
    "map": (lambda: image().node("Sigmoid"), ("Sigmoid",)),
    "shares of a map": (lambda: image().node("Softmax", axis=1), ("Softmax",)),
    "old softmax of a map": (lambda: image(opset=11).node("Softmax", axis=2), ("Softmax",)),
    "classes of a map": (lambda: image().node("ArgMax", axis=1), ("ArgMax",)),
    "classes without an axis": (lambda: image().node("ArgMax", axis=1, keepdims=0), ("ArgMax",)),
    "flat": (lambda: image().node("Flatten", axis=1), ("Flatten",)),
    "flat, sigmoid": (lambda: image().node("Flatten").node("Sigmoid"), ("Flatten", "Sigmoid")),
    "flat and scaled": (
        lambda: image().node("Flatten").node("Mul", np.linspace(1, 2, 60, dtype=np.float32)),
        ("Flatten",),
    ),
    "channels last": (lambda: image().node("Transpose", perm=[0, 2, 3, 1]), ()),
    "places, then channels": (
        lambda: shaped(image().node("Transpose", perm=[0, 2, 3, 1]), 1, 20, 3).node("Softmax", axis=2),
        ("Reshape", "Softmax"),
    ),
    "unit axes": (lambda: shaped(vector(), 1, 1, 5), ()),
}


@pytest.mark.parametrize(("graph", "behind"), NUMBERS.values(), ids=NUMBERS)
def test_numbers_are_those_of_the_file(
    graph: Callable[[], Graph], behind: tuple[str, ...], tmp_path: Path
) -> None:
    own, integers, output = both(graph().proto(), tmp_path)
    found = output.values(integers, 0)
    assert (found.shape, found.dtype) == (own.shape, own.dtype)
    np.testing.assert_allclose(found, own, rtol=1e-5, atol=1e-6)
    assert output.value_shape == own.shape[1:]
    assert output.behind[: len(behind)] == behind


def test_one_minus_a_sigmoid(tmp_path: Path) -> None:
    graph = vector().node("Sigmoid")
    graph.nodes.append(helper.make_node("Sub", [graph.constant(1.0), graph.last], ["rest"], "rest"))
    graph.last = "rest"
    own, integers, output = both(graph.proto(), tmp_path)
    np.testing.assert_allclose(output.values(integers, 0), own, rtol=1e-5, atol=1e-6)


def with_both(graph: Graph) -> onnx.ModelProto:
    proto = graph.proto()
    values = graph.nodes[-1].output[0]
    proto.graph.output.insert(0, helper.make_tensor_value_info(values, TensorProto.FLOAT, None))
    return proto


TOPS: dict[str, Callable[[], onnx.ModelProto]] = {
    "one": lambda: top(vector(), 1).proto(),
    "three": lambda: top(vector(), 3).proto(),
    "last axis": lambda: top(vector(), 2, axis=1).proto(),
    "all": lambda: top(vector(), 5).proto(),
    "with a softmax": lambda: top(vector().node("Softmax", axis=1), 3).proto(),
    "indices and numbers": lambda: with_both(top(vector(), 3)),
}


@pytest.mark.parametrize("proto", TOPS.values(), ids=TOPS)
def test_the_accelerator_gives_as_many_classes_as_the_file(
    proto: Callable[[], onnx.ModelProto], tmp_path: Path
) -> None:
    own, integers, output = both(proto(), tmp_path)
    k = output.top_k(None)
    assert (output.decides, k, output.behind[-1], output.name) == (True, own.shape[1], "TopK", "indices")
    np.testing.assert_array_equal(output.values(top_k(integers, k), k), own)


def test_classes_in_no_order_come_out_best_first(tmp_path: Path) -> None:
    own, integers, output = both(top(vector(), 3, sorted=0).proto(), tmp_path)
    np.testing.assert_array_equal(np.sort(top_k(integers, output.top_k(None))), np.sort(own))


def test_numbers_in_front_of_the_choice_can_be_had(tmp_path: Path) -> None:
    shares, *_ = both(vector().node("Softmax", axis=1).proto(), tmp_path)
    _, integers, output = both(top(vector().node("Softmax", axis=1), 3).proto(), tmp_path)
    np.testing.assert_allclose(output.values(integers, 0), shares, rtol=1e-5)
    assert output.words(0).endswith("integer, then Softmax, which the host applies")


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (lambda: top(vector(), 2, largest=0), "node 'top': it takes the smallest, the acc"),
        (lambda: top(vector(1), 1), "node 'top': TopK over one number, whose index is always 0"),
        (lambda: top(vector(), 6), "node 'top': TopK does not fit its inputs"),
        (lambda: top(vector(), 0), "node 'top': its output has the shape"),
        (lambda: top(image(), 2, axis=1), "node 'top': operator TopK cannot be mapped"),
        (lambda: vector().node("Relu").node("ArgMax", axis=1), "an activation behind the last layer"),
        (lambda: vector().node("Softmax", axis=0), "operator Softmax cannot be mapped"),
    ],
    ids=["smallest", "one number", "more than there are", "none", "a map", "relu", "over the batch"],
)
def test_wrong_endings_are_refused(graph: Callable[[], Graph], reason: str) -> None:
    with pytest.raises(UnsupportedError, match=reason):
        graph().integers()


def test_the_largest_numbers_alone_are_refused() -> None:
    graph = top(vector(), 2)
    graph.last = graph.nodes[-1].output[0]
    with pytest.raises(UnsupportedError, match="the largest numbers, but not which they are"):
        graph.integers()
