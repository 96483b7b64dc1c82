"""Walks a QONNX graph once, in order, and turns it into an `IntegerNetwork`.

Every tensor is one of the kinds of `values`; every operator has one small reader in `readers`.
"""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.errors import UnsupportedError
from fpga_flow.export.chain import Chain, Integers, affine
from fpga_flow.export.grid import whole_multiples
from fpga_flow.export.logits import finish
from fpga_flow.export.operations import (
    EXACT_LIMIT,
    WIDE_LIMIT,
    HostInput,
    IntegerNetwork,
    Matrix,
    MulConstant,
    Operation,
    Tensor,
)
from fpga_flow.export.readers import READERS
from fpga_flow.export.readers.common import bounded
from fpga_flow.export.values import Constant, HostValue, Known, QuantisedConstant, Value

_LIMITS = {
    EXACT_LIMIT: "2^24 that float32 holds exactly",
    WIDE_LIMIT: "2^47 that the last operations have bits for",
}

_QCDQ = "export QONNX (brevitas.export.export_qonnx), not QCDQ"
_MONOTONE = "use a QuantReLU or QuantHardTanh"
INSTEAD = {
    "ConvTranspose": "use nn.Upsample(mode='nearest') and a convolution",
    "QuantizeLinear": _QCDQ,
    "DequantizeLinear": _QCDQ,
    "Sigmoid": _MONOTONE,
    "Tanh": _MONOTONE,
    "Elu": _MONOTONE,
    "Selu": _MONOTONE,
    "PRelu": "use a ReLU or a leaky ReLU",
    "InstanceNormalization": "use batch norm",
    "LayerNormalization": "use batch norm",
    "TopK": "end the network in its logits; hardware.top_k says how many classes are given",
}
"""Operators that are met often and cannot be mapped: what to use in their place."""

MAX_STEPS = 100
"""Of the function between two quantisers."""
QUANTISE_FIRST = "put a quantiser (QuantIdentity, QuantReLU) in front of it"


def to_integers(model: ModelWrapper) -> IntegerNetwork:
    """Return the integer network of a cleaned QONNX model (see `reader.read`).

    Raises `UnsupportedError` naming the first node that cannot be mapped.
    """
    return Walk(model).run()


def unsupported_operator(node: onnx.NodeProto) -> UnsupportedError:
    """Return the error for an operator that has no reader."""
    return UnsupportedError(
        node.name,
        f"operator {node.op_type} cannot be mapped to hardware",
        INSTEAD.get(node.op_type, f"build the network from {', '.join(READERS)}"),
    )


class Walk:
    """The state of one walk: what is known so far, and the operations made so far."""

    def __init__(self, model: ModelWrapper) -> None:
        """Prepare for `model`, which has one input and one output."""
        self.graph = model.graph
        self.model = model
        source = self.graph.input[0].name
        infos = (*self.graph.input, *self.graph.value_info, *self.graph.output)
        self.shapes = {
            info.name: tuple(axis.dim_value for axis in info.type.tensor_type.shape.dim) for info in infos
        }
        """Of every tensor but the file's constants."""
        self.frame_shape = self.shapes[source][1:]
        self.known: dict[str, Known] = {source: HostValue(self.frame_shape)}
        for tensor in self.graph.initializer:
            self.known[tensor.name] = Constant(onnx.numpy_helper.to_array(tensor))
        self.operations: list[Operation] = []
        self.host: HostInput | None = None
        self.input: Tensor | None = None
        self.quantisers: list[tuple[str, Tensor]] = []
        self.reads = Counter(name for node in self.graph.node for name in node.input)
        self.reads.update(output.name for output in self.graph.output)
        self.pieces: dict[str, dict[tuple[int, int], Value]] = {}
        """Tensor that is split -> its channels [start, stop) -> value."""
        self._taken = {node.name for node in self.graph.node} | set(self.reads)

    def run(self) -> IntegerNetwork:
        """Walk the whole graph."""
        for node in self.graph.node:
            if node.op_type not in READERS:
                raise unsupported_operator(node)
            made = READERS[node.op_type](self, node)
            results = made if isinstance(made, tuple) else (made,)
            for output, result in zip(node.output, results, strict=False):
                self._check(node, output, result)
                self.known[output] = result
            for output in node.output[len(results) :]:
                if self.reads[output]:
                    raise UnsupportedError(
                        node.name,
                        f"another output of this {node.op_type} is used",
                        "use its first output only",
                    )
        return self._finish()

    def _check(self, node: onnx.NodeProto, output: str, result: Known) -> None:
        """Check what a reader made of `node` against the shape that ONNX gives to its `output`."""
        if isinstance(result, Value):
            found = result.view or result.tensor.shape
            if not result.chain.fits(result.tensor.channels):
                raise UnsupportedError(
                    node.name, "its factors are not finite, or not one per channel", "use other scales"
                )
            if len(result.chain.steps) > MAX_STEPS:
                raise UnsupportedError(
                    node.name,
                    f"more than {MAX_STEPS} functions one behind the other without a quantiser",
                    "quantise in between",
                )
        elif isinstance(result, HostValue):
            found = (1, *result.shape)
        else:
            found = (result.array if isinstance(result, Constant) else result.integers).shape
        shape = self.shapes[output]
        if found not in (shape, (*shape, 1)):  # a 1-D network has a unit axis more here than in its file
            raise UnsupportedError(
                node.name,
                f"its inputs do not fit: they give {list(found)} where ONNX has {list(shape)}",
                "bring them to one shape first",
            )

    def dynamic(self, node: onnx.NodeProto, index: int = 0, any_view: bool = False) -> Value:
        """Return input `index` of `node` as a value computed from the quantised input.

        With `any_view` also where the file has its spatial axes in other places than the integer tensor.
        """
        known = self.known[node.input[index]]
        if isinstance(known, HostValue):
            raise UnsupportedError(
                node.name,
                f"{node.op_type} works on the network's input before it is quantised",
                "put a quantiser (QuantIdentity) at the input",
            )
        if not isinstance(known, Value):
            raise UnsupportedError(
                node.name, f"{node.op_type} works on a constant", "fold the constants before the export"
            )
        if known.view is not None and not any_view:
            raise UnsupportedError(
                node.name,
                f"its input was reshaped to {list(known.view)}",
                "keep the positions of a 1-D network in the third axis",
            )
        return replace(known, shared=known.shared or self.reads[node.input[index]] > 1)

    def scaled(self, node: onnx.NodeProto, index: int = 0) -> tuple[Value, float]:
        """Return input `index` and its scale; it must be quantised."""
        value = self.dynamic(node, index)
        if value.chain.scale is None:
            value = self._on_one_grid(node, self.align(node, value))
        scale = value.chain.scale
        assert scale is not None
        return value, scale

    def _on_one_grid(self, node: onnx.NodeProto, value: Value) -> Value:
        """Return `value` with one scale for all channels: the integers are multiplied where that is exact."""
        line = value.chain.line
        if line is None or line.add.any():
            raise UnsupportedError(
                node.name, f"the input of this {node.op_type} is not quantised", QUANTISE_FIRST
            )
        found = whole_multiples(line.mul.reshape(-1))
        if found is None:
            raise UnsupportedError(
                node.name,
                f"its input's channels have different scales ({line.mul.min():.6g} to {line.mul.max():.6g}), "
                "so that integers cannot be summed up",
                "use one scale per tensor, for all that a Concat joins too, or a quantiser behind the Concat",
            )
        step, factors = found
        return Value(
            self.multiply(f"{node.name}_grid", value.tensor, factors), Chain((affine(step),)), value.shared
        )

    def constant(self, node: onnx.NodeProto, index: int) -> NDArray[Any] | None:
        """Return the constant at input `index` as numbers, None where it is computed."""
        return self.constant_named(node.input[index])

    def constant_named(self, name: str) -> NDArray[Any] | None:
        """Return the constant called `name` as numbers, None where it is computed."""
        known = self.known[name]
        return known.array if isinstance(known, Constant | QuantisedConstant) else None

    def add(self, operation: Operation, limit: int = EXACT_LIMIT) -> Tensor:
        """Append `operation` and return its output; checks that float32 carries it exactly."""
        if operation.y.magnitude >= limit:
            raise UnsupportedError(
                operation.name,
                f"its sums can reach {operation.y.magnitude}, beyond the {_LIMITS[limit]}",
                "use fewer bits or fewer inputs a neuron",
            )
        self.operations.append(operation)
        return operation.y

    def align(self, node: onnx.NodeProto, value: Value) -> Value:
        """Make the chain increasing in every channel, by negating the layer before or its result."""
        flip = value.chain.signs(value.tensor.channels) < 0
        if not flip.any():
            return value
        chain = value.chain.flipped(flip)
        producer = next((o for o in reversed(self.operations) if o.y is value.tensor), None)
        if value.shared or not isinstance(producer, Matrix):
            signs = np.where(flip, -1, 1)
            return replace(value, tensor=self.multiply(f"{node.name}_sign", value.tensor, signs), chain=chain)
        producer.flip(flip)
        return replace(value, chain=chain)

    def multiply(self, name: str, x: Tensor, factors: Integers) -> Tensor:
        """Append a product with whole numbers, one or one per channel; return `x` where they are all 1."""
        if np.all(factors == 1):
            return x
        values = np.broadcast_to(factors.reshape(-1), (x.channels,)).astype(np.int64)
        low, high = np.sort([values * x.low, values * x.high], axis=0)
        y = bounded(self.fresh(f"{x.name}_scaled"), x.shape, low, high)
        return self.add(MulConstant(self.fresh(name), (x,), (y,), values))

    def fresh(self, name: str) -> str:
        """Return `name`, or a variant of it that no node and no tensor has yet."""
        index, found = 0, name
        while found in self._taken:
            index += 1
            found = f"{name}_{index}"
        self._taken.add(found)
        return found

    def _finish(self) -> IntegerNetwork:
        name, last = self.graph.output[0].name, self.graph.node[-1]
        if not isinstance(self.known.get(name), Value) or self.host is None or self.input is None:
            raise UnsupportedError(
                last.name, "the output is not computed from a quantised input", QUANTISE_FIRST
            )
        known = self.known[name]
        assert isinstance(known, Value)
        if not self.operations:
            raise UnsupportedError(
                last.name, "the output is the quantised input as it is", "export a network with layers"
            )
        last = self.model.find_producer(name) or last
        logits = finish(self, last, name, replace(known, shared=known.shared or self.reads[name] > 1))
        return IntegerNetwork(
            host=self.host,
            input=self.input,
            operations=self.operations,
            output=logits.tensor,
            logit_scale=logits.scale,
            logit_offset=logits.offset,
            logit_error=logits.error,
            quantisers=self.quantisers,
        )
