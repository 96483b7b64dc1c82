from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from fpga_flow.core.errors import InputError, UnsupportedError
from fpga_flow.export.reader import MAX_FILE_BYTES, bring_up_to_date, load, read
from fpga_flow.integer.output import left_out
from tests.export.graphs import Graph, network


def small(**options: object) -> Graph:
    graph = Graph((1, 6), **options).quant(0.1, 4)  # type: ignore[arg-type]
    return graph.node("MatMul", graph.weights(np.ones((6, 3)), 1.0, 4), name="fc")


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "net.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def message(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    return str(caught.value)


@pytest.mark.parametrize("domain", ["", "onnx.brevitas", "finn.custom_op.general"])
def test_old_domains_are_brought_up_to_date(domain: str, tmp_path: Path) -> None:
    model = read(saved(small(domain=domain, opset=9).proto(), tmp_path))
    assert {n.domain for n in model.graph.node if n.op_type == "Quant"} == {"qonnx.custom_op.general"}
    assert {o.domain: o.version for o in model.model.opset_import} == {"": 9, "qonnx.custom_op.general": 1}


def test_dynamic_reshape_and_computed_constants_are_folded(tmp_path: Path) -> None:
    graph = Graph((1, 1, 2, 3), opset=9)
    graph.constants += [
        numpy_helper.from_array(np.array(0, dtype=np.int64), "zero"),
        numpy_helper.from_array(np.array([-1], dtype=np.int64), "rest"),
    ]
    graph.node("Shape", source="x").node("Gather", "zero", axis=0).node("Unsqueeze", axes=[0])
    graph.node("Concat", "rest", axis=0)
    graph.node("Reshape", graph.last, source="x").quant(0.1, 4)
    graph.node("MatMul", graph.weights(np.ones((6, 3)), 1.0, 4))
    model = read(saved(graph.proto(), tmp_path))
    assert sorted(n.op_type for n in model.graph.node) == ["MatMul", "Quant", "Quant", "Reshape"]
    assert model.get_tensor_shape(model.graph.output[0].name) == [1, 3]


def test_a_free_batch_becomes_one(tmp_path: Path) -> None:
    proto = small().proto()
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    model = read(saved(proto, tmp_path))
    assert model.get_tensor_shape(model.graph.input[0].name) == [1, 6]


def test_nodes_keep_their_names_and_odd_characters_become_plain(tmp_path: Path) -> None:
    proto = small().proto()
    proto.graph.node[-1].name = "/layers.0/fc; rm -rf/MatMul"
    model = read(saved(proto, tmp_path))
    assert model.graph.node[-1].name == "layers.0.fc__rm_-rf.MatMul"


def test_notes_of_the_exporter_are_dropped(tmp_path: Path) -> None:
    proto = small().proto()
    proto.graph.node[0].metadata_props.add(key="stack_trace", value="/home/somebody/secret.py")
    proto.graph.node[0].doc_string = "/home/somebody/secret.py"
    assert b"somebody" not in read(saved(proto, tmp_path)).model.SerializeToString()


def test_a_softmax_at_the_end_is_left_out(tmp_path: Path) -> None:
    model = read(saved(small().node("Softmax", axis=1).proto(), tmp_path))
    assert [n.op_type for n in model.graph.node][-1] == "MatMul"
    assert model.graph.node[-1].output[0] == model.graph.output[0].name


def test_an_argmax_at_the_end_is_left_out(tmp_path: Path) -> None:
    model = read(saved(small().node("Softmax", axis=1).node("ArgMax", axis=1).proto(), tmp_path))
    assert [n.op_type for n in model.graph.node][-1] == "MatMul"
    output = model.graph.output[0]
    assert model.graph.node[-1].output[0] == output.name
    assert output.type.tensor_type.elem_type == TensorProto.FLOAT
    assert model.get_tensor_shape(output.name) == [1, 3]


def test_a_sigmoid_at_the_end_is_left_out_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = read(saved(small().node("Sigmoid", name="chance").proto(), tmp_path))
    assert [n.op_type for n in model.graph.node][-1] == "MatMul"
    said = capsys.readouterr().err
    assert "chance: Sigmoid at the end is left out: the host applies it" in said
    assert left_out(model).operators == ("Sigmoid",)


@pytest.mark.parametrize("operator", ["Sigmoid", "Softmax"])
def test_of_one_number_no_largest_is_said(
    operator: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = Graph((1, 6)).quant(0.1, 4)
    graph.node("MatMul", graph.weights(np.ones((6, 1)), 1.0, 4)).node(operator)
    assert left_out(read(saved(graph.proto(), tmp_path))).operators == (operator,)
    said = capsys.readouterr().err
    assert f"{operator} at the end is left out" in said and "largest" not in said


def test_an_argmax_over_one_number_is_refused() -> None:
    graph = Graph((1, 6)).quant(0.1, 4)
    graph.node("MatMul", graph.weights(np.ones((6, 1)), 1.0, 4)).node("ArgMax", axis=1)
    with pytest.raises(
        UnsupportedError, match="^node 'ArgMax_3': ArgMax over one number, whose index is always 0; "
    ):
        graph.integers()


def test_nodes_stay_in_their_author_s_order(tmp_path: Path) -> None:
    graph = small()
    first = graph.last
    graph.quant(0.1, 4, name="b")
    second = graph.last
    graph.quant(0.1, 4, source=first, name="a").node("Add", second, name="sum")
    names = [node.name for node in read(saved(graph.proto(), tmp_path)).graph.node]
    assert names[-4:] == ["fc", "b", "a", "sum"]


def test_wrong_file_is_missing(tmp_path: Path) -> None:
    assert message(tmp_path / "net.onnx") == f"{tmp_path}/net.onnx: No such file or directory"


@pytest.mark.parametrize("content", [b"not an onnx file", b"\xff" * 100])
def test_wrong_file_is_no_onnx(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    assert message(path) == f"{path}: is no ONNX file (or a damaged one); export the network again"


def test_wrong_file_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"")
    assert message(path) == f"{path}: holds no operators; it must be a network in ONNX format"


def test_wrong_file_is_cut_off(tmp_path: Path) -> None:
    whole = network().proto().SerializeToString()
    path = tmp_path / "net.onnx"
    for length in range(len(whole) // 9, len(whole), len(whole) // 9):
        path.write_bytes(whole[:length])
        assert message(path).startswith(f"{path}: ")


def test_wrong_file_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    with path.open("wb") as stream:
        stream.truncate(MAX_FILE_BYTES + 2**20)
    assert message(path) == f"{path}: must be at most 512 MiB, not 513 MiB"


def test_wrong_tensor_in_another_file(tmp_path: Path) -> None:
    proto = small().proto()
    tensor = proto.graph.initializer[-1]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    path = saved(proto, tmp_path)
    assert message(path) == (
        f"{path}: tensor {tensor.name!r} lies in another file; save the network as one file"
    )


def test_wrong_tensor_with_an_impossible_shape(tmp_path: Path) -> None:
    proto = small().proto()
    tensor = proto.graph.initializer[-1]
    tensor.dims[:] = [2**40, 2**40]
    path = saved(proto, tmp_path)
    assert message(path) == (
        f"{path}: tensor {tensor.name!r} has the impossible shape [1099511627776, 1099511627776]"
    )


def test_wrong_tensor_with_too_little_data(tmp_path: Path) -> None:
    proto = small().proto()
    tensor = proto.graph.initializer[-1]
    tensor.dims[:] = [1000]
    assert f"tensor {tensor.name!r} is damaged: " in message(saved(proto, tmp_path))


def test_wrong_tensor_that_is_not_finite(tmp_path: Path) -> None:
    graph = small()
    graph.node("Mul", np.float32(np.inf))
    path = saved(graph.proto(), tmp_path)
    assert message(path) == f"{path}: tensor {graph.constants[-1].name!r} holds numbers that are not finite"


def test_wrong_number_of_inputs(tmp_path: Path) -> None:
    proto = small().proto()
    proto.graph.input.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 6)))
    path = saved(proto, tmp_path)
    assert message(path) == f"{path}: must have one input, not 2 (x, y)"


def test_wrong_free_axis(tmp_path: Path) -> None:
    proto = small().proto()
    proto.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "length"
    path = saved(proto, tmp_path)
    assert message(path) == f"{path}: the input's shape must be fixed but for the batch, not [1, 0]"


def test_wrong_opset(tmp_path: Path) -> None:
    path = saved(small(opset=5).proto(), tmp_path)
    assert message(path) == f"{path}: opset must be 6 to 23, not 5"


def test_wrong_wiring_is_named_with_the_file(tmp_path: Path) -> None:
    proto = small().proto()
    proto.graph.node[-1].input[0] = "nowhere"
    path = saved(proto, tmp_path)
    assert message(path).startswith(f"{path}: is not a valid network: ")


def test_load_does_not_change_the_file(tmp_path: Path) -> None:
    path = saved(small().proto(), tmp_path)
    before = path.read_bytes()
    bring_up_to_date(load(path), "net")
    assert path.read_bytes() == before
