"""What is known of a QONNX graph while it is walked, and what its readers do with that."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.chain import Chain, Floats, Integers, affine
from fpga_flow.export.grid import whole_multiples
from fpga_flow.export.layout import Layout
from fpga_flow.export.operations import (
    AddConstant,
    HostInput,
    Matrix,
    Move,
    MulConstant,
    Observed,
    Operation,
    Unflatten,
)
from fpga_flow.export.tensors import EXACT_LIMIT, MAX_BITS, WIDE_LIMIT, Tensor, bounded
from fpga_flow.export.values import (
    Constant,
    HostValue,
    Known,
    OpenSum,
    QuantisedConstant,
    Value,
    annotated,
)
from fpga_flow.integer.moves import moved

_LIMITS = {
    EXACT_LIMIT: "2^24 that float32 holds exactly",
    WIDE_LIMIT: "2^47 that the last operations have bits for",
}

QUANTISE_FIRST = "put a quantiser (QuantIdentity, QuantReLU) in front of it"


SHARE_ONE_QUANTISER = (
    "quantise both sides with one quantiser (one QuantIdentity or QuantReLU for both, or QuantEltwiseAdd)"
)


def unsettled(found: OpenSum, reader: str) -> UnsupportedError:
    """Return why `reader` cannot take the sum `found`, which has no integers before a quantiser."""
    return UnsupportedError(
        found.node,
        f"{found.reason}, and {reader} takes the sum without a quantiser",
        f"put a quantiser (QuantIdentity, QuantReLU) between them, or {SHARE_ONE_QUANTISER}",
    )


class Walk:
    """The state of one walk: what is known so far, and the operations made so far."""

    def __init__(self, model: ModelWrapper, counting: bool = False) -> None:
        """Prepare for `model`, which has one input and one output.

        `counting`: the operations are to be counted only, so that any bits and sums will do.
        """
        self.counting = counting
        self.max_bits = 32 if counting else MAX_BITS
        self.graph = model.graph
        self.model = model
        self.opset = next(one.version for one in model.model.opset_import if one.domain == "")
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
        self.negated: dict[str, MulConstant] = {}
        """Tensor that is another with the signs of some channels changed -> the product that makes it."""
        self._taken = {node.name for node in self.graph.node} | set(self.reads)

    def dynamic(
        self, node: onnx.NodeProto, index: int = 0, any_layout: bool = False, open_sum: bool = False
    ) -> Value:
        """Return input `index` of `node` as a value computed from the quantised input.

        With `any_layout` also where the file's tensor does not lie as the integer tensor, with `open_sum`
        also a sum that has no integers yet.
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
        if known.open is not None and not open_sum:
            raise unsettled(known.open, f"{node.op_type} {node.name!r}")
        if known.layout is not None and not any_layout:
            known = self._unflattened(node, known) or known
        if known.layout is not None and not any_layout:
            known = self.reordered(node, known, known.layout)
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

    def reordered(self, node: onnx.NodeProto, value: Value, layout: Layout) -> Value:
        """Return `value` with its axes as the file has them: channels first, then positions.

        Raises `UnsupportedError` where the file's tensor has other axes than the integers.
        """
        shape = value.tensor.shape
        order = layout.permutation(shape)
        if order is None:
            raise UnsupportedError(
                node.name,
                f"its input, of shape {list(layout.shape(shape))} in the file, was transposed or reshaped",
                f"transpose it back in front of this {node.op_type}: channels first, then positions",
            )
        return replace(self.transposed(node, value, order), layout=None)

    def transposed(self, node: onnx.NodeProto, value: Value, order: Sequence[int]) -> Value:
        """Append a Transpose of a (1, C, H, W) tensor in front of `node`."""
        name, output = self.fresh(f"{node.name}_turn"), self.fresh(f"{value.tensor.name}_turned")
        return self.moved(node, value, "Transpose", {"perm": list(order)}, name=name, output=output)

    def moved(
        self,
        node: onnx.NodeProto,
        value: Value,
        operator: str,
        attributes: dict[str, Any],
        indices: Integers | None = None,
        name: str | None = None,
        output: str | None = None,
    ) -> Value:
        """Append a `Move` of a (1, C, H, W) tensor; where it changes channels they must have one scale."""
        x = value.tensor
        channels = np.broadcast_to(np.arange(x.channels)[None, :, None, None], x.shape)
        which = moved(channels, operator, attributes, indices)
        first = which[0, :, 0, 0]
        stays = bool(np.all(which == first[None, :, None, None]) and np.all(first == np.arange(len(first))))
        if not stays or len(first) != x.channels:
            value = self.scaled(node, value)[0]
            x = value.tensor
        low, high = (
            getattr(end, least)(axis=(0, 2, 3))
            for end, least in ((x.low[which], "min"), (x.high[which], "max"))
        )
        y = Tensor(output or node.output[0], which.shape, x.datatype, low, high)
        made = self.add(Move(name or node.name, (x,), (y,), operator, attributes, indices))
        return replace(value, tensor=made)

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
        """Append `operation` and return its output; checks that it and what it reads is below `limit`."""
        largest = max(tensor.magnitude for tensor in (*operation.xs, *operation.ys))
        if largest >= limit and not self.counting:
            raise UnsupportedError(
                operation.name,
                f"its sums can reach {largest}, beyond the {_LIMITS[limit]}",
                "use fewer bits or fewer inputs a neuron",
            )
        self.operations.append(operation)
        return operation.y

    def align(self, node: onnx.NodeProto, value: Value) -> Value:
        """Make the chain increasing in every channel, by negating the layer before or its result."""
        if value.chain.general:  # see readers.steps
            return value
        return self.flip(node, value, value.chain.signs(value.tensor.channels) < 0)

    def flip(self, node: onnx.NodeProto, value: Value, flip: NDArray[np.bool_]) -> Value:
        """Return `value` as a function of integers that are negated in the channels in `flip`."""
        if not flip.any():
            return value
        chain = value.chain.flipped(flip)
        if value.open is not None:
            return replace(value, chain=chain, open=value.open.negated(flip))
        producer = next((o for o in reversed(self.operations) if o.y is value.tensor), None)
        if value.shared or not isinstance(producer, Matrix):
            tensor = self.multiply(f"{node.name}_sign", value.tensor, np.where(flip, -1, 1))
            product = self.operations[-1]
            assert isinstance(product, MulConstant)
            self.negated[tensor.name] = product
            return replace(value, tensor=tensor, chain=chain)
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

    def shifted(self, name: str, x: Tensor, by: int | Integers) -> Tensor:
        """Append the sum of `x` and whole numbers, one or one per channel."""
        values = np.broadcast_to(by, (x.channels,)).astype(np.int64)
        y = bounded(self.fresh(f"{x.name}_shifted"), x.shape, x.low + by, x.high + by)
        return self.add(AddConstant(self.fresh(name), (x,), (y,), values))

    def fresh(self, name: str) -> str:
        """Return `name`, or a variant of it that no node and no tensor has yet."""
        index, found = 0, name
        while found in self._taken:
            index += 1
            found = f"{name}_{index}"
        self._taken.add(found)
        return found
