"""The hardware stage: lowering, names of tensors, folding, its file, refusals."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from finn.transformation.fpgadataflow.minimize_accumulator_width import MinimizeAccumulatorWidth
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.core.errors import InputError, UnsupportedError
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware import fold, lower, streams
from fpga_flow.hardware.lowering import to_layers
from fpga_flow.layers.label_select import CLASS_TENSOR
from fpga_flow.target.board import board
from tests import networks

PART = board("pynq-z1").part


@pytest.fixture
def scratch() -> Iterator[Path]:
    with finn_session() as folder:
        yield folder


@pytest.fixture
def lowered(scratch: Path) -> ModelWrapper:
    return lower.lower(networks.vgg(), PART)


def test_every_layer_has_rtl(lowered: ModelWrapper) -> None:
    assert {node.domain for node in lowered.graph.node} == {"finn.custom_op.fpgadataflow.rtl"}


def test_streams_keep_the_names_of_the_networks_tensors(lowered: ModelWrapper) -> None:
    network = networks.vgg()
    made = {node.output[0] for node in lowered.graph.node}
    assert made >= {node.output[0] for node in network.graph.node if node.op_type != "Flatten"}
    assert lowered.graph.output[0].name == CLASS_TENSOR


def test_tensors_between_layers_have_the_same_names_every_time(lowered: ModelWrapper) -> None:
    folded = fold.fold_to_cycles(lowered, 200)
    one, other = (
        streams.insert_streams(ModelWrapper(folded.model, make_deepcopy=True), PART) for _ in range(2)
    )
    assert one.model.SerializeToString() == other.model.SerializeToString()
    fifo = next(node for node in one.graph.node if node.op_type == "StreamingFIFO_rtl")
    assert fifo.output[0] == f"{fifo.name}_out0"
    assert one.get_tensor_shape(fifo.output[0]) == one.get_tensor_shape(fifo.input[0])
    assert one.get_tensor_datatype(fifo.output[0]) == one.get_tensor_datatype(fifo.input[0])


def test_a_tensor_of_the_network_keeps_its_name_also_from_a_stream(lowered: ModelWrapper) -> None:
    middle = lowered.graph.node[1].output[0]
    lowered.rename_tensor(middle, "input_fifo_out0")
    model = streams.insert_streams(lowered, PART)
    outputs = [tensor for node in model.graph.node for tensor in node.output]
    assert len(outputs) == len(set(outputs))
    assert model.find_producer("input_fifo_out0").op_type != "StreamingFIFO_rtl"
    assert model.find_producer("input_fifo_out0_").name == "input_fifo"


def test_folding_meets_a_target_that_can_be_met(lowered: ModelWrapper) -> None:
    folded = fold.fold_to_cycles(lowered, 200)
    assert max(layer.cycles for layer in fold.layers(folded)) <= 200


def test_own_backends_are_folded_like_finns(lowered: ModelWrapper) -> None:
    folded = fold.fold_to_cycles(lowered, 40)
    pools = [layer for layer in fold.layers(folded) if layer.op == "BlockMaxPool_rtl"]
    assert pools and all(layer.cycles <= 40 and (layer.pe or 0) > 1 for layer in pools)


def test_a_written_folding_file_gives_the_same_folding(lowered: ModelWrapper, tmp_path: Path) -> None:
    file = tmp_path / "folding.json"
    before = ModelWrapper(lowered.model, make_deepcopy=True)
    folded = fold.fold_to_cycles(lowered, 200)
    fold.write_folding(folded, file)
    assert fold.layers(fold.fold_from_file(before, file)) == fold.layers(folded)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"PE": 3}, r"conv_0\.PE = 3"),
        ({"PX": 1}, r"conv_0: must be one of implementation, PE, SIMD.*, not 'PX'"),
        ({"PE": "two"}, r"conv_0\.PE = 'two'"),
    ],
)
def test_wrong_folding_names_layer_and_attribute(
    lowered: ModelWrapper, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    file = tmp_path / "folding.json"
    fold.write_folding(lowered, file)
    table = json.loads(file.read_text())
    table["conv_0"] |= change
    file.write_text(json.dumps(table))
    with pytest.raises(InputError, match=message):
        fold.fold_from_file(lowered, file)


def test_wrong_folding_file_for_another_network(lowered: ModelWrapper, tmp_path: Path) -> None:
    file = tmp_path / "folding.json"
    file.write_text("{}")
    with pytest.raises(InputError, match="must name the layers"):
        fold.fold_from_file(lowered, file)


def test_layers_count_their_nonzero_weights(lowered: ModelWrapper) -> None:
    network = networks.vgg()
    expected = [
        int(np.count_nonzero(network.get_initializer(node.input[1])))
        for node in network.graph.node
        if node.op_type in ("Conv", "MatMul")
    ]
    assert [layer.nonzero for layer in fold.layers(lowered) if layer.kind == "matrix"] == expected


def test_widths_are_joined_and_every_edge_has_a_fifo(lowered: ModelWrapper) -> None:
    model = fold.insert_streams(fold.fold_to_cycles(lowered, 100), PART)
    for before, after in zip(model.graph.node, model.graph.node[1:], strict=False):
        assert getCustomOp(before).get_outstream_width() == getCustomOp(after).get_instream_width()
        assert ("FIFO" in before.op_type) != ("FIFO" in after.op_type)


def test_wrong_groups_are_refused_by_the_networks_node_name(scratch: Path) -> None:
    net = networks.Builder((8, 4, 1), "INT4")
    window = {"kernel_shape": [1, 1], "pads": [0, 0, 0, 0], "strides": [1, 1], "dilations": [1, 1]}
    net.add("Conv", (1, 4, 4, 1), "INT32", net.weights((4, 4, 1, 1), 3), group=2, **window)
    with pytest.raises(UnsupportedError, match=r"conv_0.*in 2 groups"):
        lower.lower(net.build(), PART)


def test_one_bit_weights_get_our_own_unit(scratch: Path) -> None:
    net = networks.Builder((8,), "INT4")
    net.add("MatMul", (1, 4), "INT32", net.constant(np.sign(net.rng.normal(size=(8, 4))), "BIPOLAR"))
    operators = [node.op_type for node in lower.lower(net.build(), PART).graph.node]
    assert operators[0] == "MatrixVector_rtl"


def annotated(model: ModelWrapper) -> dict[str, str]:
    tensors = (name for node in model.graph.node for name in (*node.input, *node.output))
    return {name: model.get_tensor_datatype(name).name for name in tensors}


def test_sums_are_as_narrow_as_finns_own_transformation_makes_them() -> None:
    net = networks.Builder((4, 16, 1), "INT8").conv(8).threshold(3)
    net = net.conv(8, 2).threshold(3).residual(net.tensor).threshold(4)
    first = net.depthwise(3).threshold(2).tensor
    network = net.concat(first).conv(4).threshold(4).flatten().dense(5).build()
    with finn_session():
        model = to_layers(network, 1)
        ours = model.transform(lower.MinimizeAccumulators())
        theirs = model.transform(MinimizeAccumulatorWidth())
    assert annotated(ours) == annotated(theirs) != annotated(model)
