"""Builds QONNX networks by hand, and runs an integer network both ways."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from fpga_flow.export import host
from fpga_flow.export.checks import check_float
from fpga_flow.export.compare import FLOAT64, witness
from fpga_flow.export.evaluate import NetworkRunner
from fpga_flow.export.frames import random_frames
from fpga_flow.export.golden import write_golden
from fpga_flow.export.network import write_network
from fpga_flow.export.operations import IntegerNetwork
from fpga_flow.export.reader import bring_up_to_date
from fpga_flow.export.reference import FileReference
from fpga_flow.export.walk import to_integers
from fpga_flow.integer.golden import Golden

QONNX = "qonnx.custom_op.general"
IN_DOUBLE = 4
"""Frames on which float64 is tried, which is slow."""


class Graph:
    """A chain of operators; each method appends one and moves `last` on."""

    def __init__(self, shape: tuple[int, ...], domain: str = QONNX, opset: int = 13) -> None:
        self.shape, self.domain, self.opset = shape, domain, opset
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.last = "x"

    def constant(self, values: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), name))
        return name

    def integer_constant(self, name: str, values: list[int]) -> str:
        self.constants.append(numpy_helper.from_array(np.array(values, dtype=np.int64), name))
        return name

    def node(self, operator: str, *more: Any, source: str | None = None, **attributes: Any) -> "Graph":
        """Append `operator` on the last tensor; arrays in `more` become constants."""
        names = [m if isinstance(m, str) else self.constant(m) for m in more]
        name = attributes.pop("name", f"{operator}_{len(self.nodes)}")
        out = f"t{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(operator, [source or self.last, *names], [out], name, **attributes)
        )
        self.last = out
        return self

    def quant(
        self, scale: Any, bits: int, signed: int = 1, narrow: int = 0, rounding: str = "ROUND",
        source: str | None = None, name: str | None = None, zero: float = 0.0,
    ) -> "Graph":  # fmt: skip
        named = {} if name is None else {"name": name}
        return self.node(
            "Quant", scale, zero, bits, source=source, domain=self.domain, signed=signed, narrow=narrow,
            rounding_mode=rounding, **named,
        )  # fmt: skip

    def weights(self, values: Any, scale: Any, bits: int, narrow: int = 1, signed: int = 1) -> str:
        """Append a weight quantiser and return its output; `last` stays."""
        last = self.last
        self.quant(scale, bits, signed, narrow, source=self.constant(values))
        self.last, out = last, self.last
        return out

    def norm(self, gamma: Any, beta: Any, mean: Any, variance: Any) -> "Graph":
        return self.node("BatchNormalization", gamma, beta, mean, variance, epsilon=1e-5)

    def proto(self, out_shape: tuple[Any, ...] = ("batch", "classes")) -> onnx.ModelProto:
        kind = TensorProto.FLOAT
        graph = helper.make_graph(
            self.nodes,
            "net",
            [helper.make_tensor_value_info("x", kind, self.shape)],
            [helper.make_tensor_value_info(self.last, kind, out_shape)],
            self.constants,
        )
        opsets = [helper.make_opsetid("", self.opset)]
        if self.domain:
            opsets.append(helper.make_opsetid(self.domain, 1))
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)

    def model(self) -> ModelWrapper:
        return bring_up_to_date(self.proto(), "test")

    def integers(self) -> IntegerNetwork:
        return to_integers(self.model())

    def conv(
        self, channels: int, kernel: int = 1, rng: Any = 0, scale: Any = 0.3, **attributes: Any
    ) -> "Graph":
        """Append a convolution over two axes with random 4-bit weights from `inputs` channels."""
        rng = np.random.default_rng(rng)
        inputs = attributes.pop("inputs")
        weights = self.weights(rng.normal(size=(channels, inputs, kernel, kernel)), scale, 4)
        return self.node("Conv", weights, kernel_shape=[kernel, kernel], **attributes)


def network(seed: int = 0, act_bits: int = 4, weight_bits: int = 4, signed_act: bool = False) -> Graph:
    """A 1-D network of every kind of node, with negative gammas and scales that are no powers of two."""
    rng = np.random.default_rng(seed)
    graph = Graph((1, 2, 16)).quant(0.037, 8, name="input")
    channels = 2
    for index in range(2):
        w = graph.weights(rng.normal(size=(6, channels, 3)), 0.31, weight_bits)
        graph.node("Conv", w, kernel_shape=[3], pads=[1, 1])
        gamma = rng.normal(size=6)
        gamma[0] = 0.0
        graph.norm(gamma, rng.normal(size=6), rng.normal(size=6), rng.uniform(0.5, 2, 6))
        if not signed_act:
            graph.node("Relu")
        graph.quant(0.19, act_bits, signed=int(signed_act), name=f"act{index}")
        graph.node("MaxPool", kernel_shape=[2], strides=[2])
        channels = 6
    graph.node("Flatten", axis=1)
    graph.node("MatMul", graph.weights(rng.normal(size=(24, 5)), 0.31, weight_bits))
    return graph.node("Mul", np.float32(0.7)).node("Add", np.float32(-3.1))


def opened(net: IntegerNetwork, folder: Path) -> Golden:
    """Write the golden model of `net` into `folder`, with and without its layers, and open it."""
    onnx.save(write_golden(net), folder / "golden.onnx")
    onnx.save(write_golden(net, layers=True), folder / "layers.onnx")
    return Golden(folder / "golden.onnx", folder / "layers.onnx")


def of_ir_3(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy of `proto` as files of IR version 3 are: with its constants among the inputs."""
    old = onnx.ModelProto.FromString(proto.SerializeToString())
    old.ir_version = 3
    for tensor in old.graph.initializer:
        old.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    return old


def both_ways(net: IntegerNetwork, codes: NDArray[Any], folder: Path) -> dict[str, NDArray[np.int64]]:
    """Run golden and network.onnx on `codes`, check that every tensor is equal, and return them."""
    golden = opened(net, folder)
    expected = golden.layers(codes)
    found = NetworkRunner(write_network(net), layers=True).layers(codes)
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)
    assert len(found) == len(expected) - 1  # all but the input
    logits, classes = golden.run(codes)
    np.testing.assert_array_equal(logits, expected[net.output.name])
    if net.decides:
        np.testing.assert_array_equal(classes, logits.reshape(len(logits), -1).argmax(axis=1))
    else:
        assert classes is None
    return expected


def same_everywhere(
    model: ModelWrapper, folder: Path, frames: int = 40, seed: int = 0
) -> tuple[IntegerNetwork, dict[str, NDArray[np.int64]]]:
    """Check golden, network.onnx, qonnx's own execution and the float network against each other.

    Returns the network and every tensor of it, for random codes.
    """
    net = to_integers(model)
    spec = host.describe(net.host, net.input)
    codes = host.quantise(host.dequantise(random_codes(net, frames, seed), spec), spec)
    layers = both_ways(net, codes, folder)
    written = write_network(net)
    found = execute_onnx(written, {net.input.name: codes[:1].astype(np.float32)}, True)
    for tensor in net.tensors():
        if not tensor.wide:  # qonnx calculates in float32
            np.testing.assert_array_equal(found[tensor.name][0], layers[tensor.name][0], err_msg=tensor.name)
        assert layers[tensor.name].shape[1:] == tensor.shape[1:]
        assert np.all(layers[tensor.name].min(axis=0).reshape(tensor.channels, -1).min(axis=1) >= tensor.low)
        assert np.all(layers[tensor.name].max(axis=0).reshape(tensor.channels, -1).max(axis=1) <= tensor.high)
        assert all(DataType[tensor.datatype].allowed(v) for v in (tensor.low.min(), tensor.high.max()))
        assert written.get_tensor_datatype(tensor.name).name == DataType[tensor.datatype].name
        assert tuple(written.get_tensor_shape(tensor.name)) == tensor.shape
    golden = Golden(folder / "golden.onnx", folder / "layers.onnx")
    source = random_frames(spec, frames, seed)
    compared = check_float(net, golden, FileReference(model), source, np.arange(frames), spec, "the file")
    assert compared.unexplained == compared.class_unexplained == 0
    no_doubt_in_double(net, golden, FileReference(model), source.read(np.arange(IN_DOUBLE)), spec)
    return net, layers


def no_doubt_in_double(
    net: IntegerNetwork, golden: Golden, reference: Any, frames: NDArray[np.float32], spec: dict[str, Any]
) -> None:
    """Check that `reference` in float64 gives the golden integers of `frames`."""
    layers = golden.layers(host.quantise(frames, spec))
    ties = host.at_ties(frames, net.host)
    found = witness(net, layers, reference.double.run(frames), ties, FLOAT64)
    assert not found.doubts.any(), found.first


def random_codes(net: IntegerNetwork, count: int, seed: int = 0) -> NDArray[Any]:
    low, high = int(net.input.low.min()), int(net.input.high.max())
    dtype = np.int8 if low < 0 else np.uint8
    rng = np.random.default_rng(seed)
    return rng.integers(low, high + 1, (count, *net.input.shape[1:])).astype(dtype)
