"""Runs `network.onnx` itself, thresholds and all, in onnxruntime: many frames at once.

onnxruntime has no MultiThreshold; each one becomes a look-up table over the accumulator, which is
made from the node's own thresholds by counting, as the operator is defined.
"""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.export.chain import Integers
from fpga_flow.export.operations import EXACT_LIMIT
from fpga_flow.golden import session

TABLE_LIMIT = 2**27
"""Entries; a layer that needs more is compared level by level."""


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

    channels, levels = thresholds.shape
    low, high = int(thresholds.min()) - 1, int(thresholds.max())
    width = high - low + 1
    positions = (1, channels, *[1] * (rank - 2))
    if channels * width <= TABLE_LIMIT:
        grid = np.arange(low, high + 1)
        table = np.stack([np.searchsorted(np.sort(row), grid, side="right") for row in thresholds])
        index = step("Clip", node.input[0], constant(low, np.float32), constant(high, np.float32))
        index = step("Cast", index, to=TensorProto.INT64)
        start = np.arange(channels).reshape(positions) * width - low
        index = step("Add", index, constant(start, np.int64))
        count = step("Gather", constant(table.reshape(-1), np.float32), index, axis=0)
    else:
        count = ""
        for level in range(levels):
            limit = constant(thresholds[:, level].reshape(positions), np.float32)
            reached = step("Cast", step("GreaterOrEqual", node.input[0], limit), to=TensorProto.FLOAT)
            count = step("Add", count, reached) if count else reached
    scaled = step("Mul", count, constant(attributes["out_scale"], np.float32))
    step("Add", scaled, constant(attributes["out_bias"], np.float32), last=True)
    return made
