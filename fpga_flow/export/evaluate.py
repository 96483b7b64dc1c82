"""Runs `network.onnx` itself, thresholds and all, in onnxruntime: many frames at once.

onnxruntime has no MultiThreshold; each one becomes a look-up table over the accumulator, or a search in the
node's own thresholds: both count those that are reached, as the operator is defined.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.export.chain import Integers
from fpga_flow.export.tensors import EXACT_LIMIT
from fpga_flow.integer.golden import session

TABLE_LIMIT = 2**22
"""Entries; a layer that needs more is searched, which takes longer and no memory to speak of."""


class NetworkRunner:
    """`network.onnx` as a function of integer codes."""

    def __init__(self, model: ModelWrapper, layers: bool = False) -> None:
        """Prepare `model` (batch 1 in the file, any batch here); `layers` makes every tensor an output."""
        proto = lower(model, layers)
        self._input, self._output = model.graph.input[0].name, model.graph.output[0].name
        self._names = [output.name for output in proto.graph.output]
        self._session = session(proto)

    def run(self, x: NDArray[Any]) -> Integers:
        """Return the logits, batch first, of codes (N, ...)."""
        values = self._session.run([self._output], {self._input: x.astype(np.float32)})
        return np.asarray(values[0]).astype(np.int64)

    def layers(self, x: NDArray[Any]) -> dict[str, Integers]:
        """Return every tensor of the network but its input, by name, batch first."""
        values = self._session.run(self._names, {self._input: x.astype(np.float32)})
        return {name: value.astype(np.int64) for name, value in zip(self._names, values, strict=True)}


def lower(model: ModelWrapper, layers: bool) -> onnx.ModelProto:
    """Return `model` in standard operators, free in the batch."""
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    extra: list[TensorProto] = []
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        if node.op_type == "MultiThreshold":
            rank = len(model.get_tensor_shape(node.input[0]) or [])
            nodes += _write_out(node, constants[node.input[1]].astype(np.int64), rank, extra)
        elif is_wide(model, node.output[0]):
            nodes += _in_double(node)
        else:
            nodes.append(node)

    def info(name: str) -> Any:
        kind = TensorProto.DOUBLE if is_wide(model, name) else TensorProto.FLOAT
        return helper.make_tensor_value_info(name, kind, ["N", *(model.get_tensor_shape(name) or [])[1:]])

    source, target = model.graph.input[0].name, model.graph.output[0].name
    outputs = [target]
    if layers:
        outputs += [name for node in model.graph.node for name in node.output if name != target]
    used = {name for node in nodes for name in node.input}
    kept = [t for t in model.graph.initializer if t.name in used]
    graph = helper.make_graph(nodes, "network", [info(source)], [info(n) for n in outputs], [*kept, *extra])
    standard = [o for o in model.model.opset_import if o.domain == ""]
    return helper.make_model(graph, opset_imports=standard, ir_version=model.model.ir_version)


def is_wide(model: ModelWrapper, tensor: str) -> bool:
    """Whether `tensor` is annotated with a type that float32 cannot carry exactly."""
    datatype = model.get_tensor_datatype(tensor)
    return bool(datatype.is_integer() and max(-datatype.min(), datatype.max()) > EXACT_LIMIT)


def _in_double(node: NodeProto) -> list[NodeProto]:
    """Return `node` with its inputs made float64."""
    casts = [
        helper.make_node("Cast", [name], [f"{node.output[0]}_double_{i}"], to=TensorProto.DOUBLE)
        for i, name in enumerate(node.input)
    ]
    wide = NodeProto()
    wide.CopyFrom(node)
    wide.input[:] = [cast.output[0] for cast in casts]
    return [*casts, wide]


def _write_out(node: NodeProto, thresholds: Integers, rank: int, extra: list[TensorProto]) -> list[NodeProto]:
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    made: list[NodeProto] = []
    out = node.output[0]

    def constant(values: Any, dtype: type) -> str:
        name = f"{out}_constant_{len(made)}_{len(extra)}"
        extra.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def step(operator: str, *inputs: str, last: bool = False, **more: Any) -> str:
        name = out if last else f"{out}_step_{len(made)}"
        made.append(helper.make_node(operator, list(inputs), [name], f"{node.name}_step_{len(made)}", **more))
        return name

    rows, x = np.sort(thresholds, axis=1), node.input[0]
    width = int(rows.max() - rows.min()) + 2
    write = _by_table if len(rows) * width <= TABLE_LIMIT else _by_halves
    scaled = step("Mul", write(x, rows, rank, constant, step), constant(attributes["out_scale"], np.float32))
    step("Add", scaled, constant(attributes["out_bias"], np.float32), last=True)
    return made


def _starts(table: NDArray[Any], rank: int) -> Integers:
    """Return where the row of each channel starts in the flat `table`, to be added to (N, channels, ...)."""
    starts: Integers = np.arange(len(table)) * table.shape[1]
    return starts.reshape(1, -1, *[1] * (rank - 2))


def _by_table(
    x: str, thresholds: Integers, rank: int, constant: Callable[..., str], step: Callable[..., str]
) -> str:
    """Count the `thresholds` (channels, levels; ascending) that `x` reaches: they are looked up."""
    low, high = int(thresholds.min()) - 1, int(thresholds.max())
    grid = np.arange(low, high + 1)
    table = np.stack([np.searchsorted(row, grid, side="right") for row in thresholds])
    index = step("Clip", x, constant(low, np.float32), constant(high, np.float32))
    index = step("Cast", index, to=TensorProto.INT64)
    index = step("Add", index, constant(_starts(table, rank) - low, np.int64))
    return step("Gather", constant(table.reshape(-1), np.float32), index, axis=0)


def _by_halves(
    x: str, thresholds: Integers, rank: int, constant: Callable[..., str], step: Callable[..., str]
) -> str:
    """Count the `thresholds` (channels, levels; ascending) that `x` reaches: by bisection of each row."""
    channels, levels = thresholds.shape
    bits = levels.bit_length()
    rows = np.full((channels, 2**bits), np.inf)  # no sum reaches what fills the row up
    rows[:, :levels] = thresholds
    place = first = constant(_starts(rows, rank), np.int32)
    for half in (1 << bit for bit in reversed(range(bits))):
        last_of_half = constant(np.roll(rows.reshape(-1), 1 - half), np.float32)
        reached = step("GreaterOrEqual", x, step("Gather", last_of_half, place, axis=0))
        passed = step("Where", reached, constant(half, np.int32), constant(0, np.int32))
        place = step("Add", place, passed)
    return step("Cast", step("Sub", place, first), to=TensorProto.FLOAT)
