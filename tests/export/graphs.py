"""Builds QONNX networks by hand, and runs an integer network both ways."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from fpga_flow.export.evaluate import NetworkRunner
from fpga_flow.export.golden import write_golden
from fpga_flow.export.network import write_network
from fpga_flow.export.operations import IntegerNetwork
from fpga_flow.export.reader import bring_up_to_date
from fpga_flow.export.walk import to_integers
from fpga_flow.golden import Golden

QONNX = "qonnx.custom_op.general"


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

    def integers(self) -> IntegerNetwork:
        return to_integers(bring_up_to_date(self.proto(), "test"))


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


def both_ways(net: IntegerNetwork, codes: NDArray[Any], folder: Path) -> dict[str, NDArray[np.int64]]:
    """Run golden and network.onnx on `codes`, check that every tensor is equal, and return them."""
    onnx.save(write_golden(net), folder / "golden.onnx")
    onnx.save(write_golden(net, layers=True), folder / "layers.onnx")
    golden = Golden(folder / "golden.onnx", folder / "layers.onnx")
    expected = golden.layers(codes)
    found = NetworkRunner(write_network(net), layers=True).layers(codes)
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)
    assert len(found) == len(expected) - 1  # all but the input
    logits, classes = golden.run(codes)
    np.testing.assert_array_equal(logits, expected[net.output.name])
    np.testing.assert_array_equal(classes, logits.argmax(axis=1))
    return expected


def random_codes(net: IntegerNetwork, count: int, seed: int = 0) -> NDArray[Any]:
    limits = net.host.quantiser
    dtype = np.int8 if limits.low < 0 else np.uint8
    rng = np.random.default_rng(seed)
    return rng.integers(limits.low, limits.high + 1, (count, *net.input.shape[1:])).astype(dtype)
