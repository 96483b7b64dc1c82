"""The float network of `model.onnx`, as a reference for the golden model: in onnxruntime, or in float64.

`Quant` is written out as division, limits, rounding and multiplication, just as it is defined; nothing here
knows of integers, thresholds or folded batch norms.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import onnx
import onnx.version_converter
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.export.double import evaluator
from fpga_flow.export.rounding import write_edges, write_rounding
from fpga_flow.export.values import QUANTISERS, QuantSpec, TruncSpec, quant_spec, trunc_spec
from fpga_flow.integer.golden import session


@dataclass(frozen=True)
class Observation:
    """What a float network did with some frames."""

    codes: list[NDArray[np.int64]]
    """Integer codes of every activation quantiser, in order, batch first."""
    logits: NDArray[np.float64]
    """(N, classes)"""


class FileReference:
    """`model.onnx`, in float32 in onnxruntime; one frame at a time, as shapes in the file are fixed."""

    batched = False

    def __init__(self, model: ModelWrapper, in_double: bool = False) -> None:
        """Lower `model` (cleaned, with its `Quant` nodes) to standard operators; see `lower`."""
        self._model = model
        lowered, self.quantised = lower(model, in_double)
        # onnxruntime has no convolution in float64.
        self._session: Any = evaluator(lowered) if in_double else session(lowered)
        self._input, self._output = model.graph.input[0].name, model.graph.output[0].name

    @cached_property
    def double(self) -> "FileReference":
        """The same file in float64 behind the input's quantiser."""
        return FileReference(self._model, in_double=True)

    def run(self, frames: NDArray[np.float32]) -> Observation:
        """Return what every activation quantiser gave, and the logits."""
        names = [self._output, *(name for name, _ in self.quantised)]
        runs = [
            self._session.run(names, {self._input: np.ascontiguousarray(frame[None], dtype=np.float32)})
            for frame in frames
        ]
        codes = []
        for index, (_, scale) in enumerate(self.quantised):
            values = np.concatenate([run[index + 1] for run in runs])
            codes.append(np.rint(values.astype(np.float64) / scale).astype(np.int64))
        return Observation(codes, np.concatenate([run[0] for run in runs]).astype(np.float64))


def lower(
    model: ModelWrapper, in_double: bool = False
) -> tuple[onnx.ModelProto, list[tuple[str, NDArray[np.float64]]]]:
    """Return standard ONNX of `model`, and (tensor, scale) of each activation quantiser, in order.

    The outputs are the logits, then the activations. With `in_double` the quantisers of the input and of the
    weights give the codes that they give in float32, as they are defined; all behind them is in float64.
    """
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    static, observed = set(constants), list[tuple[str, NDArray[np.float64]]]()
    specs: dict[str, QuantSpec | TruncSpec] = {}
    for node in model.graph.node:
        if all(name in static for name in node.input if name):
            static.update(node.output)
        if node.op_type in QUANTISERS:
            specs[node.output[0]] = spec = quant_spec(node, constants.get)
            if node.output[0] not in static:
                observed.append((node.output[0], spec.scale.astype(np.float64)))
        elif node.op_type == "Trunc":
            specs[node.output[0]] = cut = trunc_spec(node, constants.get)
            observed.append((node.output[0], np.array(cut.out_scale)))
    proto = _without_quantisers(model)
    writer = _Writer(proto.graph, in_double)
    for node in proto.graph.node:
        found = specs.get(node.output[0])
        if found is None:
            writer.keep(node)
        else:
            writer.write_out(node, found, len(model.get_tensor_shape(node.output[0])))
    del proto.graph.node[:]
    proto.graph.node.extend(writer.nodes)
    outputs = dict.fromkeys([proto.graph.output[0].name, *(name for name, _ in observed)])
    del proto.graph.output[:]
    for name in outputs:
        kind = TensorProto.DOUBLE if name in writer.wide else TensorProto.FLOAT
        proto.graph.output.append(helper.make_tensor_value_info(name, kind, model.get_tensor_shape(name)))
    return proto, observed


def _without_quantisers(model: ModelWrapper) -> onnx.ModelProto:
    """Return a copy of the file with an Identity in the place of each quantiser, of opset 13 or later."""
    proto = onnx.ModelProto()
    proto.CopyFrom(model.model)
    for node in proto.graph.node:
        if node.op_type in (*QUANTISERS, "Trunc"):
            node.CopyFrom(helper.make_node("Identity", node.input[:1], node.output, node.name))
    standard = next(o for o in proto.opset_import if o.domain == "")
    version = standard.version
    del proto.opset_import[:]
    proto.opset_import.append(helper.make_opsetid("", version))
    # Round came with opset 11, integers in Min and Max with 12.
    return proto if version >= 13 else onnx.version_converter.convert_version(proto, 13)


class _Writer:
    """Writes the nodes of a float network: its quantisers in standard operators, the others as they are."""

    def __init__(self, graph: onnx.GraphProto, in_double: bool) -> None:
        self.nodes: list[NodeProto] = []
        self.wide: set[str] = set()
        """Tensors in float64."""
        self._graph, self._in_double = graph, in_double
        self._floats = {t.name: t for t in graph.initializer if t.data_type == TensorProto.FLOAT}

    def keep(self, node: NodeProto) -> None:
        """Append a copy of `node`, in float64 where one of its inputs is."""
        kept = NodeProto()
        kept.CopyFrom(node)
        if not self.wide.isdisjoint(node.input):
            kept.input[:] = [self._widened(name) for name in node.input]
            self.wide.update(node.output)
        self.nodes.append(kept)

    def _widened(self, name: str) -> str:
        """Return the name of a tensor, of a constant in float32 that of the same in float64."""
        if name not in self._floats:
            return name
        wide = f"{name}_double"
        if wide not in self.wide:
            values = numpy_helper.to_array(self._floats[name]).astype(np.float64)
            self._graph.initializer.append(numpy_helper.from_array(values, wide))
            self.wide.add(wide)
        return wide

    def write_out(self, node: NodeProto, spec: QuantSpec | TruncSpec, rank: int) -> None:
        """Append the quantiser that stood in the place of `node`, whose output has `rank` axes."""
        out, count = node.output[0], len(self.nodes)
        number = np.float64 if node.input[0] in self.wide else np.float32

        def constant(value: Any, dtype: Any = number) -> str:
            name = f"{out}_constant_{len(self._graph.initializer)}"
            self._graph.initializer.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
            return name

        def step(operator: str, *inputs: str, last: bool = False, **attributes: Any) -> str:
            made = len(self.nodes) - count
            name = out if last else f"{out}_step_{made}"
            self.nodes.append(
                helper.make_node(operator, list(inputs), [name], f"{node.name}_step_{made}", **attributes)
            )
            return name

        value = step("Div", node.input[0], constant(spec.scale))
        if isinstance(spec, TruncSpec):
            value = step("Div", step("Round", value), constant(spec.divisor))
            value = write_rounding(spec.rounding, value, step, constant)
            if spec.limits:
                value = step("Max", value, constant(spec.limits[0]))
                value = step("Min", value, constant(spec.limits[1]))
        elif spec.rounding == "BIPOLAR":
            negative = step("Less", value, constant(0.0))
            value = step("Where", negative, constant(-1.0), constant(1.0))
        elif spec.rounding == "EDGES":
            value = write_edges(spec.columns(rank), spec.low, value, step, constant)
        else:
            if spec.zero:
                value = step("Add", value, constant(spec.zero))
            value = step("Max", value, constant(spec.quantiser.low))
            value = step("Min", value, constant(spec.quantiser.high))
            value = write_rounding(spec.rounding, value, step, constant)
            if spec.zero:
                value = step("Sub", value, constant(spec.zero))
        scale = spec.out_scale if isinstance(spec, TruncSpec) else spec.scale
        if self._in_double:
            if number is np.float32:
                value = step("Cast", value, to=TensorProto.DOUBLE)
            self.wide.add(out)
        step("Mul", value, constant(scale, np.float64 if self._in_double else np.float32), last=True)
