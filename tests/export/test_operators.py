"""What no library may see is refused before: attributes, inputs and constants that no network has."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from fpga_flow.core.errors import InputError, WrongNodeError
from fpga_flow.export.golden import write_golden
from fpga_flow.export.network import write_network
from fpga_flow.export.reader import bring_up_to_date, load
from fpga_flow.export.walk import countable, to_integers
from tests.export.damage import damaged
from tests.export.graphs import QONNX, Graph


def whole() -> Graph:
    """A network of the operators that have the most attributes."""
    rng = np.random.default_rng(0)
    graph = Graph((1, 2, 8, 8)).quant(0.1, 8, name="input")
    graph.conv(4, 3, inputs=2, pads=[1, 1, 1, 1], strides=[1, 1], dilations=[1, 1], group=1, name="conv")
    graph.node("BatchNormalization", *rng.uniform(0.5, 2, (4, 4)), epsilon=1e-5, name="norm")
    graph.node("Relu", name="relu").quant(0.2, 4, signed=0, name="act")
    graph.node("MaxPool", kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0], name="pool")
    graph.node("Flatten", axis=1, name="flat")
    return graph.node("Gemm", graph.weights(rng.normal(size=(64, 3)), 0.2, 4), transB=0, name="fc")


def read(proto: onnx.ModelProto) -> None:
    to_integers(bring_up_to_date(proto, "net.onnx"))


def message(change: Callable[[onnx.ModelProto], Any]) -> str:
    proto = whole().proto()
    change(proto)
    with pytest.raises(InputError) as caught:
        read(proto)
    assert caught.value.exit_code == 2
    return str(caught.value)


def node(proto: onnx.ModelProto, name: str) -> onnx.NodeProto:
    return next(found for found in proto.graph.node if found.name == name)


def attribute(proto: onnx.ModelProto, name: str, key: str) -> AttributeProto:
    return next(found for found in node(proto, name).attribute if found.name == key)


def constant(proto: onnx.ModelProto, name: str, index: int) -> TensorProto:
    wanted = node(proto, name).input[index]
    return next(found for found in proto.graph.initializer if found.name == wanted)


def test_the_network_itself_is_read() -> None:
    read(whole().proto())


@pytest.mark.parametrize(
    ("name", "key", "value", "must"),
    [
        ("conv", "strides", [0, 0], "its strides must be 1 to 65536, not [0, 0]"),
        ("conv", "dilations", [0, 1], "its dilations must be 1 to 65536, not [0, 1]"),
        ("conv", "kernel_shape", [0, 3], "its kernel_shape must be 1 to 65536, not [0, 3]"),
        (
            "conv",
            "kernel_shape",
            [5, 5],
            "its kernel_shape is [5, 5], its weights have the shape [4, 2, 3, 3]",
        ),
        ("conv", "pads", [-1, 0, 0, 0], "its pads must be 0 to 65536, not [-1, 0, 0, 0]"),
        ("conv", "pads", [1, 1], "its pads must be 4 numbers, not [1, 1]"),
        ("conv", "strides", [1], "its strides must be 2 numbers, not [1]"),
        (
            "conv",
            "dilations",
            [9, 9],
            "its window reaches over 19 positions; its input has 10 with the padding",
        ),
        (
            "pool",
            "kernel_shape",
            [9, 9],
            "its window reaches over 9 positions; its input has 8 with the padding",
        ),
        ("pool", "strides", [2**40, 1], "its strides must be 1 to 65536, not [1099511627776, 1]"),
        ("pool", "pads", [2, 2, 2, 2], "its pads [2, 2, 2, 2] must be smaller than its kernel [2, 2]"),
    ],
)
def test_wrong_numbers_of_a_window(name: str, key: str, value: list[int], must: str) -> None:
    assert message(lambda proto: attribute(proto, name, key).ints.__setitem__(slice(None), value)).startswith(
        f"node {name!r}: {must}; "
    )


@pytest.mark.parametrize(
    ("group", "must"),
    [
        (0, "its group must be 1 to 65536, not 0"),
        (10**9, "its group must be 1 to 65536, not 1000000000"),
        (3, "its input has 2 channels, its weights the shape [4, 2, 3, 3] and 3 groups"),
    ],
)
def test_wrong_groups(group: int, must: str) -> None:
    def change(proto: onnx.ModelProto) -> None:
        attribute(proto, "conv", "group").i = group

    assert message(change).startswith(f"node 'conv': {must}; ")


@pytest.mark.parametrize(
    ("name", "given", "must"),
    [
        (
            "conv",
            helper.make_attribute("auto_pad", "SAME_UPPER"),
            "it has pads [1, 1, 1, 1] and auto_pad SAME",
        ),
        ("conv", helper.make_attribute("auto_pad", "AROUND"), "its auto_pad is 'AROUND'"),
        ("conv", helper.make_attribute("colour", 1), "Conv has no attribute 'colour' (but auto_pad, "),
        ("conv", helper.make_attribute("group", 1), "its attribute group is given twice"),
        ("norm", helper.make_attribute("training_mode", 1), "BatchNormalization has no attribute"),
        ("norm", helper.make_attribute("momentum", float("nan")), "its momentum must be finite, not nan"),
        ("act", helper.make_attribute("zero", 1), "Quant has no attribute 'zero' (but narrow, "),
        ("flat", helper.make_attribute("axis", [1, 2]), "its attribute axis is given twice"),
        ("fc", helper.make_attribute("transA", 7), "its transA must be 0 to 1, not 7"),
        ("fc", helper.make_attribute("alpha", 1), "its attribute alpha must be a number"),
    ],
)
def test_wrong_attributes(name: str, given: AttributeProto, must: str) -> None:
    def change(proto: onnx.ModelProto) -> None:
        if name == "norm":
            proto.opset_import[0].version = 13
        node(proto, name).attribute.append(given)

    assert message(change).startswith(f"node {name!r}: {must}")


def test_wrong_bytes_in_an_attribute() -> None:
    def change(proto: onnx.ModelProto) -> None:
        attribute(proto, "act", "rounding_mode").s = b"\xff\xfe"

    assert message(change).startswith(r"node 'act': its rounding_mode must be plain text, not b'\xff\xfe'; ")


@pytest.mark.parametrize(
    ("name", "inputs", "must"),
    [
        ("act", ["t4", "c0", "c1", "c2", "c0"], "Quant must have 4 inputs, not 5"),
        ("act", ["t4", "c0"], "Quant must have 4 inputs, not 2"),
        ("act", ["t4", "", "c1", "c2"], "one of its first 4 inputs is left out"),
        ("relu", [], "Relu must have 1 inputs, not 0"),
        ("conv", ["t0", "t1", "c0", "c0"], "Conv must have 2 to 3 inputs, not 4"),
    ],
)
def test_wrong_numbers_of_inputs(name: str, inputs: list[str], must: str) -> None:
    def change(proto: onnx.ModelProto) -> None:
        node(proto, name).input[:] = inputs

    assert message(change).startswith(f"node {name!r}: {must}; ")


def test_a_cycle_is_no_network() -> None:
    def change(proto: onnx.ModelProto) -> None:
        node(proto, "relu").input[0] = node(proto, "act").output[0]

    assert "net.onnx: is not a valid network: node 'relu' reads tensor " in message(change)


def test_a_tensor_that_two_nodes_give_is_refused() -> None:
    def change(proto: onnx.ModelProto) -> None:
        node(proto, "relu").output[0] = node(proto, "conv").output[0]

    assert "net.onnx: is not a valid network: node 'relu' and another place both give tensor" in message(
        change
    )


def test_a_negative_variance_is_named() -> None:
    def change(proto: onnx.ModelProto) -> None:
        tensor = constant(proto, "norm", 4)
        tensor.CopyFrom(numpy_helper.from_array(np.float32([1, -0.5, 1, 1]), tensor.name))

    assert message(change) == (
        "node 'norm': its variance must be 0 or more, and more than 0 with its epsilon (1e-05); its least is "
        "-0.5; export the trained network in eval mode"
    )


def test_what_makes_no_sense_is_not_counted_either() -> None:
    proto = whole().proto()
    tensor = constant(proto, "norm", 4)
    tensor.CopyFrom(numpy_helper.from_array(np.float32([1, -0.5, 1, 1]), tensor.name))
    with pytest.raises(WrongNodeError, match="^node 'norm': its variance must be 0 or more"):
        countable(bring_up_to_date(proto, "net.onnx"))


def test_a_truncation_to_one_number_is_refused() -> None:
    graph = Graph((1, 6)).quant(0.1, 2, signed=0)
    graph.node("Trunc", 0.1, 0.0, 8, 1, domain=QONNX, rounding_mode="FLOOR", name="cut")
    with pytest.raises(InputError, match="^node 'cut': it leaves nothing but the number 0"):
        read(graph.node("MatMul", graph.weights(np.ones((6, 3)), 1.0, 4)).proto())


def test_an_order_of_axes_that_is_none_is_refused() -> None:
    graph = Graph((1, 2, 4, 4)).quant(0.1, 4).node("Transpose", perm=[1], name="turn")
    with pytest.raises(
        InputError, match=r"^node 'turn': its perm must order the axes \[0, 1, 2, 3\], not \[1\]"
    ):
        read(graph.proto())


def test_a_division_by_zero_is_refused() -> None:
    graph = whole().node("Div", np.float32([1, 0, 1]), name="div")
    with pytest.raises(InputError, match="node 'div': it divides by 0"):
        read(graph.proto())


@pytest.mark.parametrize("values", [np.ones((2, 3)), np.ones(7)])
def test_constants_of_other_shapes_are_refused(values: Any) -> None:
    with pytest.raises(InputError, match="^node 'scale': "):
        read(whole().node("Mul", values, name="scale").proto())


def test_a_scale_that_does_not_fit_is_refused() -> None:
    def change(proto: onnx.ModelProto) -> None:
        tensor = constant(proto, "act", 1)
        tensor.CopyFrom(numpy_helper.from_array(np.full((1, 7, 1, 1), 0.1, np.float32), tensor.name))

    assert message(change).startswith(
        "node 'act': its parameter 'c11' of the shape [1, 7, 1, 1] does not fit"
    )


def test_words_as_weights_are_refused() -> None:
    def change(proto: onnx.ModelProto) -> None:
        tensor = proto.graph.initializer[3]
        words = [b"a"] * int(np.prod(tensor.dims))
        tensor.CopyFrom(helper.make_tensor(tensor.name, TensorProto.STRING, tensor.dims, words))

    assert message(change) == "net.onnx: tensor 'c3' must hold numbers, not STRING; use float32"


def test_doubles_are_read_as_floats() -> None:
    proto = whole().proto()
    for tensor in proto.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32:
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float64), tensor.name))
    model = bring_up_to_date(proto, "net.onnx")
    assert {tensor.data_type for tensor in model.graph.initializer} == {TensorProto.FLOAT}
    assert to_integers(model).output.shape == (1, 3)


def test_groups_that_make_too_large_a_convolution_are_refused() -> None:
    graph = Graph((1, 8192, 1, 1)).quant(0.1, 4)
    weights = graph.weights(np.ones((8192, 2, 1, 1)), 1.0, 4)
    graph.node("Conv", weights, kernel_shape=[1, 1], group=4096, name="conv").node("Flatten")
    with pytest.raises(InputError, match="as one convolution its 4096 groups have 67,108,864 weights"):
        read(graph.proto())


def test_a_quantiser_s_parameters_may_not_be_empty() -> None:
    graph = Graph((1, 6)).node("Quant", np.ones(0), 0.0, 8, domain=QONNX, signed=1, name="input")
    with pytest.raises(InputError, match="^node 'input': "):
        read(graph.node("MatMul", graph.weights(np.ones((6, 3)), 1.0, 4)).proto())


@pytest.mark.parametrize("seed", range(8))
def test_damaged_files_are_read_or_refused(seed: int, tmp_path: Path) -> None:
    path, refused = tmp_path / "net.onnx", 0
    for number in range(50):
        path.write_bytes(damaged(whole().proto(), 50 * seed + number))
        try:
            network = to_integers(bring_up_to_date(load(path), "net.onnx"))
        except InputError:
            refused += 1
            continue
        write_golden(network)
        write_network(network)
    assert 20 < refused < 50
