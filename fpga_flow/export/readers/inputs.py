"""The network's input: where it is quantised, which way its axes lie, what its integers are off by."""

from dataclasses import replace

import numpy as np
from qonnx.core.datatype import DataType

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.chain import Chain, affine
from fpga_flow.export.grid import SCALE_TOLERANCE
from fpga_flow.export.layout import Layout
from fpga_flow.export.nodes import Node, attributes_of
from fpga_flow.export.operations import Activation, HostInput
from fpga_flow.export.state import Walk
from fpga_flow.export.tensors import Tensor, integer_type
from fpga_flow.export.values import QUANTISERS, HostValue, QuantSpec, Value

ANY_LAYOUT = (
    *(*QUANTISERS, "Trunc", "Relu", "LeakyRelu", "Clip", "Neg", "Identity", "Dropout"),
    *("Add", "Sub", "Mul", "Div"),
)
"""Operators that leave the axes where they are."""
BYTE = 8
"""Bits up to which the host subtracts a zero point from its codes wherever it can."""
HOST = (
    *("Relu", "Clip", "Neg", "Identity", "Dropout", "Add", "Sub", "Mul", "Div", "BatchNormalization"),
    *("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Pad"),
)
"""Operators that the host carries out in front of the input's quantiser."""


def quantised_input(walk: Walk, node: Node, index: int, spec: QuantSpec, declared: bool = False) -> Value:
    """Make the network's input of what the host computes at input `index` of `node`, and return it.

    Where it is `declared` no node of the file quantises it, else `node` does.

    Where the file turns the axes behind it, the host does. Where its codes less the zero point have few
    enough bits the host subtracts that too.
    """
    source, quantiser = walk.known[node.input[index]], spec.quantiser
    assert isinstance(source, HostValue)
    name = node.input[index] if declared else node.output[0]
    if walk.host is not None:
        raise UnsupportedError(
            node.name, "the input is quantised a second time", "quantise it once, before it forks"
        )
    scale = float(spec.scale.reshape(-1)[0])
    if np.any(spec.scale != spec.scale.reshape(-1)[0]):
        raise UnsupportedError(
            node.name, "the input is quantised with a scale per channel", "use one scale for the input"
        )
    if not 1 <= len(source.shape) <= 3:
        raise UnsupportedError(
            node.name, f"the input has {len(source.shape)} axes and a batch", "use at most three"
        )
    low, high = quantiser.low, quantiser.high
    if quantiser.rounding == "EDGES":  # the host compares with the file's own numbers
        if len(quantiser.edges) > 1:
            raise UnsupportedError(
                node.name, "the input is quantised with thresholds per channel", "use one row of thresholds"
            )
        own = tuple(float(np.float32(edge * scale)) for edge in quantiser.edges[0])
        quantiser = replace(quantiser, edges=(own,))
    centred = integer_type(min(-1, low - spec.zero), high - spec.zero)
    shift = spec.zero if DataType[centred].bitwidth() <= BYTE else 0
    datatype = centred if shift else quantiser.datatype
    steps, shape, layout = list(source.steps), (1, *source.shape), None
    turned = _turned_behind(walk, name)
    if turned is not None and len(turned) == len(shape):
        steps.append(("transpose", [float(axis) for axis in turned]))
        shape = tuple(shape[axis] for axis in turned)
        layout = Layout(tuple(turned.index(axis) for axis in range(len(turned))))
    shape = (*shape, 1) if len(shape) == 3 else shape
    limits = [np.full(shape[1], end - shift, dtype=np.int64) for end in (low, high)]
    walk.host = HostInput(walk.frame_shape, steps, scale, quantiser, spec.zero, shift, declared)
    walk.input = Tensor(name, shape, datatype, *limits)
    rest = shift - spec.zero
    chain = Chain((affine(scale, rest * scale) if rest else affine(scale),))
    return Value(walk.input, chain, layout=layout)


def declare(walk: Walk, source: str, spec: QuantSpec) -> None:
    """Quantise the input as `spec` says, where no node of the file does it."""
    if not _file_quantises(walk, source):
        node = walk.readers[source][0]
        index = list(node.input).index(source)
        walk.known[source] = quantised_input(walk, node, index, spec, declared=True)


def _file_quantises(walk: Walk, source: str) -> bool:
    """Whether there is a quantiser on every way from the input, with nothing before it but the host's."""
    names = [source]
    while names:
        name = names.pop()
        if name == walk.graph.output[0].name:
            return False
        for node in walk.readers.get(name, []):
            if node.op_type in HOST:
                names += node.output
            elif node.op_type not in QUANTISERS:
                return False
    return True


def _turned_behind(walk: Walk, name: str) -> list[int] | None:
    """Return in which order the file puts the axes of tensor `name` before it computes with them."""
    names, seen = [name], set[str]()
    while names:
        for node in walk.readers.get(names.pop(0), []):
            shape = walk.shapes.get(node.input[0], ())
            if node.op_type in ("MatMul", "Gemm") and any(size > 1 for size in shape[1:-1]):
                return [0, len(shape) - 1, *range(1, len(shape) - 1)]  # the features of rows are channels
            if node.op_type == "Transpose":
                return [int(axis) for axis in attributes_of(node)["perm"]]
            if node.op_type in ANY_LAYOUT and node.name not in seen:
                seen.add(node.name)
                names += node.output
    return None


def centred(walk: Walk, value: Value, bits: int = BYTE) -> Value:
    """Return `value` with what it is off by, a whole number of steps, put into the integers if it can be.

    It can where they are the input's, or those of a quantiser that nothing else has read, and have `bits` or
    fewer then.
    """
    line, x = value.chain.line, value.tensor
    if line is None or line.mul.size != 1 or line.add.size != 1 or not float(line.mul):
        return value
    steps = float(line.add) / float(line.mul)
    producer = next((o for o in reversed(walk.operations) if o.y is x), None)
    whole = abs(steps - round(steps)) <= SCALE_TOLERANCE * max(abs(steps), 1)
    low, high = int(x.low.min()) + round(steps), int(x.high.max()) + round(steps)
    if not whole or value.shared or DataType[integer_type(low, high)].bitwidth() > bits:
        return value
    datatype = integer_type(low, high)
    if isinstance(producer, Activation) and producer.quantiser.rounding == "EDGES":
        producer.quantiser = replace(producer.quantiser, low=low, high=high, datatype=datatype)
    elif x is walk.input and walk.host is not None:
        walk.host.shift -= round(steps)
    else:
        return value
    x.low, x.high, x.datatype = x.low + round(steps), x.high + round(steps), datatype
    for place, seen in enumerate(walk.quantisers):
        if seen.tensor is x:
            walk.quantisers[place] = seen._replace(shift=seen.shift + round(steps))
    return replace(value, chain=Chain((affine(line.mul),)))
