"""From operators of the integer network to FINN's layers: branches, orders, what is refused."""

import numpy as np
import pytest
from onnx import NodeProto, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.hardware.lowering import chosen_classes, to_layers
from fpga_flow.integer.output import LeftOut, note_left_out
from fpga_flow.layers.label_select import CLASS_TENSOR
from tests.networks import Builder


def operators(model: ModelWrapper) -> list[str]:
    return [node.op_type for node in model.graph.node]


def only(model: ModelWrapper, operator: str) -> NodeProto:
    (node,) = model.get_nodes_by_op_type(operator)
    return node


def start() -> Builder:
    return Builder((4, 6, 1), "UINT3")


def test_a_tensor_with_two_readers_is_duplicated_for_them() -> None:
    net = start().conv(4).threshold(3)
    skip = net.tensor
    model = to_layers(net.conv(4).threshold(3).residual(skip).flatten().dense(3).build(), 1)
    fork, add = only(model, "DuplicateStreams"), only(model, "IntegerAdd_rtl")
    assert list(fork.input) == [skip]
    assert getCustomOp(fork).get_nodeattr("NumOutputStreams") == 2
    readers = [name for node in model.graph.node for name in node.input if name in fork.output]
    assert sorted(readers) == sorted(fork.output)
    assert [style for key in ("lhs_style", "rhs_style") if (style := getCustomOp(add).get_nodeattr(key))] == [
        "input",
        "input",
    ]


def test_the_networks_input_may_be_read_twice() -> None:
    net = start()
    model = to_layers(net.conv(4).threshold(3).concat("x").flatten().dense(3).build(), 1)
    assert operators(model)[0] == "DuplicateStreams"
    assert list(getCustomOp(only(model, "StreamingConcat")).get_nodeattr("ChannelsPerStream")) == [4, 4]


def test_every_stream_has_one_reader() -> None:
    net = start().conv(4).threshold(3)
    a = net.tensor
    b = net.conv(4).threshold(3).tensor
    net = net.conv(4).threshold(3).concat(a, b).conv(4).threshold(3).residual(a).flatten().dense(3)
    model = to_layers(net.build(), 1)
    streams = [
        name for node in model.graph.node for name in node.input if model.get_initializer(name) is None
    ]
    assert len(streams) == len(set(streams))
    assert {name for node in model.graph.node for name in node.output} - set(streams) == {CLASS_TENSOR}


def test_all_ones_per_channel_are_a_sum_pool_and_other_weights_a_unit_per_channel() -> None:
    net = start().depthwise(3).threshold(3).sum_pool(2).threshold(3).flatten().dense(3)
    made = operators(to_layers(net.build(), 1))
    assert [op for op in made if op in ("VVAU", "Pool")] == ["VVAU", "Pool"]


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "left", "made"),
    [(1, 2, 1, 1, []), (2, 5, 1, 2, [2]), (2, 4, 2, 3, [3]), (3, 3, 1, None, [3]), (1, 9, 1, 1, [])],
)
def test_windows_smaller_than_their_stride_get_a_decimated_image(
    kernel: int, stride: int, dilation: int, left: int | None, made: list[int]
) -> None:
    net = Builder((2, 9, 1), "UINT3")
    weights = net.weights((3, 2, kernel, 1), 3)
    extent = dilation * (kernel - 1) + 1
    count = (9 - extent) // stride + 1
    window = {"kernel_shape": [kernel, 1], "strides": [stride, 1], "dilations": [dilation, 1]}
    net.add("Conv", (1, 3, count, 1), "INT32", weights, group=1, pads=[0, 0, 0, 0], **window)
    model = to_layers(net.build(), 0)
    assert ("Decimate_rtl" in operators(model)) == (left is not None)
    if left is not None:
        assert model.get_tensor_shape(only(model, "Decimate_rtl").output[0]) == [1, count * extent, 1, 2]
    generators = model.get_nodes_by_op_type("ConvolutionInputGenerator")
    assert [int(getCustomOp(node).get_nodeattr("Stride")[0]) for node in generators] == made


def test_weights_behind_a_flatten_follow_the_order_of_the_stream() -> None:
    net = Builder((2, 3, 1), "UINT3").flatten().dense(1)
    network = net.build()
    model = to_layers(network, 0)
    weights = network.get_initializer(network.get_nodes_by_op_type("MatMul")[0].input[1])
    streamed = model.get_initializer(only(model, "MVAU").input[1])
    x = np.arange(6).reshape(1, 2, 3, 1)
    np.testing.assert_array_equal(
        x.reshape(1, -1) @ weights, x.transpose(0, 2, 3, 1).reshape(1, -1) @ streamed
    )


def test_steps_behind_a_flatten_follow_the_order_and_the_stream_is_not_called_the_networks() -> None:
    net = Builder((2, 3, 1), "UINT3").flatten().threshold(2)
    kept = net.tensor
    network = net.dense(2).build()
    model = to_layers(network, 1)
    node = only(model, "Thresholding")
    steps = numpy_helper.to_array(next(t for t in network.graph.initializer if t.name == "constant_0"))
    np.testing.assert_array_equal(model.get_initializer(node.input[1]), steps[[0, 3, 1, 4, 2, 5]])
    assert kept not in node.output


def test_steps_of_a_bipolar_stream_get_integers_and_not_codes() -> None:
    model = to_layers(Builder((3,), "BIPOLAR").threshold(2).dense(2).build(), 1)
    assert operators(model)[:2] == ["IntegerAdd_rtl", "Thresholding"]
    assert getCustomOp(only(model, "Thresholding")).get_nodeattr("inputDataType") == "INT2"


def test_a_concat_of_flattened_tensors_keeps_both_orders() -> None:
    net = Builder((2, 3, 1), "UINT3")
    first = net.flatten().tensor
    network = net.at("x").flatten().concat(first).dense(2).build()
    weights = network.get_initializer(network.get_nodes_by_op_type("MatMul")[0].input[1])
    streamed = to_layers(network, 1)
    found = streamed.get_initializer(only(streamed, "MVAU").input[1])
    order = [0, 3, 1, 4, 2, 5]
    np.testing.assert_array_equal(found, weights[[*order, *(6 + i for i in order)]])


@pytest.mark.parametrize(
    ("operator", "layer"), [("ReduceSum", "GlobalAccPool_rtl"), ("GlobalMaxPool", "GlobalMaxPool_rtl")]
)
def test_global_pools_give_one_value_a_channel(operator: str, layer: str) -> None:
    model = to_layers(start().global_pool(operator).flatten().dense(3).build(), 1)
    assert model.get_tensor_shape(only(model, layer).output[0]) == [1, 1, 1, 4]


def test_split_parts_go_their_own_ways() -> None:
    net = start()
    left, right = net.split(1, 3)
    model = to_layers(net.at(left).concat(right).flatten().dense(2).build(), 1)
    assert list(only(model, "StreamingSplit").output) == [left, right]


def test_without_a_class_the_output_is_the_numbers_themselves() -> None:
    model = to_layers(start().conv(4).threshold(3).upsample(2).build(), 0)
    assert operators(model)[-1] == "UpsampleNearestNeighbour"
    assert model.get_tensor_shape(model.graph.output[0].name) == [1, 12, 1, 4]


@pytest.mark.parametrize(
    ("net", "top_k", "reason"),
    [
        (lambda: start().conv(4).threshold(3), 1, "a class is decided, but the output has the shape"),
        (lambda: start().flatten().dense(3), 4, "hardware.top_k is 4, of 3 classes"),
        (lambda: start().flatten().dense(1), 1, "one number, whose index is always 0; leave hardware.top_k"),
        (lambda: start().flatten(), 0, "the network ends in a flatten"),
    ],
)
def test_wrong_endings_are_refused_with_a_reason(net: object, top_k: int, reason: str) -> None:
    with pytest.raises(UnsupportedError, match=reason):
        to_layers(net().build(), top_k)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("net", "behind", "decides"),
    [
        (start().flatten().dense(3), (), True),
        (start().flatten().dense(3), ("Sigmoid",), False),
        (start().flatten().dense(1), (), False),
        (start().conv(4), (), False),
        (start().conv(4).global_pool("GlobalMaxPool"), (), True),
    ],
    ids=["vector", "labels", "one", "map", "pooled"],
)
def test_an_index_comes_out_of_a_vector_of_classes_alone(
    net: Builder, behind: tuple[str, ...], decides: bool
) -> None:
    model = net.build()
    note_left_out(model, LeftOut(behind))
    assert chosen_classes(model) == int(decides)
    note_left_out(model, LeftOut(behind, k=3))
    assert chosen_classes(model) == 3 * int(decides)
