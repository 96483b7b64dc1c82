"""The same integer network with fewer bits, as large as one would be that was trained so.

Weights and activations of more bits are cut: what a weight or a threshold is then has nothing to do with
what it would be after training, but there are as many of them, as large and as sparse.
"""

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.util.basic import get_by_name

from fpga_flow.export.tensors import integer_type

WEIGHTED = ("Conv", "MatMul")
SUMS_BITS = 32
"""Of a sum until lowering has found how many it needs."""


def most_bits(network: ModelWrapper) -> int:
    """Return the most bits that weights or activations of `network`, as `network.onnx` has it, have."""
    found = [1]
    for node in network.graph.node:
        if node.op_type in WEIGHTED:
            found.append(int(network.get_tensor_datatype(node.input[1]).bitwidth()))
        elif node.op_type == "MultiThreshold":
            found.append(int(DataType[getCustomOp(node).get_nodeattr("out_dtype")].bitwidth()))
    return max(found)


def narrowed(network: ModelWrapper, bits: int) -> ModelWrapper:
    """Return a copy of `network` none of whose weights and activations has more than `bits` bits."""
    model = ModelWrapper(network.model, make_deepcopy=True)
    scales: dict[str, float] = {}
    for node in model.graph.node:
        scale = max((scales[name] for name in node.input if name in scales), default=1.0)
        if node.op_type == "MultiThreshold":
            scale = _cut_activation(model, node, bits, scale)
        else:
            if node.op_type in WEIGHTED:
                scale *= _cut_weights(model, node.input[1], bits)
            _follow(model, node, scale)
        scales.update(dict.fromkeys(node.output, scale))
    return model


def _cut_weights(model: ModelWrapper, name: str, bits: int) -> float:
    """Cut the weights called `name`; return what a new one is of an old one."""
    before = int(model.get_tensor_datatype(name).bitwidth())
    if before <= bits:
        return 1.0
    top = 2 ** (bits - 1) - 1
    values: NDArray[np.float32] = model.get_initializer(name)
    scale = top / max(1.0, float(np.abs(values).max())) if top else 1.0
    least = np.sign(values)  # what is not pruned stays so
    cut = np.where(np.abs(values * scale) < 1, least, np.round(values * scale)).clip(
        -max(top, 1), max(top, 1)
    )
    model.set_initializer(name, cut.astype(np.float32))
    model.set_tensor_datatype(name, DataType[f"INT{max(bits, 2)}"])
    return scale


def _cut_activation(model: ModelWrapper, node: NodeProto, bits: int, scale: float) -> float:
    """Cut the thresholds of `node`, whose input is `scale` of what it was; return the scale behind it."""
    layer, name = getCustomOp(node), node.input[1]
    before = DataType[layer.get_nodeattr("out_dtype")]
    thresholds = np.round(model.get_initializer(name) * scale)
    behind = 1.0
    if before.bitwidth() > bits:
        step = 2 ** int(before.bitwidth() - bits)
        thresholds, behind = thresholds[:, step - 1 :: step], 1 / step
        after = DataType[f"{'INT' if before.signed() else 'UINT'}{bits}"]
        thresholds = thresholds[:, : after.get_num_possible_values() - 1]
        layer.set_nodeattr("out_dtype", after.name)
        bias = get_by_name(node.attribute, "out_bias")
        if bias is not None:
            layer.set_nodeattr("out_bias", float(after.min()))
        model.set_tensor_datatype(node.output[0], after)
    model.set_initializer(name, thresholds.astype(np.float32))
    datatype = integer_type(min(-1, int(thresholds.min())), int(thresholds.max()))
    model.set_tensor_datatype(name, DataType[datatype])
    return behind


def _follow(model: ModelWrapper, node: NodeProto, scale: float) -> None:
    """Scale what `node` adds, and annotate its outputs: as what is passed on, or as sums of many bits."""
    streams = [name for name in node.input if name and model.get_initializer(name) is None]
    datatype = DataType[f"INT{SUMS_BITS}"]
    if node.op_type in PASSING:
        datatype = max(map(model.get_tensor_datatype, streams), key=lambda one: int(one.bitwidth()))
    for name in node.input:
        added = model.get_initializer(name) if node.op_type == "Add" else None
        if added is not None:
            model.set_initializer(name, np.round(added * scale).astype(np.float32))
    for name in node.output:
        model.set_tensor_datatype(name, datatype)


PASSING = ("MaxPool", "GlobalMaxPool", "Flatten", "Reshape", "Resize", "Split", "Concat")
"""Operators whose outputs are among their inputs."""
