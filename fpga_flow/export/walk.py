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

from fpga_flow.core.errors import UnsupportedError, WrongNodeError, joined
from fpga_flow.export.chain import Chain, Floats, Integers, affine
from fpga_flow.export.grid import whole_multiples
from fpga_flow.export.layout import Layout
from fpga_flow.export.logits import finish
from fpga_flow.export.operations import (
    EXACT_LIMIT,
    WIDE_LIMIT,
    HostInput,
    IntegerNetwork,
    Matrix,
    MulConstant,
    Observed,
    Operation,
    Tensor,
    Unflatten,
)
from fpga_flow.export.readers import READERS
from fpga_flow.export.readers.common import MAX_BITS, bounded
from fpga_flow.export.readers.inputs import declare
from fpga_flow.export.readers.quant import checked_spec
from fpga_flow.export.refusal import unsupported_operator
from fpga_flow.export.values import (
    QUANTISERS,
    Constant,
    HostValue,
    Known,
    QuantisedConstant,
    QuantSpec,
    Refused,
    Value,
    annotated,
    annotated_input,
)
from fpga_flow.integer.output import left_out

_LIMITS = {
    EXACT_LIMIT: "2^24 that float32 holds exactly",
    WIDE_LIMIT: "2^47 that the last operations have bits for",
}

MAX_STEPS = 100
"""Of the function between two quantisers."""
QUANTISE_FIRST = "put a quantiser (QuantIdentity, QuantReLU) in front of it"


def to_integers(model: ModelWrapper, declared: QuantSpec | None = None) -> IntegerNetwork:
    """Return the integer network of a cleaned QONNX model (see `reader.read`).

    `declared` quantises its input where no node of it does.
    Raises `UnsupportedError` naming every node that cannot be mapped.
    """
    return Walk(model, declared).run()


def countable(model: ModelWrapper) -> list[Operation]:
    """Return what can be counted of a cleaned QONNX model, mapped or not: its operations, of any bits."""
    walk = Walk(model, counting=True)
    walk.read_all()
    return walk.operations


class Walk:
    """The state of one walk: what is known so far, and the operations made so far."""

    def __init__(
        self, model: ModelWrapper, declared: QuantSpec | None = None, counting: bool = False
    ) -> None:
        """Prepare for `model`, which has one input and one output; see `to_integers` for `declared`.

        `counting`: the operations are to be counted only, so that any bits and sums will do.
        """
        self.counting = counting
        self.max_bits = 32 if counting else MAX_BITS
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
            self.known[tensor.name] = annotated(model, tensor.name, onnx.numpy_helper.to_array(tensor))
        self.readers: dict[str, list[onnx.NodeProto]] = {}
        for node in self.graph.node:
            for name in dict.fromkeys(node.input):
                self.readers.setdefault(name, []).append(node)
        """The nodes that read a tensor, by its name."""
        self.operations: list[Operation] = []
        self.host: HostInput | None = None
        self.input: Tensor | None = None
        self.quantisers: list[Observed] = []
        self.reads = Counter(name for node in self.graph.node for name in node.input)
        self.reads.update(output.name for output in self.graph.output)
        self.pieces: dict[str, dict[tuple[int, int], Value]] = {}
        """Tensor that is split -> its channels [start, stop) -> value."""
        self._taken = {node.name for node in self.graph.node} | set(self.reads)
        spec = declared or annotated_input(model, source)
        if spec is not None and source in self.readers:
            declare(self, source, spec)

    def run(self) -> IntegerNetwork:
        """Walk the whole graph."""
        refused = self.read_all()
        if refused:
            raise joined(refused)
        return self._finish()

    def read_all(self) -> list[UnsupportedError]:
        """Read all nodes; returns what was refused."""
        refused: list[UnsupportedError] = []
        for node in self.graph.node:
            try:
                results = self._read(node)
            except UnsupportedError as error:
                refused.append(error)
                results = (Refused(),) * len(node.output)
            self.known.update(zip(node.output, results, strict=False))
        return refused

    def _read(self, node: onnx.NodeProto) -> tuple[Known, ...]:
        """Return what is known of the outputs of `node`."""
        if node.op_type not in READERS:
            raise unsupported_operator(node)
        if any(isinstance(self.known.get(name), Refused) for name in node.input):
            return self._behind_refused(node)
        made = READERS[node.op_type](self, node)
        results = made if isinstance(made, tuple) else (made,)
        for output, result in zip(node.output, results, strict=False):
            self._check(node, output, result)
        for output in node.output[len(results) :]:
            if self.reads[output]:
                raise UnsupportedError(
                    node.name, f"another output of this {node.op_type} is used", "use its first output only"
                )
        return results

    def _behind_refused(self, node: onnx.NodeProto) -> tuple[Known, ...]:
        """Return what is known behind a node that was refused, so that the rest of the network is looked at.

        A quantiser's values are known whatever comes in.
        """
        nothing = (Refused(),) * len(node.output)
        if node.op_type not in QUANTISERS or not isinstance(self.known.get(node.input[0]), Refused):
            return nothing
        spec = checked_spec(self, node)
        shape = self.shapes[node.output[0]]
        if not 2 <= len(shape) <= 4:
            return nothing
        shape = (*shape, 1) if len(shape) == 3 else shape
        scale = affine(self.per_channel(node, spec.scale, shape))
        limits = [np.full(shape[1], end, dtype=np.int64) for end in (spec.quantiser.low, spec.quantiser.high)]
        return (Value(Tensor(node.output[0], shape, spec.quantiser.datatype, *limits), Chain((scale,))),)

    def _check(self, node: onnx.NodeProto, output: str, result: Known) -> None:
        """Check what a reader made of `node` against the shape that ONNX gives to its `output`."""
        if isinstance(result, Value):
            found = result.layout.shape(result.tensor.shape) if result.layout else result.tensor.shape
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
        elif isinstance(result, Refused):
            return
        elif isinstance(result, HostValue):
            if not all(np.isfinite(values).all() for _, values in result.steps):
                raise UnsupportedError(node.name, "its factors are not finite", "use other scales")
            found = (1, *result.shape)
        else:
            found = (result.array if isinstance(result, Constant) else result.integers).shape
        shape = self.shapes[output]
        if found not in (shape, (*shape, 1)):  # a 1-D network has a unit axis more here than in its file
            raise WrongNodeError(
                node.name,
                f"its inputs do not fit: they give {list(found)} where ONNX has {list(shape)}",
                "bring them to one shape first",
            )

    def dynamic(self, node: onnx.NodeProto, index: int = 0, any_layout: bool = False) -> Value:
        """Return input `index` of `node` as a value computed from the quantised input.

        With `any_layout` also where the file's tensor does not lie as the integer tensor.
        """
        known = self.known[node.input[index]]
        if isinstance(known, HostValue):
            raise UnsupportedError(
                node.name,
                f"{node.op_type} works on the network's input before it is quantised",
                "put a quantiser (QuantIdentity) at the input, or say how it is quantised: "
                "--set 'export.input={bits=8, signed=true, scale=0.01}'",
            )
        if not isinstance(known, Value):
            raise UnsupportedError(
                node.name, f"{node.op_type} works on a constant", "fold the constants before the export"
            )
        if known.layout is not None and not any_layout:
            known = self._unflattened(node, known) or known
        if known.layout is not None and not any_layout:
            raise UnsupportedError(
                node.name,
                f"its input, of shape {list(known.layout.shape(known.tensor.shape))} in the file, was "
                "transposed or reshaped",
                f"transpose it back in front of this {node.op_type}: channels first, then positions",
            )
        return replace(known, shared=known.shared or self.reads[node.input[index]] > 1)

    def on_host(self, node: onnx.NodeProto) -> HostValue | None:
        """Return input 0 of `node` where the host computes it, else None."""
        known = self.known[node.input[0]]
        return known if isinstance(known, HostValue) else None

    def layout(self, node: onnx.NodeProto, index: int = 0) -> Layout:
        """Return how the file's tensor at input `index` of `node` lies against the integer tensor."""
        known, name = self.known[node.input[index]], node.input[index]
        if isinstance(known, Value) and known.layout is not None:
            return known.layout
        return Layout(tuple(range(len(self.shapes[name]))))

    def per_channel(
        self, node: onnx.NodeProto, constant: Any, shape: tuple[int, ...], index: int = 0
    ) -> Floats:
        """Return a constant that meets input `index` of `node`, flat: one number, or one for each channel.

        `shape` is that of the integer tensor.
        """
        array = np.asarray(constant, dtype=np.float64)
        found = self.layout(node, index).per_channel(array, shape)
        if found is None:
            raise UnsupportedError(
                node.name,
                f"a constant of shape {list(array.shape)} is not one number per channel",
                "scale per tensor or per channel",
            )
        return found

    def _unflattened(self, node: onnx.NodeProto, value: Value) -> Value | None:
        """Return a row of features as features at one position, None where the file does not say so."""
        layout, x = value.layout, value.tensor
        if layout is None or layout.order is not None or len(x.shape) != 2 or layout.axes[:2] != (0, 1):
            return None
        if len(layout.axes) not in (3, 4):
            return None
        y = Tensor(self.fresh(f"{x.name}_point"), (*x.shape, 1, 1), x.datatype, x.low.copy(), x.high.copy())
        made = self.add(Unflatten(self.fresh(f"{node.name}_point"), (x,), (y,)))
        return replace(value, tensor=made, layout=None)

    def scaled(self, node: onnx.NodeProto, value: Value) -> tuple[Value, float]:
        """Return `value`, an input of `node` that must be quantised, and its scale."""
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
        if self.counting:  # the channels' own integers are what is multiplied
            return replace(value, chain=Chain((affine(1.0),)))
        if found is None:
            raise UnsupportedError(
                node.name,
                f"its input's channels have different scales ({line.mul.min():.6g} to {line.mul.max():.6g}), "
                "so that integers cannot be summed up",
                "use one scale per tensor, for all that a Concat joins too, or a quantiser behind the Concat",
            )
        step, factors = found
        tensor = self.multiply(f"{node.name}_grid", value.tensor, factors)
        return replace(value, tensor=tensor, chain=Chain((affine(step),)))

    def constant(self, node: onnx.NodeProto, index: int) -> NDArray[Any] | None:
        """Return the constant at input `index` as numbers, None where it is computed."""
        return self.constant_named(node.input[index])

    def constant_named(self, name: str) -> NDArray[Any] | None:
        """Return the constant called `name` as numbers, None where it is computed."""
        known = self.known[name]
        return known.array if isinstance(known, Constant | QuantisedConstant) else None

    def add(self, operation: Operation, limit: int = EXACT_LIMIT) -> Tensor:
        """Append `operation` and return its output; checks that float32 carries it exactly."""
        if operation.y.magnitude >= limit and not self.counting:
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
            layout=known.layout,
            left_out=left_out(self.model),
            file_shape=self.shapes[name],
        )
