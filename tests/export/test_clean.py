"""Files are cleaned in time and memory that follow their size."""

import time

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from fpga_flow.core.errors import InputError, UnsupportedError
from fpga_flow.export.reader import MAX_NODES, bring_up_to_date
from fpga_flow.export.walk import to_integers
from tests.export.graphs import Graph, of_ir_3


def ended(graph: Graph, features: int = 4) -> onnx.ModelProto:
    return graph.node("MatMul", graph.weights(np.ones((features, 3)), 1.0, 4), name="fc").proto()


def test_thousands_of_nodes_are_read_in_seconds() -> None:
    graph = Graph((1, 4)).quant(0.1, 4)
    for _ in range(2000):
        graph.node("Relu")
    proto = ended(graph.quant(0.1, 4, signed=0))
    start = time.process_time()
    network = to_integers(bring_up_to_date(proto, "net"))
    assert time.process_time() - start < 10
    assert [type(operation).__name__ for operation in network.operations] == ["Activation", "Matrix"]


def test_too_many_nodes_are_refused() -> None:
    graph = Graph((1, 4)).quant(0.1, 4)
    graph.nodes += graph.nodes[:1] * MAX_NODES
    with pytest.raises(InputError, match="net: must have at most 10,000 nodes, not 10,003"):
        bring_up_to_date(ended(graph), "net")


def test_a_long_chain_of_functions_is_refused() -> None:
    graph = Graph((1, 4)).quant(0.1, 4)
    for index in range(200):
        graph.node("LeakyRelu", alpha=0.5, name=f"leaky{index}").node("Mul", np.float32(1.1))
    with pytest.raises(UnsupportedError, match="more than 100 functions one behind the other"):
        to_integers(bring_up_to_date(ended(graph.quant(0.1, 4)), "net"))


def test_constants_that_grow_without_end_are_refused() -> None:
    graph = Graph((1, 4)).quant(0.1, 4)
    data, graph.last = graph.last, graph.constant(np.ones(4))
    for index in range(60):
        graph.node("Concat", graph.last, axis=0, name=f"twice{index}")
    with pytest.raises(
        UnsupportedError, match=r"node 'twice\d+': its output has the shape \[\d+\]; tensors must"
    ):
        bring_up_to_date(ended(graph.node("Mul", data)), "net")


def test_a_frame_that_is_too_large_is_refused() -> None:
    graph = Graph((1, 4, 4, 4)).quant(0.1, 4)
    graph.constants.append(numpy_helper.from_array(np.float32([1, 1, 2**20, 2**20]), "scales"))
    graph.node("Resize", "", "scales", mode="nearest", name="up")
    with pytest.raises(UnsupportedError, match=r"node 'up': .*\[1, 4, 4194304, 4194304\]"):
        bring_up_to_date(graph.proto(), "net")


def test_what_the_output_does_not_need_is_left_out() -> None:
    graph = Graph((1, 4)).quant(0.1, 4)
    before = graph.last
    graph.node("Softmax", name="probe").node("Add", np.ones(4))
    graph.last = before
    model = bring_up_to_date(ended(graph), "net")
    assert [node.name for node in model.graph.node if node.op_type != "Quant"] == ["fc"]


def test_an_output_that_no_input_reaches_is_refused() -> None:
    graph = Graph((1, 4)).quant(0.1, 4)
    graph.last = graph.constant(np.ones((1, 3)))
    graph.node("Relu")
    with pytest.raises(InputError, match="net: no output \\(t1\\) is computed from the input"):
        bring_up_to_date(graph.proto(), "net")


def test_a_network_that_only_quantises_its_input_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="node 'input': the output is the quantised input as it is"):
        to_integers(bring_up_to_date(Graph((1, 4)).quant(0.1, 4, name="input").proto(), "net"))


def test_tensors_are_named_as_qonnx_names_them() -> None:
    model = bring_up_to_date(ended(Graph((1, 4)).quant(0.1, 4, name="in")), "net")
    quantised, weights, dense = model.graph.node
    assert list(quantised.input) == ["global_in", "in_param0", "in_param1", "in_param2"]
    assert list(quantised.output) == ["in_out0"]
    assert list(dense.input) == ["in_out0", f"{weights.name}_out0"]
    assert list(dense.output) == ["global_out"]
    assert model.get_tensor_shape("in_out0") == [1, 4]


def test_old_files_that_list_their_constants_as_inputs_are_read() -> None:
    model = bring_up_to_date(of_ir_3(ended(Graph((1, 4), opset=11).quant(0.1, 4))), "net")
    assert [value.name for value in model.graph.input] == ["global_in"]
    assert model.model.ir_version == 8
