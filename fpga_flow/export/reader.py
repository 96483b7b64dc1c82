"""Reads QONNX files: Brevitas' of today, and older ones from outside, brought up to date.

The files are untrusted: nothing is evaluated, no file beside them is opened, sizes are bounded.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import helper, numpy_helper
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import InputError, UnsupportedError, joined
from fpga_flow.export.clean import KINDS, clean
from fpga_flow.export.convert import (
    drop_static_inputs,
    raise_opset,
    set_batch_to_one,
    turn_channels_last,
)
from fpga_flow.export.ending import drop_ending
from fpga_flow.export.names import note_original_names
from fpga_flow.export.operators import QONNX_DOMAIN, check_node
from fpga_flow.export.qcdq import join_linear
from fpga_flow.export.readers import READERS
from fpga_flow.export.refusal import unsupported_operator
from fpga_flow.export.rewrite import count_no_overhang, merge_padding, name_moves
from fpga_flow.integer.output import LeftOut, note_left_out

QONNX_OPERATORS = ("Quant", "IntQuant", "BipolarQuant", "MultiThreshold", "Trunc", "FloatQuant")
OLD_DOMAINS = ("", "onnx.brevitas", "finn.custom_op.general", "finn", QONNX_DOMAIN)
NAME = re.compile(r"[^A-Za-z0-9_.-]")
MAX_NAME = 100
MAX_FILE_BYTES = 512 * 2**20
MAX_TENSOR_ELEMENTS = 2**28
MAX_NODES = 10_000
OPSETS = range(6, 24)
"""Opsets of the default domain that are read."""


def read(path: Path) -> ModelWrapper:
    """Return the network in `path`, cleaned: domains, constants, shapes and names as qonnx has them today.

    Raises `InputError` naming the file where it is missing, broken or not a network of one input and
    one output.
    """
    return bring_up_to_date(load(path), str(path))


def load(path: Path) -> onnx.ModelProto:
    """Load the file itself, without following references to other files."""
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise InputError(f"{path}: must be at most {MAX_FILE_BYTES >> 20} MiB, not {size >> 20} MiB")
        model = onnx.load_model_from_string(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    except DecodeError:
        raise InputError(f"{path}: is no ONNX file (or a damaged one); export the network again") from None
    if not all(isinstance(text, str) for text in _texts(model)):  # protobuf gives bytes that are no UTF-8
        raise InputError(f"{path}: a name in it is no text (the file is damaged); export the network again")
    if not model.graph.node:
        raise InputError(f"{path}: holds no operators; it must be a network in ONNX format")
    return model


def _texts(model: onnx.ModelProto) -> Iterator[str]:
    """Yield every name and every note in `model`."""
    yield from (opset.domain for opset in model.opset_import)
    yield from (function.name for function in model.functions)
    graph = model.graph
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
        yield from (text for entry in node.metadata_props for text in (entry.key, entry.value))
    yield from (tensor.name for tensor in graph.initializer)
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield value.name
    for entry in graph.quantization_annotation:
        yield entry.tensor_name
        yield from (text for pair in entry.quant_parameter_tensor_names for text in (pair.key, pair.value))


def bring_up_to_date(
    model: onnx.ModelProto, origin: str, keep_names: bool = True, layer_name: Callable[[str], str] = str
) -> ModelWrapper:
    """Return `model` cleaned; `origin` names it in messages.

    With `keep_names` it is noted what its tensors were called (see `names`, `output.left_out`).
    `layer_name` makes a node's name of the path of the torch module that it was exported from.
    """
    _check(model, origin)
    drop_static_inputs(model)
    _name_nodes(model, layer_name)
    turn_channels_last(model)
    _update_domains(model)
    for node in model.graph.node:  # before any library sees it
        check_node(node, _opset(model))
    raise_opset(model, origin)
    join_linear(model)
    _fix_input(model, origin)
    names = clean(model, origin)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{origin}: is not a valid network: {reason}") from error
    wrapper = ModelWrapper(model, fix_missing_initializer_valueinfo=False)
    if keep_names:
        note_original_names(wrapper, names)
        note_left_out(wrapper, LeftOut(name=names[wrapper.graph.output[0].name]))
    drop_ending(wrapper)
    merge_padding(wrapper)
    count_no_overhang(wrapper)
    name_moves(wrapper)
    return wrapper


def _check(model: onnx.ModelProto, origin: str) -> None:
    version = _opset(model)
    if version not in OPSETS:
        raise InputError(f"{origin}: opset must be {OPSETS[0]} to {OPSETS[-1]}, not {version}")
    if model.functions:
        raise InputError(
            f"{origin}: holds functions of its own ({model.functions[0].name}); export it inlined"
        )
    if len(model.graph.node) > MAX_NODES:
        raise InputError(f"{origin}: must have at most {MAX_NODES:,} nodes, not {len(model.graph.node):,}")
    if model.graph.sparse_initializer:
        raise InputError(f"{origin}: holds sparse tensors; store them as dense ones")
    for tensor in model.graph.initializer:
        _check_tensor(tensor, origin)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS):
                raise UnsupportedError(
                    node.name or node.op_type,
                    f"{node.op_type} holds a graph of its own",
                    "export without control flow",
                )
            if attribute.type == onnx.AttributeProto.TENSOR:
                _check_tensor(attribute.t, origin)


def _opset(model: onnx.ModelProto) -> int:
    """Return the opset of the standard operators, 0 where none is given."""
    return next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 0)


def _check_tensor(tensor: onnx.TensorProto, origin: str) -> None:
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise InputError(
            f"{origin}: tensor {tensor.name!r} lies in another file; save the network as one file"
        )
    elements = int(np.prod(tensor.dims, dtype=np.float64))
    if any(size < 0 for size in tensor.dims) or elements > MAX_TENSOR_ELEMENTS:
        raise InputError(f"{origin}: tensor {tensor.name!r} has the impossible shape {list(tensor.dims)}")
    try:
        values = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{origin}: tensor {tensor.name!r} is damaged: {error}") from None
    if values.dtype.kind not in KINDS:
        kind = onnx.TensorProto.DataType.Name(tensor.data_type)
        raise InputError(f"{origin}: tensor {tensor.name!r} must hold numbers, not {kind}; use float32")
    if values.dtype.kind == "f" and not np.all(np.isfinite(values)):
        raise InputError(f"{origin}: tensor {tensor.name!r} holds numbers that are not finite")


def _name_nodes(model: onnx.ModelProto, layer_name: Callable[[str], str]) -> None:
    """Give every node a name of its own, of plain characters; drop exporters' notes about their sources."""
    taken: set[str] = set()
    for index, node in enumerate(model.graph.node):
        known = layer_name(_module_path(node)) or node.name.replace("/", ".").strip(".")
        name = NAME.sub("_", known)[:MAX_NAME]
        name = name or f"{node.op_type}_{index}"
        if name in taken:
            name = f"{name}.{node.op_type}"
        while name in taken:
            name = f"{name}_{index}"
        taken.add(name)
        node.name = name
        node.doc_string = ""
        del node.metadata_props[:]
    for part in (model, model.graph, *model.graph.value_info, *model.graph.input, *model.graph.output):
        part.doc_string = ""
        del part.metadata_props[:]
    for tensor in model.graph.initializer:
        tensor.doc_string = ""
        del tensor.metadata_props[:]


def _module_path(node: onnx.NodeProto) -> str:
    """Return the path of the torch module that `node` was exported from, where the exporter noted it."""
    for entry in node.metadata_props:
        if entry.key == "pkg.torch.onnx.name_scopes":
            path, _, proxy = _joined(re.findall(r"'([^']*)'", entry.value)[:-1]).partition(".act_quant")
            # A fused activation: its function first, its quantiser under the module's own name.
            function = f".{node.op_type.lower()}" if "activation_impl" in proxy else ""
            return path.removesuffix(".export_handler") + function
    return ""


def _joined(scopes: Iterable[str]) -> str:
    """Return the path of the last of `scopes`; within some modules they begin at that module."""
    path = start = ""
    for scope in scopes:
        if path and not f"{scope}.".startswith(f"{path}."):
            if not f"{start}.{scope}.".startswith(f"{path}."):
                start = path
            path = f"{start}.{scope}"
        else:
            path = scope
    return path


def name_domains(model: onnx.ModelProto) -> None:
    """Give QONNX' operators the domain that they have today."""
    for node in model.graph.node:
        if node.op_type in QONNX_OPERATORS and node.domain in OLD_DOMAINS:
            node.domain = QONNX_DOMAIN


def _update_domains(model: onnx.ModelProto) -> None:
    name_domains(model)
    wrong: list[UnsupportedError] = []
    for node in model.graph.node:
        if node.op_type in QONNX_OPERATORS and node.domain == QONNX_DOMAIN:
            if node.op_type not in READERS:
                wrong.append(unsupported_operator(node))
        elif node.domain not in ("", "ai.onnx"):
            wrong.append(
                UnsupportedError(
                    node.name,
                    f"operator {node.op_type} of domain {node.domain!r} is unknown",
                    "use standard ONNX operators and QONNX quantisers",
                )
            )
    if wrong:
        raise joined(wrong)
    version = next((o.version for o in model.opset_import if o.domain == QONNX_DOMAIN), 1)
    standard = _opset(model)
    del model.opset_import[:]
    model.opset_import.extend([helper.make_opsetid("", standard), helper.make_opsetid(QONNX_DOMAIN, version)])


def _fix_input(model: onnx.ModelProto, origin: str) -> None:
    """Leave one input, of a fixed shape with batch 1."""
    inputs = model.graph.input
    if len(inputs) != 1:
        raise InputError(f"{origin}: must have one input, not {len(inputs)} ({_names(inputs)})")
    sizes = inputs[0].type.tensor_type.shape.dim
    if len(sizes) < 2:
        raise InputError(
            f"{origin}: the input must have a batch axis and at least one more, not {len(sizes)} axes"
        )
    if inputs[0].type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
        raise InputError(f"{origin}: the input must be float32")
    set_batch_to_one(model)
    shape = [size.dim_value for size in sizes]
    if any(size < 1 for size in shape):
        raise InputError(f"{origin}: the input's shape must be fixed but for the batch, not {shape}")
    if int(np.prod(shape, dtype=np.float64)) > MAX_TENSOR_ELEMENTS:
        raise InputError(f"{origin}: the input's shape {shape} is too large")


def _names(values: Iterable[onnx.ValueInfoProto]) -> str:
    return ", ".join(value.name for value in values) or "none"
