"""Small integer networks as the export stage writes them, for tests of the stages after it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.util.basic import qonnx_make_model


class Builder:
    """Builds a network of integer operators on 4-D tensors (batch 1, channels, height, width).

    Operators go on from the last tensor; `at` takes up an earlier one, for a branch.
    """

    def __init__(self, shape: tuple[int, ...], datatype: str = "INT8", seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Any] = []
        self.constants: dict[str, tuple[NDArray[np.float32], str]] = {}
        self.tensors: list[tuple[str, tuple[int, ...], str]] = [("x", (1, *shape), datatype)]

        self.last = self.tensors[0]

    @property
    def tensor(self) -> str:
        """Name of the last tensor."""
        return self.last[0]

    def at(self, tensor: str) -> "Builder":
        """Go on from an earlier tensor."""
        self.last = next(known for known in self.tensors if known[0] == tensor)
        return self

    def add(
        self, operator: str, shape: tuple[int, ...], datatype: str, *inputs: str, **attributes: Any
    ) -> None:
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(operator, [self.tensor, *inputs], [f"{name}_out"], name=name, **attributes)
        )
        self.last = (f"{name}_out", shape, datatype)
        self.tensors.append(self.last)

    def constant(self, values: NDArray[Any], datatype: str) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants[name] = (values.astype(np.float32), datatype)
        return name

    def weights(self, shape: tuple[int, ...], bits: int) -> str:
        top = 2 ** (bits - 1) - 1
        values = self.rng.integers(-top, top + 1, shape)
        values[self.rng.random(shape) < 0.3] = 0
        return self.constant(values, f"INT{bits}")

    def convolve(
        self, kernel: NDArray[Any], datatype: str, *, group: int = 1, stride: int = 1, pad: int = 0
    ) -> "Builder":
        """Convolve with `kernel` (O, I/group, KH, KW), both axes with one stride and padding."""
        size = kernel.shape[2:]
        shape = [(n + 2 * pad - k) // stride + 1 for n, k in zip(self.last[1][2:], size, strict=True)]
        weights = self.constant(kernel, datatype)
        window = {"kernel_shape": size, "pads": [pad] * 4, "strides": [stride] * 2, "dilations": [1, 1]}
        self.add("Conv", (1, len(kernel), *shape), "INT32", weights, group=group, **window)
        return self

    def conv(self, filters: int, bits: int = 4) -> "Builder":
        _, channels, length, _ = self.last[1]
        weights = self.weights((filters, channels, 3, 1), bits)
        window = {"kernel_shape": [3, 1], "pads": [1, 0, 1, 0], "strides": [1, 1], "dilations": [1, 1]}
        self.add("Conv", (1, filters, length, 1), "INT32", weights, group=1, **window)
        return self

    def threshold(self, bits: int = 4, spread: float = 60.0) -> "Builder":
        return self.quantise(f"UINT{bits}", spread)

    def quantise(self, datatype: str, spread: float) -> "Builder":
        """Compare each channel with random thresholds, as many as `datatype` takes."""
        _, shape, _ = self.last
        steps = int(DataType[datatype].get_num_possible_values()) - 1
        values = np.sort(self.rng.normal(0, spread, (shape[1], steps)).round(), axis=1)
        thresholds = self.constant(values, "INT16" if np.abs(values).max() < 2**15 else "INT32")
        domain = "qonnx.custom_op.general"
        self.add(
            "MultiThreshold",
            shape,
            datatype,
            thresholds,
            domain=domain,
            out_dtype=datatype,
            out_scale=2.0 if datatype == "BIPOLAR" else 1.0,
            out_bias=float(DataType[datatype].min()),
        )
        return self

    def pool(self) -> "Builder":
        _, shape, datatype = self.last
        window = {"kernel_shape": [2, 1], "strides": [2, 1], "pads": [0, 0, 0, 0]}
        self.add("MaxPool", (1, shape[1], shape[2] // 2, 1), datatype, **window)
        return self

    def depthwise(self, kernel: int, bits: int = 4, stride: int = 1) -> "Builder":
        _, (_, channels, length, _), _ = self.last
        weights = self.weights((channels, 1, kernel, 1), bits)
        return self._depthwise(weights, kernel, stride, kernel // 2, length)

    def sum_pool(self, kernel: int) -> "Builder":
        _, (_, channels, length, _), datatype = self.last
        weights = self.constant(np.ones((channels, 1, kernel, 1)), "UINT1")
        sums = "UINT32" if datatype.startswith("UINT") else "INT32"
        return self._depthwise(weights, kernel, kernel, 0, length, sums)

    def _depthwise(
        self, weights: str, kernel: int, stride: int, pad: int, length: int, sums: str = "INT32"
    ) -> "Builder":
        channels = self.last[1][1]
        window = {"kernel_shape": [kernel, 1], "strides": [stride, 1], "dilations": [1, 1]}
        shape = (1, channels, (length + 2 * pad - kernel) // stride + 1, 1)
        self.add("Conv", shape, sums, weights, group=channels, pads=[pad, 0, pad, 0], **window)
        return self

    def residual(self, other: str) -> "Builder":
        """Add an earlier tensor of the same shape, both unsigned."""
        _, shape, datatype = self.last
        self.add("Add", shape, f"UINT{int(datatype.removeprefix('UINT')) + 1}", other)
        return self

    def concat(self, *others: str) -> "Builder":
        """Append the channels of earlier tensors of the same datatype."""
        _, shape, datatype = self.last
        known = {name: tensor for name, tensor, _ in self.tensors}
        channels = shape[1] + sum(known[other][1] for other in others)
        self.add("Concat", (1, channels, *shape[2:]), datatype, *others, axis=1)
        return self

    def split(self, *sizes: int) -> list[str]:
        """Split the channels; returns the names of the parts."""
        source, shape, datatype = self.last
        name = f"split_{len(self.nodes)}"
        parts = [f"{name}_out{i}" for i in range(len(sizes))]
        constant = self.constant(np.array(sizes), "INT32")
        self.nodes.append(helper.make_node("Split", [source, constant], parts, name=name, axis=1))
        self.tensors += [(p, (1, n, *shape[2:]), datatype) for p, n in zip(parts, sizes, strict=True)]
        return parts

    def global_pool(self, operator: str) -> "Builder":
        """`ReduceSum` or `GlobalMaxPool`."""
        _, (_, channels, height, width), datatype = self.last
        if operator == "ReduceSum":
            axes = self.constant(np.array([2, 3]), "INT32")
            self.add(operator, (1, channels, 1, 1), "INT32", axes, keepdims=1)
        else:
            self.add(operator, (1, channels, 1, 1), datatype)
        return self

    def scale(self, factors: Any) -> "Builder":
        """Multiply each channel by an integer."""
        _, shape, _ = self.last
        values = np.asarray(factors).reshape(1, -1, *[1] * (len(shape) - 2))
        self.add("Mul", shape, "INT32", self.constant(values, "INT16"))
        return self

    def upsample(self, factor: int) -> "Builder":
        _, (_, channels, length, _), datatype = self.last
        scales = self.constant(np.array([1, 1, factor, 1]), "FLOAT32")
        settings = {"mode": "nearest", "nearest_mode": "floor"}
        shape = (1, channels, length * factor, 1)
        self.add(
            "Resize", shape, datatype, "", scales, coordinate_transformation_mode="asymmetric", **settings
        )
        return self

    def flatten(self) -> "Builder":
        _, shape, datatype = self.last
        self.add("Flatten", (1, int(np.prod(shape))), datatype, axis=1)
        return self

    def dense(self, neurons: int, bits: int = 4) -> "Builder":
        weights = self.weights((self.last[1][1], neurons), bits)
        self.add("MatMul", (1, neurons), "INT32", weights)
        return self

    def bias(self) -> "Builder":
        _, shape, _ = self.last
        self.add("Add", shape, "INT32", self.constant(self.rng.integers(-90, 90, shape), "INT8"))
        return self

    def build(self) -> ModelWrapper:
        def info(name: str, shape: tuple[int, ...]) -> Any:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

        infos = {name: info(name, shape) for name, shape, _ in self.tensors}
        first, last = infos.pop(self.tensors[0][0]), infos.pop(self.tensor)
        graph = helper.make_graph(self.nodes, "net", [first], [last], value_info=list(infos.values()))
        model = ModelWrapper(qonnx_make_model(graph))
        for name, (values, datatype) in self.constants.items():
            model.set_initializer(name, values)
            model.set_tensor_datatype(name, DataType[datatype])
        for name, _, datatype in self.tensors:
            model.set_tensor_datatype(name, DataType[datatype])
        return model


def vgg(filters: int = 8, length: int = 16, classes: int = 5, bits: int = 4) -> ModelWrapper:
    """Two convolutions with pooling, two dense layers, a bias: every operator of the default network."""
    net = Builder((2, length, 1))
    net.conv(filters, bits).threshold(bits, 400).pool().conv(filters, bits).threshold(bits).pool()
    return net.flatten().dense(16, bits).threshold(bits).dense(classes, bits).bias().build()


def layers(network: ModelWrapper, x: NDArray[np.generic]) -> dict[str, NDArray[np.int64]]:
    """Execute `network` on frames `x` (frames, ...); returns every tensor, frames first."""
    source = network.graph.input[0].name
    runs = [execute_onnx(network, {source: frame[None].astype(np.float32)}, True) for frame in x]
    names = {name for node in network.graph.node for name in node.output}
    return {name: np.concatenate([run[name] for run in runs]).astype(np.int64) for name in names}
