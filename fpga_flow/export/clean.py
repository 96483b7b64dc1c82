"""Cleans a network from a file: shapes inferred, constants folded, idle nodes left out, tensors renamed.

`qonnx.util.cleanup` does that too, but takes minutes for some thousand nodes (it looks tensors up in lists)
and runs whatever the file says. Here a node is checked before anything works on it, and each is looked at
once.
"""

from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TypeProto, helper, numpy_helper
from onnx.shape_inference import infer_node_outputs

from fpga_flow.core.errors import FlowError, InputError, UnsupportedError
from fpga_flow.export.operators import AGAIN, QONNX_DOMAIN, check_node, check_shapes
from fpga_flow.export.readers import READERS
from fpga_flow.export.refusal import unsupported_operator
from fpga_flow.integer.golden import session

MAX_ELEMENTS = 2**24
"""Of a tensor that is computed for one frame."""
MAX_FRAME_ELEMENTS = 2**26
"""Of all of them together."""
MAX_CONSTANT_ELEMENTS = 2**27
"""Of all constants, those that are computed from others and the copies for each reader among them."""
NOT_FOLDED = (
    *("Conv", "ConvTranspose", "MatMul", "Gemm", "MaxPool", "AveragePool", "Resize", "Upsample"),
    *("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"),
)
"""Operators that take long on constants, or give something else each time."""
IR_VERSION = 8
"""In which constants are no inputs."""
KINDS = "fiub"
"""NumPy's letters of what a constant may hold: numbers and truth values."""

Shape = tuple[int, ...]


def clean(model: onnx.ModelProto, origin: str) -> dict[str, str]:
    """Clean `model`, which has one input of a fixed shape, in its place.

    Outputs that do not depend on the input, such as the scale of a quantised tensor, are left out; one must
    be left. Tensors get names as qonnx gives them: `<node>_out0`, `<node>_param0`, global_in, global_out;
    returned is what those that are computed were called before, by the new name.
    Raises `InputError`, with the node's name where one is the reason; `origin` names the file.
    """
    found = _Inference(model, origin)
    output = _output(model, found, origin)
    names = _write(model, found, _used(found.nodes, output), output)
    return {new: name for name, new in names.items()}


class _Inference:
    """One pass over the nodes of a file, in their order."""

    def __init__(self, model: onnx.ModelProto, origin: str) -> None:
        self.origin = origin
        self.opset = next(o.version for o in model.opset_import if o.domain == "")
        self.types: dict[str, TypeProto] = {}
        self.shapes: dict[str, Shape] = {}
        self.constants: dict[str, NDArray[Any]] = {}
        self.nodes: list[NodeProto] = []
        """Those that are computed for each frame, or quantise a constant."""
        self._folded = self._frame = 0
        constants = {tensor.name for tensor in model.graph.initializer}
        source = next(value for value in model.graph.input if value.name not in constants)
        self.source = source.name
        self._define(source.name, source.type, "the input")
        for tensor in model.graph.initializer:
            self._define_constant(tensor.name, numpy_helper.to_array(tensor), "the constants")
        for node in model.graph.node:
            check_node(node, self.opset)
            self._take(node)

    def _define(self, name: str, kind: TypeProto, where: str) -> None:
        if name in self.types:
            raise InputError(
                f"{self.origin}: is not a valid network: {where} and another place both give tensor {name!r}"
            )
        self.types[name] = kind
        self.shapes[name] = tuple(axis.dim_value for axis in kind.tensor_type.shape.dim)

    def _define_constant(self, name: str, values: NDArray[Any], where: str) -> None:
        if values.dtype.kind not in KINDS:
            raise InputError(f"{self.origin}: tensor {name!r} must hold numbers, not {values.dtype}")
        if values.dtype.kind == "f":
            with np.errstate(over="ignore"):
                values = np.asarray(values, dtype=np.float32)
            if not np.isfinite(values).all():
                raise InputError(f"{self.origin}: tensor {name!r} holds numbers that are not finite")
        kind = helper.np_dtype_to_tensor_dtype(values.dtype)
        self._define(name, helper.make_tensor_type_proto(kind, values.shape), where)
        self.constants[name] = values

    def _take(self, node: NodeProto) -> None:
        for name in node.input:
            if name and name not in self.types:
                raise InputError(
                    f"{self.origin}: is not a valid network: node {node.name!r} reads tensor {name!r}, which "
                    "no node before it gives"
                )
        check_shapes(node, self.shapes)
        kinds = self._inferred(node)
        constants = self._evaluated(node, kinds)
        if constants is not None:
            for name, values in constants.items():
                self._define_constant(name, values, f"node {node.name!r}")
            return
        for name, kind in kinds.items():
            self._define(name, kind, f"node {node.name!r}")
        self.nodes.append(node)

    def _inferred(self, node: NodeProto) -> dict[str, TypeProto]:
        """Return the type of each output that has a name, with its shape."""
        if node.domain == QONNX_DOMAIN:
            kind = self.types[node.input[0]]
            if kind.tensor_type.elem_type != onnx.TensorProto.FLOAT:
                raise UnsupportedError(node.name, "it quantises what is no float32", AGAIN)
            kinds = {node.output[0]: kind}
        else:
            kinds = self._inferred_by_onnx(node)
        for name, kind in kinds.items():
            shape = tuple(axis.dim_value for axis in kind.tensor_type.shape.dim)
            known = kind.HasField("tensor_type") and kind.tensor_type.HasField("shape")
            if not known or not all(axis.HasField("dim_value") for axis in kind.tensor_type.shape.dim):
                if node.op_type not in READERS:
                    raise unsupported_operator(node)
                raise UnsupportedError(
                    node.name, f"the shape of its output {name!r} cannot be inferred", "use fixed shapes"
                )
            constant = all(name in self.constants for name in node.input)
            if min(shape, default=1) < (0 if constant else 1) or prod(shape) > MAX_ELEMENTS:
                raise UnsupportedError(
                    node.name,
                    f"its output has the shape {list(shape)}",
                    f"tensors must have 1 to {MAX_ELEMENTS:,} numbers",
                )
            self._frame += prod(shape)
        if self._frame > MAX_FRAME_ELEMENTS:
            raise UnsupportedError(
                node.name,
                f"with it the tensors of a frame hold {self._frame:,} numbers",
                f"use a network that takes at most {MAX_FRAME_ELEMENTS:,}",
            )
        return kinds

    def _inferred_by_onnx(self, node: NodeProto) -> dict[str, TypeProto]:
        schema = onnx.defs.get_schema(node.op_type, self.opset, "")
        known = {name: numpy_helper.from_array(self.constants[name]) for name in _small(node, self.constants)}
        types = {name: self.types[name] for name in node.input if name}
        opsets = [helper.make_opsetid("", self.opset)]
        try:
            found = infer_node_outputs(schema, node, types, known, opset_imports=opsets)
        except Exception as error:  # onnx raises several kinds, which have no common base
            raise _wrong(node, error) from error
        return {name: found.get(name, TypeProto()) for name in node.output if name}

    def _evaluated(self, node: NodeProto, kinds: dict[str, TypeProto]) -> dict[str, NDArray[Any]] | None:
        """Return the outputs of `node` where they are constants that can be folded, else None."""
        if node.op_type == "Shape":
            return {node.output[0]: np.array(self._shape_of(node), dtype=np.int64)}
        if node.domain == QONNX_DOMAIN or node.op_type in NOT_FOLDED:
            return None
        if not all(name in self.constants for name in node.input if name):
            return None
        self._folded += sum(prod(a.dim_value for a in k.tensor_type.shape.dim) for k in kinds.values())
        if self._folded > MAX_CONSTANT_ELEMENTS:
            raise UnsupportedError(
                node.name, f"with it the constants hold {self._folded:,} numbers", "store them as they are"
            )
        return _run(node, self.opset, {name: self.constants[name] for name in node.input if name}, kinds)

    def _shape_of(self, node: NodeProto) -> Shape:
        bounds = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        return self.shapes[node.input[0]][bounds.get("start", 0) : bounds.get("end")]


def _small(node: NodeProto, constants: dict[str, NDArray[Any]]) -> list[str]:
    """Return the constant inputs of `node` that its shape may depend on."""
    return [name for name in node.input if name in constants and constants[name].size <= 1024]


def _run(
    node: NodeProto, opset: int, values: dict[str, NDArray[Any]], kinds: dict[str, TypeProto]
) -> dict[str, NDArray[Any]]:
    """Return what `node` makes of `values`."""
    if node.op_type == "Constant" and node.attribute[0].name == "value":
        return {node.output[0]: numpy_helper.to_array(node.attribute[0].t)}
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in values.items()
    ]
    outputs = [helper.make_value_info(name, kind) for name, kind in kinds.items()]
    graph = helper.make_graph([node], "constants", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR_VERSION)
    try:
        found = session(model, quiet=True).run(list(kinds), values)
    except Exception as error:  # onnxruntime's own exceptions have no common base
        raise _wrong(node, error) from error
    return dict(zip(kinds, found, strict=True))


def _wrong(node: NodeProto, error: Exception) -> FlowError:
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return UnsupportedError(node.name, f"{node.op_type} does not fit its inputs: {reason}", AGAIN)


def _output(model: onnx.ModelProto, found: _Inference, origin: str) -> str:
    """Return the name of the output that is computed from the input."""
    computed = {found.source}
    for node in found.nodes:
        if computed.intersection(node.input):
            computed.update(node.output)
    given: list[str] = list(dict.fromkeys(value.name for value in model.graph.output))
    names = [name for name in given if name in computed and name != found.source]
    if not names:
        raise InputError(f"{origin}: no output ({', '.join(given)}) is computed from the input")
    last = next(node for node in found.nodes if names[0] in node.output)
    if last.op_type == "TopK" and set(names) == set(last.output):
        return str(last.output[1])  # the classes, which are what is wanted of it
    if last.op_type == "TopK" and names == [last.output[0]]:
        raise UnsupportedError(
            last.name,
            "the network gives the largest numbers, but not which they are",
            "end it in both outputs of the TopK, in its indices, or in front of it",
        )
    if len(names) > 1:
        raise InputError(f"{origin}: must have one output, not {len(names)} ({', '.join(names)})")
    return names[0]


def _used(nodes: list[NodeProto], output: str) -> list[NodeProto]:
    """Return those of `nodes` that `output` depends on, in their order."""
    wanted, kept = {output}, []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    return kept[::-1]


def _check_copies(found: _Inference, nodes: list[NodeProto]) -> None:
    total = 0
    for node in nodes:
        total += sum(found.constants[name].size for name in node.input if name in found.constants)
        if total > MAX_CONSTANT_ELEMENTS:
            raise UnsupportedError(
                node.name, f"with it all nodes read {total:,} numbers of constants", "use a smaller network"
            )


def _write(model: onnx.ModelProto, found: _Inference, nodes: list[NodeProto], output: str) -> dict[str, str]:
    """Put `nodes`, with new names of their tensors, which are returned, and their constants into `model`."""
    graph = model.graph
    names = {name: f"{node.name}_out{i}" for node in nodes for i, name in enumerate(node.output) if name}
    names[found.source], names[output] = "global_in", "global_out"
    parameters: list[onnx.TensorProto] = []
    annotations = {entry.tensor_name: entry for entry in graph.quantization_annotation}
    kept: list[onnx.TensorAnnotation] = []

    def annotate(name: str, new: str) -> None:
        if name in annotations:
            entry = onnx.TensorAnnotation()
            entry.CopyFrom(annotations[name])
            entry.tensor_name = new
            kept.append(entry)

    def written(node: NodeProto) -> NodeProto:
        copy, count = NodeProto(), 0
        copy.CopyFrom(node)
        for index, name in enumerate(node.input):
            if name in found.constants:  # a copy for each place it is read at
                new = f"{node.name}_param{count}"
                count += 1
                parameters.append(numpy_helper.from_array(found.constants[name], new))
                annotate(name, new)
            else:
                new = names.get(name, "")
            copy.input[index] = new
        copy.output[:] = [names.get(name, "") for name in node.output]
        return copy

    _check_copies(found, nodes)
    made = [written(node) for node in nodes]
    infos = [helper.make_value_info(new, found.types[name]) for name, new in names.items()]
    for name, new in names.items():
        annotate(name, new)
    graph.ClearField("node")
    graph.node.extend(made)
    graph.ClearField("initializer")
    graph.initializer.extend(parameters)
    for field in ("input", "output", "value_info", "quantization_annotation", "sparse_initializer"):
        graph.ClearField(field)
    graph.input.extend(info for info in infos if info.name == "global_in")
    graph.output.extend(info for info in infos if info.name == "global_out")
    graph.value_info.extend(info for info in infos if info.name not in ("global_in", "global_out"))
    graph.quantization_annotation.extend(kept)
    model.ir_version = IR_VERSION
    return names
