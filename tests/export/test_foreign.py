"""Networks as other exporters and other years write them: what is read is what qonnx executes of the file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

from fpga_flow.core.errors import InputError
from fpga_flow.export import host
from fpga_flow.export.golden import write_golden
from fpga_flow.export.layout import Layout
from fpga_flow.export.operations import Activation, IntegerNetwork
from fpga_flow.export.reader import bring_up_to_date
from fpga_flow.export.values import QuantSpec
from fpga_flow.export.walk import to_integers
from fpga_flow.integer.golden import Golden
from tests.export.graphs import QONNX, Graph, of_ir_3, same_everywhere

RNG = np.random.default_rng(5)


def executed(proto: onnx.ModelProto, frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """What qonnx makes of the file as it came, frame by frame (or batch by batch of the file's size)."""
    model = ModelWrapper(proto).transform(InferShapes())
    name, out = model.graph.input[0].name, proto.graph.output[0].name
    size = model.graph.input[0].type.tensor_type.shape.dim[0].dim_value
    padded = np.concatenate([frames, np.zeros_like(frames)[: -len(frames) % size]])
    runs = [execute_onnx(model, {name: padded[i : i + size]})[out] for i in range(0, len(padded), size)]
    return np.concatenate(runs)[: len(frames)].astype(np.float64)


def ours(net: IntegerNetwork, folder: Path, frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the golden model makes of frames of the file, as the integers lie."""
    codes = host.quantise(frames, host.describe(net.host, net.input))
    return Golden(folder / "golden.onnx").run(codes)[0] * net.logit_scale + net.logit_offset


def same_as_the_file(
    proto: onnx.ModelProto, folder: Path, original: onnx.ModelProto | None = None, scale: float = 1.0
) -> IntegerNetwork:
    """Read `proto`, check it everywhere, and against qonnx' execution of it, or of an equal `original`."""
    given = original or onnx.ModelProto.FromString(proto.SerializeToString())
    net, _ = same_everywhere(bring_up_to_date(proto, "net.onnx"), folder)
    frames = (RNG.normal(size=(6, *net.host.frame_shape)) * scale).astype(np.float32)
    if net.host.declared:
        spec = host.describe(net.host, net.input)
        frames = host.dequantise(host.quantise(frames, spec), spec)
    theirs = executed(given, frames)
    layout = net.layout or Layout(tuple(range(theirs.ndim)))
    found = ours(net, folder, frames)
    np.testing.assert_allclose(
        found, layout.integers(theirs, net.output.shape).reshape(found.shape), rtol=1e-5, atol=1e-5
    )
    return net


def dense_network(features: int = 6, **options: Any) -> Graph:
    graph = Graph((1, features), **options).quant(0.0371, 8, name="input")
    graph.node("MatMul", graph.weights(RNG.normal(size=(features, 4)), 0.311, 4), name="fc1").node("Relu")
    graph.quant(0.193, 4, signed=0, name="act")
    return graph.node("MatMul", graph.weights(RNG.normal(size=(4, 3)), 0.311, 4), name="fc2")


def test_constants_among_the_inputs_of_ir_version_3(tmp_path: Path) -> None:
    original = dense_network().proto()
    same_as_the_file(of_ir_3(original), tmp_path, original)


@pytest.mark.parametrize("opset", [6, 7, 8, 11, 13, 17, 20, 21, 22, 23])
def test_opsets(tmp_path: Path, opset: int) -> None:
    graph = dense_network(opset=opset)
    graph.norm(*(RNG.uniform(0.5, 2, 3) for _ in range(4)))
    same_as_the_file(graph.proto(), tmp_path, dense_network_of_today(graph))


def dense_network_of_today(graph: Graph) -> onnx.ModelProto:
    """The same graph in an opset that qonnx executes."""
    graph.opset = 13
    return graph.proto()


def test_batch_that_is_written_into_a_reshape(tmp_path: Path) -> None:
    graph = Graph((5, 2, 3, 3)).quant(0.0371, 8, name="input")
    graph.integer_constant("rows", [5, 18])
    graph.node("Reshape", "rows", name="flat")
    graph.node("MatMul", graph.weights(RNG.normal(size=(18, 4)), 0.311, 4), name="fc")
    same_as_the_file(graph.proto((5, 4)), tmp_path)


def test_constant_outputs_are_left_out(tmp_path: Path) -> None:
    proto = dense_network().proto()
    for name in ("c0", "c1"):
        proto.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ()))
    same_as_the_file(proto, tmp_path)


def test_wrong_second_output_is_named(tmp_path: Path) -> None:
    proto = dense_network().proto()
    proto.graph.output.append(helper.make_tensor_value_info("t4", TensorProto.FLOAT, (1, 4)))
    with pytest.raises(InputError, match=r"^net.onnx: must have one output, not 2 \(\w+, t4\)$"):
        bring_up_to_date(proto, "net.onnx")


class Linear(Graph):
    """Quantisers in the three operators of ONNX."""

    def add(self, name: str, values: Any, dtype: Any) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def linear(self, scale: float, zero: int, dtype: Any, limits: tuple[int, int] | None = None) -> "Linear":
        place = len(self.nodes)
        grid = [self.add(f"s{place}", scale, np.float32), self.add(f"z{place}", zero, dtype)]
        self.node("QuantizeLinear", *grid)
        if limits is not None:
            ends = [self.add(f"l{place}_{end}", end, dtype) for end in limits]
            self.node("Clip", *ends)
        self.node("DequantizeLinear", *grid)
        return self

    def codes(self, name: str, values: Any, scale: Any, dtype: Any = np.int8, **attributes: Any) -> str:
        zero = np.zeros(np.shape(scale), dtype=dtype)
        scales, zeros = self.add(f"{name}_s", scale, np.float32), self.add(f"{name}_z", zero, dtype)
        out = f"{name}_float"
        self.nodes.append(
            helper.make_node(
                "DequantizeLinear",
                [self.add(name, values, dtype), scales, zeros],
                [out],
                f"dq_{name}",
                **attributes,
            )
        )
        return out


def test_qcdq_with_clips_scales_per_channel_and_a_bias_of_32_bits(tmp_path: Path) -> None:
    graph = Linear((1, 2, 6, 6), domain="").linear(0.0371, 0, np.int8)
    kernel = RNG.integers(-7, 8, (4, 2, 3, 3))
    weights = graph.codes("kernel", kernel, RNG.uniform(0.1, 0.4, 4), axis=0)
    bias = graph.codes("bias", RNG.integers(-900, 900, 4), 0.013, np.int32)
    graph.node("Conv", weights, bias, kernel_shape=[3, 3]).node("Relu")
    graph.linear(0.3107, 0, np.uint8, (0, 15)).node("Flatten", axis=1)
    graph.node("Gemm", graph.codes("fc", RNG.integers(-7, 8, (64, 3)), 0.1))
    net = same_as_the_file(graph.proto(), tmp_path)
    assert [seen.tensor.datatype for seen in net.quantisers] == ["INT8", "UINT4"]


def test_qcdq_with_a_zero_point_at_the_input(tmp_path: Path) -> None:
    graph = Linear((1, 6), domain="").linear(0.0371, 3, np.int8, (-100, 100))
    graph.node("MatMul", graph.codes("fc", RNG.integers(-7, 8, (6, 3)), 0.1))
    same_as_the_file(graph.proto(), tmp_path)


def test_wrong_dequantising_of_what_was_not_quantised() -> None:
    graph = Linear((1, 6), domain="")
    graph.node("DequantizeLinear", graph.add("s", 0.1, np.float32), name="dq")
    with pytest.raises(InputError, match="^node 'dq': it dequantises what no QuantizeLinear quantised; "):
        bring_up_to_date(graph.proto(), "net.onnx")


def channels_last_network(shape: tuple[int, ...], before: bool) -> Graph:
    """A convolution behind a transpose to channels first, then back, and a flatten of channels last."""
    axes = len(shape)
    first, last = [0, axes - 1, *range(1, axes - 1)], [0, *range(2, axes), 1]
    graph = Graph(shape)
    if before:
        graph.node("Transpose", perm=first).quant(0.0371, 8, name="input")
    else:
        graph.quant(0.0371, 8, name="input").node("Transpose", perm=first)
    kernel = graph.weights(RNG.normal(size=(3, shape[-1], *[3] * (axes - 2))), 0.3, 4)
    graph.node("Conv", kernel, kernel_shape=[3] * (axes - 2), pads=[1] * 2 * (axes - 2), name="conv")
    graph.norm(*(RNG.uniform(0.5, 2, 3) for _ in range(4)))
    graph.node("Relu").quant(0.417, 4, signed=0, name="act").node("Transpose", perm=last)
    graph.node("Mul", RNG.uniform(1, 2, 3)).quant(0.513, 4, signed=0, name="act2").node("Flatten", axis=1)
    positions = int(np.prod(shape[1:-1]))
    return graph.node("MatMul", graph.weights(RNG.normal(size=(3 * positions, 4)), 0.311, 4), name="fc")


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("shape", [(1, 5, 4, 2), (1, 7, 2)])
def test_channels_last_input_and_flatten(tmp_path: Path, shape: tuple[int, ...], before: bool) -> None:
    net = same_as_the_file(channels_last_network(shape, before).proto(), tmp_path)
    assert net.input.channels == 2
    assert ("transpose", [0, len(shape) - 1, *range(1, len(shape) - 1)]) in net.host.steps


def test_operators_on_channels_last_tensors(tmp_path: Path) -> None:
    domain = "qonnx.custom_op.channels_last"
    graph = Graph((1, 6, 6, 2)).quant(0.0371, 8, name="input")
    kernel = graph.weights(RNG.normal(size=(3, 3, 3, 2)), 0.311, 4)
    window = {"pads": [0] * 4, "dilations": [1, 1]}
    convolution = {**window, "domain": domain, "strides": [1, 1], "group": 1}
    graph.node("Conv", kernel, kernel_shape=[3, 3], name="conv", **convolution).node("Relu")
    graph.quant(0.417, 4, signed=0, name="act")
    graph.node("MaxPool", domain=domain, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=0, **window)
    last = graph.weights(RNG.normal(size=(2, 1, 1, 3)), 0.311, 4)
    graph.node("Conv", last, kernel_shape=[1, 1], name="head", **convolution)
    proto = graph.proto((1, 2, 2, 2))
    proto.opset_import.append(helper.make_opsetid(domain, 13))
    shapes = [(1, 6, 6, 2), (3, 3, 3, 2), *[(1, 4, 4, 3)] * 3, (1, 2, 2, 3), (2, 1, 1, 3)]
    names = [node.output[0] for node in graph.nodes]
    for name, shape in zip(names, shapes, strict=False):  # qonnx cannot infer these all at once
        proto.graph.value_info.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    net = same_as_the_file(proto, tmp_path)
    assert net.output.shape == (1, 2, 2, 2)


def test_average_over_positions_of_a_channels_last_tensor(tmp_path: Path) -> None:
    graph = Graph((1, 4, 4, 3)).quant(0.0371, 4, name="input").node("Transpose", perm=[0, 3, 1, 2])
    graph.conv(4, inputs=3).node("Relu").quant(0.417, 4, signed=0, name="act")
    graph.node("Transpose", perm=[0, 2, 3, 1]).node("ReduceMean", axes=[1, 2], keepdims=0)
    graph.quant(0.0371, 4, signed=0, name="mean")
    graph.node("MatMul", graph.weights(RNG.normal(size=(4, 3)), 0.311, 4))
    same_as_the_file(graph.proto(), tmp_path)


def test_sum_of_channels_last_tensors(tmp_path: Path) -> None:
    graph = Graph((1, 4, 4, 3)).quant(0.0371, 4, name="input")
    left = graph.last
    graph.node("Relu").quant(0.0371, 4, signed=0, name="right")
    right = graph.last
    graph.node("Add", right, source=left).quant(0.1, 4, name="sum").node("Transpose", perm=[0, 3, 1, 2])
    graph.conv(2, inputs=3).node("Flatten", axis=1)
    graph.quant(0.417, 4, name="act")
    graph.node("MatMul", graph.weights(RNG.normal(size=(32, 3)), 0.311, 4))
    same_as_the_file(graph.proto(), tmp_path)


def annotated(proto: onnx.ModelProto, **types: str) -> onnx.ModelProto:
    model = ModelWrapper(proto)
    for name, datatype in types.items():
        model.set_tensor_datatype(name, DataType[datatype])
    return model.model


def test_whole_numbers_with_an_annotation_are_quantised_weights(tmp_path: Path) -> None:
    graph = Graph((1, 6)).quant(0.0371, 8, name="input")
    graph.node("MatMul", RNG.integers(-7, 8, (6, 3)).astype(np.float32), name="fc")
    weights = graph.nodes[-1].input[1]
    same_as_the_file(annotated(graph.proto(), **{weights: "INT4"}), tmp_path)


@pytest.mark.parametrize("datatype", ["UINT8", "INT8", "UINT4", "BIPOLAR"])
def test_input_whose_annotation_says_how_it_is_quantised(tmp_path: Path, datatype: str) -> None:
    graph = Graph((1, 2, 5, 5))
    graph.node("Mul", np.float32(1 / 16), name="scale").conv(3, kernel=3, inputs=2, name="conv")
    graph.node("Relu").quant(0.193, 4, signed=0, name="act").node("Flatten", axis=1)
    graph.node("MatMul", graph.weights(RNG.normal(size=(27, 3)), 0.311, 4))
    net = same_as_the_file(annotated(graph.proto(), x=datatype), tmp_path, scale=60.0)
    assert net.host.declared and net.input.datatype == datatype


def test_finn_s_thresholds_at_the_input_and_signed_ones_behind(tmp_path: Path) -> None:
    graph = Graph((1, 6))
    rows = (np.arange(15)[None] - 7) * 0.0977
    graph.node("MultiThreshold", rows, domain=QONNX, out_dtype="UINT4", name="t0")
    graph.node("Add", np.float32(-8)).node("Mul", np.float32(0.1013))
    graph.node("MatMul", RNG.integers(-7, 8, (6, 4)).astype(np.float32), name="fc1")
    first = graph.nodes[-1].input[1]
    graph.node("MultiThreshold", rows * 9, domain=QONNX, out_dtype="UINT4", name="t1")
    graph.node("Add", np.float32(-8)).node("Mul", np.float32(0.3107))
    graph.node("MatMul", RNG.integers(-7, 8, (4, 3)).astype(np.float32), name="fc2")
    net = same_as_the_file(
        annotated(graph.proto(), **{first: "INT4", graph.nodes[-1].input[1]: "INT4"}), tmp_path
    )
    assert [seen.tensor.datatype for seen in net.quantisers] == ["INT4", "INT4"]


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_finn_s_thresholds_of_each_channel(tmp_path: Path, layout: str) -> None:
    graph = Graph((1, 2, 5, 5)).quant(0.0371, 8, name="input")
    graph.conv(3, kernel=3, inputs=2, name="conv")
    rows = np.sort(RNG.normal(size=(3, 15)), axis=1)
    if layout == "NHWC":
        graph.node("Transpose", perm=[0, 2, 3, 1])
    graph.node("MultiThreshold", rows, domain=QONNX, out_dtype="UINT4", data_layout=layout, name="t0")
    if layout == "NHWC":
        graph.node("Transpose", perm=[0, 3, 1, 2])
    graph.node("Flatten", axis=1)
    graph.node("MatMul", graph.weights(RNG.normal(size=(27, 4)), 0.311, 4), name="fc1")
    own = np.sort(3 * RNG.normal(size=(4, 7)), axis=1)
    graph.node("MultiThreshold", own, domain=QONNX, out_dtype="INT3", out_bias=-4.0, name="t1")
    graph.node("MatMul", graph.weights(RNG.normal(size=(4, 3)), 0.311, 4), name="fc2")
    net = same_as_the_file(graph.proto(), tmp_path)
    first, second = (o for o in net.operations if isinstance(o, Activation))
    assert [len(o.quantiser.edges) for o in (first, second)] == [3, 4]
    assert second.y.datatype == "INT3"


def test_row_of_features_that_becomes_channels(tmp_path: Path) -> None:
    graph = dense_network().quant(0.513, 4, name="out")
    graph.integer_constant("point", [1, 3, 1])
    graph.node("Reshape", "point")
    kernel = graph.weights(RNG.normal(size=(2, 3, 3)), 0.311, 4)
    graph.node("Conv", kernel, kernel_shape=[3], pads=[1, 1], name="conv").node("Flatten", axis=1)
    same_as_the_file(graph.proto(), tmp_path)


def test_dense_layer_on_one_row_of_three_axes(tmp_path: Path) -> None:
    graph = Graph((1, 1, 6)).quant(0.0371, 8, name="input")
    graph.node("MatMul", graph.weights(RNG.normal(size=(6, 4)), 0.311, 4), name="fc1")
    graph.node("Add", RNG.normal(size=4)).node("Relu").quant(0.193, 4, signed=0, name="act")
    graph.node("MatMul", graph.weights(RNG.normal(size=(4, 3)), 0.311, 4), name="fc2")
    same_as_the_file(graph.proto((1, 1, 3)), tmp_path)


HOST: dict[str, Callable[[Graph], Graph]] = {
    "division": lambda g: g.node("Div", np.float32(255)),
    "mean of each channel": lambda g: g.node("Sub", RNG.normal(size=(2, 1, 1))).node("Div", np.float32(3)),
    "batch norm": lambda g: g.norm(*(RNG.uniform(0.5, 2, 2) for _ in range(4))),
    "relu": lambda g: g.node("Relu"),
    "limits": lambda g: g.node("Clip", np.float32(-1), np.float32(0.75)),
    "change of sign": lambda g: g.node("Neg"),
    "mean of the last axis": lambda g: g.node("Sub", RNG.normal(size=(5,))),
    "turns": lambda g: (
        g.node("Transpose", perm=[0, 2, 3, 1])
        .node("Mul", RNG.normal(size=2))
        .node("Transpose", perm=[0, 3, 1, 2])
    ),
}


@pytest.mark.parametrize("name", HOST)
@pytest.mark.parametrize("signed", [0, 1])
def test_what_stands_in_front_of_the_input_s_quantiser_is_the_host_s(
    tmp_path: Path, name: str, signed: int
) -> None:
    graph = HOST[name](Graph((1, 2, 5, 5))).quant(0.013, 8, signed=signed, name="input")
    graph.conv(3, kernel=3, inputs=2, name="conv").node("Relu").quant(0.193, 4, signed=0, name="act")
    graph.node("Flatten", axis=1)
    graph.node("MatMul", graph.weights(RNG.normal(size=(27, 3)), 0.311, 4))
    same_as_the_file(graph.proto(), tmp_path)


def test_padding_in_front_of_the_input_s_quantiser(tmp_path: Path) -> None:
    graph = Graph((1, 2, 5, 5))
    graph.integer_constant("pads", [0, 0, 1, 0, 0, 0, 2, 1])
    graph.node("Pad", "pads", name="pad").quant(0.0371, 8, name="input")
    graph.conv(3, kernel=3, inputs=2, name="conv").node("Flatten", axis=1)
    graph.quant(0.3, 4, name="act")
    graph.node("MatMul", graph.weights(RNG.normal(size=(72, 3)), 0.311, 4))
    net = same_as_the_file(graph.proto(), tmp_path)
    assert net.input.shape == (1, 2, 8, 6)


@pytest.mark.parametrize(("zero", "bits", "datatype"), [(3.0, 7, "INT8"), (38.0, 8, "UINT8")])
def test_zero_point_of_the_input(tmp_path: Path, zero: float, bits: int, datatype: str) -> None:
    graph = Graph((1, 6)).quant(0.0371, bits, signed=0, zero=zero, name="input")
    graph.node("MatMul", graph.weights(RNG.normal(size=(6, 4)), 0.311, 4), name="fc1").node("Relu")
    graph.quant(0.193, 4, signed=0, name="act")
    graph.node("MatMul", graph.weights(RNG.normal(size=(4, 3)), 0.311, 4), name="fc2")
    assert same_as_the_file(graph.proto(), tmp_path).input.datatype == datatype


def test_zero_point_of_weights(tmp_path: Path) -> None:
    graph = Graph((1, 6)).quant(0.0371, 8, name="input")
    last = graph.last
    graph.quant(0.1, 4, signed=0, zero=8.0, source=graph.constant(RNG.normal(size=(6, 3)) / 3), name="w")
    graph.last, weights = last, graph.last
    graph.node("MatMul", weights, name="fc")
    same_as_the_file(graph.proto(), tmp_path)


def test_zero_point_in_front_of_padding_is_taken_off_the_codes(tmp_path: Path) -> None:
    graph = Graph((1, 2, 5, 5)).quant(0.0371, 8, signed=0, zero=38.0, name="input")
    graph.conv(3, kernel=3, inputs=2, name="conv", pads=[1, 1, 1, 1]).node("Relu")
    graph.quant(0.193, 4, signed=0, name="act").node("Flatten", axis=1)
    graph.node("MatMul", graph.weights(RNG.normal(size=(75, 3)), 0.311, 4), name="fc")
    net = same_as_the_file(graph.proto(), tmp_path)
    assert (net.input.datatype, net.input.low.min(), net.input.high.max()) == ("INT9", -38, 217)


def test_input_that_is_declared(tmp_path: Path) -> None:
    graph = Graph((1, 2, 5, 5)).conv(3, kernel=3, inputs=2, name="conv").node("Relu")
    graph.quant(0.193, 4, signed=0, name="act").node("Flatten", axis=1)
    proto = graph.node("MatMul", graph.weights(RNG.normal(size=(27, 3)), 0.311, 4)).proto()
    declared = QuantSpec(np.array(0.0371, dtype=np.float32), 6, True, False, "ROUND")
    given = onnx.ModelProto.FromString(proto.SerializeToString())
    net = to_integers(bring_up_to_date(proto, "net.onnx"), declared)
    assert net.host.declared and (net.input.datatype, net.host.scale) == ("INT6", float(np.float32(0.0371)))
    onnx.save(write_golden(net), tmp_path / "golden.onnx")
    spec = host.describe(net.host, net.input)
    codes = RNG.integers(-32, 32, (5, 2, 5, 5))
    frames = host.dequantise(codes, spec)
    np.testing.assert_array_equal(host.quantise(frames, spec), codes)
    np.testing.assert_allclose(ours(net, tmp_path, frames), executed(given, frames), rtol=1e-5, atol=1e-5)


def test_quantiser_of_the_file_counts_more_than_a_declaration() -> None:
    declared = QuantSpec(np.array(1.0, dtype=np.float32), 4, True, False, "ROUND")
    net = to_integers(bring_up_to_date(dense_network().proto(), "net.onnx"), declared)
    assert not net.host.declared and net.input.datatype == "INT8"
