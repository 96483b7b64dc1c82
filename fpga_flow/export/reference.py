"""The float network of `model.onnx` in onnxruntime, as a reference for the golden model.

`Quant` is written out as division, limits, rounding and multiplication in float32, just as it is
defined; nothing here knows of integers, thresholds or folded batch norms.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnx.version_converter
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.export.rounding import write_edges, write_rounding
from fpga_flow.export.values import QUANTISERS, QuantSpec, TruncSpec, quant_spec, trunc_spec
from fpga_flow.golden import session


@dataclass(frozen=True)
class Observation:
    """What a float network did with some frames."""

    codes: list[NDArray[np.int64]]
    """Integer codes of every activation quantiser, in order, batch first."""
    logits: NDArray[np.float64]
    """(N, classes)"""


class FileReference:
    """`model.onnx` in onnxruntime, in float32; one frame at a time, as shapes in the file are fixed."""

    batched = False

    def __init__(self, model: ModelWrapper) -> None:
        """Lower `model` (cleaned, with its `Quant` nodes) to standard operators."""
        lowered, self._outputs = lower(model)
        self._session = session(lowered)
        self._input, self._output = model.graph.input[0].name, model.graph.output[0].name

    def run(self, frames: NDArray[np.float32]) -> Observation:
        """Return what every activation quantiser gave, and the logits."""
        names = [self._output, *(name for name, _ in self._outputs)]
        runs = [
            self._session.run(names, {self._input: np.ascontiguousarray(frame[None], dtype=np.float32)})
            for frame in frames
        ]
        codes = []
        for index, (_, scale) in enumerate(self._outputs):
            values = np.concatenate([run[index + 1] for run in runs])
            codes.append(np.rint(values.astype(np.float64) / scale).astype(np.int64))
        return Observation(codes, np.concatenate([run[0] for run in runs]).astype(np.float64))


def lower(model: ModelWrapper) -> tuple[onnx.ModelProto, list[tuple[str, NDArray[np.float64]]]]:
    """Return standard ONNX of `model`, and (tensor, scale) of each activation quantiser, in order.

    The outputs are the logits, then the activations.
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
    nodes: list[NodeProto] = []
    for node in proto.graph.node:
        found = specs.get(node.output[0])
        nodes += [node] if found is None else _write_out(node, found, proto.graph)
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)
    have = {value.name for value in proto.graph.output}
    for name, _ in observed:
        if name not in have:
            info = helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, model.get_tensor_shape(name))
            proto.graph.output.append(info)
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


def _write_out(node: NodeProto, spec: QuantSpec | TruncSpec, graph: onnx.GraphProto) -> list[NodeProto]:
    made: list[NodeProto] = []
    out = node.output[0]

    def constant(value: Any) -> str:
        name = f"{out}_constant_{len(graph.initializer)}"
        graph.initializer.append(numpy_helper.from_array(np.asarray(value, dtype=np.float32), name))
        return name

    def step(operator: str, *inputs: str, last: bool = False) -> str:
        name = out if last else f"{out}_step_{len(made)}"
        made.append(helper.make_node(operator, list(inputs), [name], f"{node.name}_step_{len(made)}"))
        return name

    scale = constant(spec.scale)
    value = step("Div", node.input[0], scale)
    if isinstance(spec, TruncSpec):
        value = write_rounding(
            spec.rounding, step("Div", step("Round", value), constant(spec.divisor)), step, constant
        )
        if spec.limits:
            value = step("Max", value, constant(spec.limits[0]))
            value = step("Min", value, constant(spec.limits[1]))
        step("Mul", value, constant(spec.out_scale), last=True)
        return made
    if spec.rounding == "BIPOLAR":
        negative = step("Less", value, constant(0.0))
        value = step("Where", negative, constant(-1.0), constant(1.0))
    elif spec.rounding == "EDGES":
        value = write_edges(spec.edges, spec.low, value, step, constant)
    else:
        value = step("Max", value, constant(spec.quantiser.low))
        value = step("Min", value, constant(spec.quantiser.high))
        value = write_rounding(spec.rounding, value, step, constant)
    step("Mul", value, scale, last=True)
    return made
