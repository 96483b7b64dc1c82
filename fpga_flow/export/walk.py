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
from fpga_flow.export.chain import Affine, Floats, Integers, affine
from fpga_flow.export.operations import (
    EXACT_LIMIT,
    AddConstant,
    HostInput,
    IntegerNetwork,
    Matrix,
    Operation,
    Tensor,
    integer_type,
)
from fpga_flow.export.readers import READERS
from fpga_flow.export.values import Constant, HostValue, Known, QuantisedConstant, Value

GRID_TOLERANCE = 1e-6
"""Relative; what float32 scales and their product may be off the accumulator's grid."""

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
        f"build the network from {', '.join(READERS)}",
    )


class Walk:
    """The state of one walk: what is known so far, and the operations made so far."""

    def __init__(self, model: ModelWrapper) -> None:
        """Prepare for `model`, which has one input and one output."""
        self.graph = model.graph
        self.model = model
        source = self.graph.input[0].name
        self.frame_shape = tuple(int(size) for size in model.get_tensor_shape(source)[1:])
        self.known: dict[str, Known] = {source: HostValue(self.frame_shape)}
        for tensor in self.graph.initializer:
            self.known[tensor.name] = Constant(onnx.numpy_helper.to_array(tensor))
        self.operations: list[Operation] = []
        self.host: HostInput | None = None
        self.input: Tensor | None = None
        self.quantisers: list[tuple[str, Tensor]] = []
        self.reads = Counter(name for node in self.graph.node for name in node.input)
        self.reads.update(output.name for output in self.graph.output)

    def run(self) -> IntegerNetwork:
        """Walk the whole graph."""
        for node in self.graph.node:
            if node.op_type not in READERS:
                raise unsupported_operator(node)
            self.known[node.output[0]] = READERS[node.op_type](self, node)
        return self._finish()

    def dynamic(self, node: onnx.NodeProto, index: int = 0) -> Value:
        """Return input `index` of `node` as a value computed from the quantised input."""
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
        return replace(known, shared=known.shared or self.reads[node.input[index]] > 1)

    def scaled(self, node: onnx.NodeProto, index: int = 0) -> tuple[Value, float]:
        """Return input `index` and its scale; it must be quantised."""
        value = self.dynamic(node, index)
        scale = value.chain.scale
        if scale is None:
            raise UnsupportedError(
                node.name, f"the input of this {node.op_type} is not quantised", QUANTISE_FIRST
            )
        return value, scale

    def constant(self, node: onnx.NodeProto, index: int) -> NDArray[Any] | None:
        """Return the constant at input `index` as numbers, None where it is computed."""
        return self.constant_named(node.input[index])

    def constant_named(self, name: str) -> NDArray[Any] | None:
        """Return the constant called `name` as numbers, None where it is computed."""
        known = self.known[name]
        return known.array if isinstance(known, Constant | QuantisedConstant) else None

    def add(self, operation: Operation) -> Tensor:
        """Append `operation` and return its output; checks that float32 carries it exactly."""
        if operation.y.magnitude >= EXACT_LIMIT:
            raise UnsupportedError(
                operation.name,
                f"its sums can reach {operation.y.magnitude}, beyond the 2^24 that float32 holds exactly",
                "use fewer bits or fewer inputs a neuron",
            )
        self.operations.append(operation)
        return operation.y

    def align(self, node: onnx.NodeProto, value: Value) -> Value:
        """Make the chain increasing in every channel, by negating weights of the layer before."""
        flip = value.chain.signs(value.tensor.channels) < 0
        if not flip.any():
            return value
        producer = next((o for o in reversed(self.operations) if o.y is value.tensor), None)
        if value.shared or not isinstance(producer, Matrix):
            raise UnsupportedError(
                node.name,
                "a channel is scaled by a negative number and the layer before cannot take it over",
                "keep the scale (batch norm) right behind its convolution or dense layer, or positive",
            )
        producer.flip(flip)
        return replace(value, chain=value.chain.flipped(flip))

    def _finish(self) -> IntegerNetwork:
        name, last = self.graph.output[0].name, self.graph.node[-1]
        known = self.known.get(name)
        if not isinstance(known, Value) or self.host is None or self.input is None:
            raise UnsupportedError(
                last.name, "the output is not computed from a quantised input", QUANTISE_FIRST
            )
        if len(known.tensor.shape) != 2:
            raise UnsupportedError(
                last.name,
                f"the output must be one number per class, not of shape {list(known.tensor.shape[1:])}",
                "end in a dense layer",
            )
        known = self.align(last, known)
        mul, add = _final_affine(last, known)
        integers, offset = _logit_bias(last, add / mul)
        tensor = known.tensor
        if integers.any():
            low, high = tensor.low + integers, tensor.high + integers
            out = Tensor(name, tensor.shape, integer_type(int(low.min()), int(high.max())), low, high)
            if tensor.name == name:
                tensor.name = f"{name}_acc"
            tensor = self.add(AddConstant(f"{last.name}_bias", tensor, out, integers))
        return IntegerNetwork(
            self.host, self.input, self.operations, tensor, mul, offset * mul, self.quantisers
        )


def _final_affine(node: onnx.NodeProto, value: Value) -> tuple[float, Floats]:
    """Return the scale and the bias per class of the float logits."""
    steps = value.chain.steps or (affine(),)
    first = steps[0]
    if len(steps) > 1 or not isinstance(first, Affine):
        raise UnsupportedError(
            node.name,
            "an activation behind the last layer",
            "leave it out (the largest stays the largest) or quantise it",
        )
    if first.mul.ndim:
        raise UnsupportedError(
            node.name,
            "the logits have one scale per class, so that integers cannot be compared",
            "use one weight scale per tensor, and no batch norm, in the last layer",
        )
    return float(first.mul), np.broadcast_to(first.add, (value.tensor.channels,))


def _logit_bias(node: onnx.NodeProto, bias: Floats) -> tuple[Integers, float]:
    """Split `bias`, in steps of the accumulator, into integers per class and a rest common to all."""
    if np.all(bias == bias[0]):  # moves all logits alike
        return np.zeros(bias.shape, dtype=np.int64), float(bias[0])
    tolerance = GRID_TOLERANCE * np.maximum(1.0, np.abs(bias))
    for offset in (0.0, float(bias[0] - np.rint(bias[0]))):
        integers = np.rint(bias - offset)
        if np.all(np.abs(bias - offset - integers) <= tolerance):
            return integers.astype(np.int64), offset
    worst = int(np.argmax(np.abs(bias - np.rint(bias))))
    raise UnsupportedError(
        node.name,
        f"the bias of class {worst} is {bias[worst]:.6g} steps of the accumulator, not a whole number",
        "quantise the bias with the accumulator's scale (Int16Bias or Int32Bias of Brevitas) or leave it out",
    )
