"""A layer has the name of the network's node everywhere, and what is between it that of the layer before."""

from pathlib import Path

import numpy as np
import pytest
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.finn.session import finn_session
from fpga_flow.hardware.lower import lower
from fpga_flow.hardware.streams import insert_streams
from fpga_flow.integer.names import instance, unused
from fpga_flow.target.board import board
from tests.fifos.hardware import design_of, ends, simulate, simulator_of
from tests.networks import Builder

PART = board("pynq-z1").part


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("conv1", "u_conv1"),
        ("body.0/conv", "u_body_0_conv"),
        ("größe", "u_gr__e"),
        ("2nd\n", "u_2nd_"),
    ],
)
def test_an_instance_is_called_by_letters_digits_and_underscores(name: str, called: str) -> None:
    assert instance(name) == called


def test_a_name_is_numbered_where_rtl_could_not_tell_it_from_another() -> None:
    assert unused("a.b", {"a", "b"}) == "a.b"
    assert unused("a.b", {"a_b"}) == "a.b_2"
    assert unused("a.b", {"a_b", "a/b_2"}) == "a.b_3"


def branches() -> ModelWrapper:
    """A convolution that two read, its channels split, and all put together."""
    net = Builder((4, 6, 1), "UINT3").conv(4).threshold(3)
    skip = net.tensor
    left, right = net.split(1, 3)
    net.at(right).concat(left).residual(skip)
    return net.flatten().dense(3).build()


def streamed(network: ModelWrapper, top_k: int = 1) -> list[NodeProto]:
    """Return all nodes of the hardware graph, in which a threshold takes two lanes."""
    with finn_session():
        model = lower(network, PART, top_k)
        for node in model.get_nodes_by_op_type("Thresholding_rtl"):
            getCustomOp(node).set_nodeattr("PE", 2)
        return list(insert_streams(model, PART).graph.node)


def test_names_say_what_a_layer_is_for() -> None:
    layers = [node.name for node in streamed(branches()) if "StreamingFIFO" not in node.op_type]
    assert set(layers) == {
        *("conv_0_pad", "conv_0_window", "conv_0", "conv_0_width"),
        *("multithreshold_1", "multithreshold_1_width", "multithreshold_1_fork"),
        *("split_2", "concat_3", "add_4", "matmul_6", "matmul_6_top_k"),
    }


def test_a_fifo_has_the_name_of_what_it_stands_behind() -> None:
    names = {node.name for node in streamed(branches(), top_k=0) if node.op_type == "StreamingFIFO_rtl"}
    assert names == {
        *("input_fifo", "conv_0_pad_fifo", "conv_0_window_fifo", "conv_0_fifo", "conv_0_width_fifo"),
        *("multithreshold_1_fifo", "multithreshold_1_width_fifo"),
        *("multithreshold_1_fork_fifo_0", "multithreshold_1_fork_fifo_1"),
        *("split_2_fifo_0", "split_2_fifo_1", "concat_3_fifo", "add_4_fifo", "matmul_6_fifo"),
    }


def test_the_last_layer_keeps_its_name() -> None:
    *_, last, fifo = streamed(branches())
    assert (last.name, last.op_type) == ("matmul_6_top_k", "LabelSelect_rtl")
    assert (fifo.name, list(fifo.output)) == ("matmul_6_top_k_fifo", ["class"])


def test_names_that_rtl_cannot_have_or_tell_apart_are_built_and_simulated(tmp_path: Path) -> None:
    network = branches()
    given = iter(["a.0/conv", "a_0.conv", "a_0_conv_pad", "größe", "module", "1", "m.x y"])
    for node in network.graph.node:
        node.name = next(given)
    with finn_session():
        model = insert_streams(lower(network, PART), PART)
    names = [node.name for node in model.graph.node]
    assert len({instance(name) for name in names}) == len(names)
    assert names.count("a.0/conv") == 1 and "a_0_conv_pad_2" in names
    folder = tmp_path / "rtl"
    design = design_of(model, folder)
    assert [layer.name for layer in design.layers] == names
    result = simulate(simulator_of(design, folder), design, folder, 3)
    assert np.all(np.diff(ends(result, design)) > 0)
