"""What other exporters and other years write, in the operators that are read here.

Each function changes a model in place and leaves its function as it is.
"""

import onnx
from onnx import helper, numpy_helper
from onnx.version_converter import convert_version

from fpga_flow.core.errors import InputError, WrongNodeError
from fpga_flow.export.operators import AGAIN

CHANNELS_LAST = "qonnx.custom_op.channels_last"
"""Domain of qonnx' operators on tensors (N, ..., C), which `ConvertToChannelsLastAndClean` makes."""
OLDEST = 9
"""Opset that older files are brought to: the first whose operators onnx infers all shapes of."""


def drop_static_inputs(model: onnx.ModelProto) -> None:
    """Take the constants out of the inputs, where files of IR version 3 list them too."""
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(inputs)


def set_batch_to_one(model: onnx.ModelProto) -> None:
    """Make the batch of the input 1, also where a Reshape has its size written in."""
    sizes = model.graph.input[0].type.tensor_type.shape.dim
    batch = sizes[0].dim_value
    sizes[0].dim_value = 1
    if batch <= 1:
        return
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    made = {n.output[0]: n for n in model.graph.node if n.op_type == "Constant" and n.attribute}
    for node in model.graph.node:
        if node.op_type != "Reshape" or len(node.input) < 2:
            continue
        name = node.input[1]
        tensor = constants.get(name) or (made[name].attribute[0].t if name in made else None)
        if tensor is None:
            continue
        shape = numpy_helper.to_array(tensor).copy()
        if shape.size and shape[0] == batch:
            shape[0] = 1
            fresh = f"{name}_of_{node.name}"
            model.graph.initializer.append(numpy_helper.from_array(shape, fresh))
            node.input[1] = fresh


def turn_channels_last(model: onnx.ModelProto) -> None:
    """Write operators on channels-last tensors as standard ones between two transposes."""
    nodes: list[onnx.NodeProto] = []
    for node in model.graph.node:
        if node.domain != CHANNELS_LAST:
            nodes.append(node)
            continue
        count = 2 if node.op_type == "Conv" else 1  # its weights are channels last too
        if len(node.input) < count or len(node.output) != 1:
            raise WrongNodeError(
                node.name, f"{node.op_type} must have {count} inputs or more, one output", AGAIN
            )
        axes = 2 + len(_kernel(node, model))
        first, last = [0, axes - 1, *range(1, axes - 1)], [0, *range(2, axes), 1]
        out = node.output[0]
        for index in range(count):
            name = f"{node.input[index]}_first_{node.name}"
            nodes.append(
                helper.make_node(
                    "Transpose", [node.input[index]], [name], f"{node.name}.input_{index}", perm=first
                )
            )
            node.input[index] = name
        node.output[0] = f"{out}_first"
        node.domain = ""
        nodes.append(node)
        nodes.append(helper.make_node("Transpose", [f"{out}_first"], [out], f"{node.name}.output", perm=last))
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _kernel(node: onnx.NodeProto, model: onnx.ModelProto) -> list[int]:
    """Return the sizes of the window of a channels-last operator; of one without a window two."""
    found = next((list(a.ints) for a in node.attribute if a.name == "kernel_shape"), None)
    return [1, 1] if found is None else found


def raise_opset(model: onnx.ModelProto, origin: str) -> None:
    """Bring the standard operators of a file older than opset 9 to that; the others stay.

    Raises `InputError`, which names the file by `origin`, where one of them has changed its meaning since.
    """
    standard = next(o for o in model.opset_import if o.domain == "")
    if standard.version >= OLDEST:
        return
    try:
        model.CopyFrom(convert_version(model, OLDEST))
    except Exception as error:  # onnx raises several kinds, which have no common base
        reason = str(error).strip().partition("\n")[0]
        raise InputError(
            f"{origin}: cannot be brought from opset {standard.version} to {OLDEST}: {reason}; export it "
            f"again with opset {OLDEST} or later"
        ) from error
