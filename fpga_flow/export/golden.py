"""Writes the golden model: the integer network as standard ONNX operators, for `fpga_flow.integer.golden`.

It shares no thresholds with `network.onnx`. Sums of products are carried by float32 (exact up to
2^24, which the walk has checked), wider logits by float64; every activation is computed in float64
from the scales and batch norms of the trained network, rounded half to even, limited, and is an
integer again.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from fpga_flow.export.chain import Affine, Clip, Leaky, per_channel
from fpga_flow.export.operations import Activation, IntegerNetwork, JoinedActivation, Operation
from fpga_flow.export.rounding import edge_columns, write_edges, write_rounding
from fpga_flow.export.standard import NO_INPUT, STANDARD
from fpga_flow.integer.golden import CLASS, INPUT, LOGITS
from fpga_flow.integer.quantise import code_type

OPSET = 17
IR_VERSION = 8
BATCH_BYTES = 64 * 2**20
"""What the largest tensor of a batch may take, in float64."""


class _Builder:
    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, values: Any, dtype: type) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def node(self, operator: str, inputs: Iterable[str], output: str | None = None, **attributes: Any) -> str:
        name = output or f"value_{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(operator, list(inputs), [name], f"node_{len(self.nodes)}", **attributes)
        )
        return name


def _standard(build: _Builder, operation: Operation) -> None:
    node = STANDARD[type(operation)](operation)
    inputs = [x.name for x in operation.xs]
    if operation.y.wide:
        inputs = [build.node("Cast", [name], to=TensorProto.DOUBLE) for name in inputs]
    numbers = np.float64 if operation.y.wide else np.float32
    constants = [
        build.constant(p.values, np.int64 if p.values.dtype == np.int64 else numbers) for p in node.parameters
    ]
    build.nodes.append(
        helper.make_node(
            node.operator,
            [*inputs, *[NO_INPUT] * node.omitted, *constants],
            [y.name for y in operation.ys],
            f"node_{len(build.nodes)}",
            **node.attributes,
        )
    )


def _real(build: _Builder, operation: Activation) -> str:
    """Append the real number, in float64, that the chain of `operation` starts from."""
    rank = len(operation.x.shape)
    if not isinstance(operation, JoinedActivation):
        return build.node("Cast", [operation.x.name], to=TensorProto.DOUBLE)
    total = ""
    for side in operation.sides:
        term = build.node("Cast", [side.tensor.name], to=TensorProto.DOUBLE)
        term = _affine(build, term, side.line, rank)
        total = build.node("Add", [total, term]) if total else term
    return total


def _affine(build: _Builder, value: str, step: Affine, rank: int) -> str:
    value = build.node("Mul", [value, build.constant(per_channel(step.mul, rank), np.float64)])
    if not step.add.any():
        return value
    return build.node("Add", [value, build.constant(per_channel(step.add, rank), np.float64)])


def _activation(build: _Builder, operation: Activation) -> None:
    rank, quantiser = len(operation.x.shape), operation.quantiser
    value = _real(build, operation)
    for step in operation.chain.steps:
        if isinstance(step, Affine):
            value = _affine(build, value, step, rank)
        elif isinstance(step, Clip):
            value = build.node("Max", [value, build.constant(step.low, np.float64)])
            value = build.node("Min", [value, build.constant(step.high, np.float64)])
        elif isinstance(step, Leaky):
            positive = build.node("Max", [value, build.constant(0.0, np.float64)])
            negative = build.node("Min", [value, build.constant(0.0, np.float64)])
            negative = build.node("Mul", [negative, build.constant(step.slope, np.float64)])
            value = build.node("Add", [positive, negative])
    if quantiser.rounding == "BIPOLAR":
        positive = build.node("GreaterOrEqual", [value, build.constant(0.0, np.float64)])
        ends = [build.constant(end, np.float32) for end in (1.0, -1.0)]
        build.node("Where", [positive, *ends], operation.y.name)
        return

    def node(operator: str, *inputs: str) -> str:
        return build.node(operator, inputs)

    def constant(number: Any) -> str:
        return build.constant(number, np.float64)

    if quantiser.rounding == "EDGES":
        value = write_edges(edge_columns(quantiser.edges, rank), quantiser.low, value, node, constant)
        build.node("Cast", [value], operation.y.name, to=TensorProto.FLOAT)
        return
    if quantiser.zero:
        value = node("Add", value, constant(quantiser.zero))
    value = write_rounding(quantiser.rounding, value, node, constant)
    if quantiser.zero:
        value = node("Sub", value, constant(quantiser.zero))
    limits = [build.constant(end, np.float64) for end in (quantiser.low, quantiser.high)]
    value = build.node("Clip", [value, *limits])
    build.node("Cast", [value], operation.y.name, to=TensorProto.FLOAT)


def write_golden(network: IntegerNetwork, layers: bool = False) -> onnx.ModelProto:
    """Return `network` as a standard ONNX model.

    Input `input`: integers (N, ...), of 8 or 16 bits. Outputs `logits` int64, of the output's shape, and,
    where the network decides a class, `class` (N,) int64, the lowest index of the largest logit; with
    `layers` also every tensor of the network, float32 (float64 where it is wide) holding integers, by the
    name it has in `network.onnx`.
    """
    build = _Builder()
    build.node("Cast", [INPUT], network.input.name, to=TensorProto.FLOAT)
    for operation in network.operations:
        if isinstance(operation, Activation):
            _activation(build, operation)
        else:
            _standard(build, operation)
    build.node("Cast", [network.output.name], LOGITS, to=TensorProto.INT64)

    def info(name: str, kind: int, shape: tuple[int, ...]) -> Any:
        return helper.make_tensor_value_info(name, kind, ["N", *shape])

    codes = code_type(int(network.input.low.min()), int(network.input.high.max()))
    kind = helper.np_dtype_to_tensor_dtype(codes)
    outputs = [info(LOGITS, TensorProto.INT64, network.output.shape[1:])]
    if network.decides:
        numbers = build.node("Flatten", [network.output.name], axis=1)
        build.node("ArgMax", [numbers], CLASS, axis=1, keepdims=0)
        outputs.append(info(CLASS, TensorProto.INT64, ()))
    if layers:
        outputs += [
            info(t.name, TensorProto.DOUBLE if t.wide else TensorProto.FLOAT, t.shape[1:])
            for t in network.tensors()
        ]
    graph = helper.make_graph(
        build.nodes, "golden", [info(INPUT, kind, network.input.shape[1:])], outputs, build.constants
    )
    model = helper.make_model(
        graph,
        producer_name="fpga_flow",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def batch_size(network: IntegerNetwork) -> int:
    """Return how many frames at once keep the largest tensor below `BATCH_BYTES`."""
    largest = max(int(np.prod(tensor.shape)) for tensor in network.tensors())
    return int(np.clip(BATCH_BYTES // (8 * largest), 1, 256))


def batches(count: int, size: int) -> Iterator[slice]:
    """Yield slices of `size` that cover `count`."""
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
