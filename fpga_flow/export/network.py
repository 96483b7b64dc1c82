"""Writes an `IntegerNetwork` as `network.onnx`: the graph that the hardware stage reads.

Only operators on integers (see `standard`), and MultiThreshold for activations. Every tensor is
annotated with its qonnx datatype. The input is already quantised; the output is the logits.
"""

from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model

from fpga_flow.export.chain import Integers
from fpga_flow.export.operations import Activation, IntegerNetwork, Operation
from fpga_flow.export.standard import NO_INPUT, STANDARD
from fpga_flow.export.tensors import integer_type
from fpga_flow.export.thresholds import find_thresholds
from fpga_flow.integer.output import note_left_out

OPSET = 13
QONNX_DOMAIN = "qonnx.custom_op.general"


class _Builder:
    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, tuple[np.ndarray[Any, Any], str]] = {}

    def constant(self, operation: Operation, name: str, values: np.ndarray[Any, Any], datatype: str) -> str:
        name = f"{operation.name}_{name}"
        self.constants[name] = (np.ascontiguousarray(values), datatype)
        return name

    def node(self, operator: str, operation: Operation, *more: str, **attributes: Any) -> None:
        inputs, outputs = [x.name for x in operation.xs], [y.name for y in operation.ys]
        self.nodes.append(
            helper.make_node(operator, [*inputs, *more], outputs, name=operation.name, **attributes)
        )


def _activation(build: _Builder, operation: Activation) -> None:
    quantiser = operation.quantiser
    thresholds, low = filled_up(operation, find_thresholds(operation))
    datatype = integer_type(min(-1, int(thresholds.min())), int(thresholds.max()))
    build.node(
        "MultiThreshold",
        operation,
        build.constant(operation, "thresholds", thresholds.astype(np.float32), datatype),
        domain=QONNX_DOMAIN,
        out_dtype=quantiser.datatype,
        out_scale=float(quantiser.step),
        out_bias=float(low),
    )


def filled_up(operation: Activation, thresholds: Integers) -> tuple[Integers, int]:
    """Return `thresholds` (channels, levels) and more of them, and the value in front of the first one.

    FINN deals them out to files by the bits of the output's type; its RTL reads as many files as the count
    has bits. So where the outputs are few numbers of a wide type, some are added: in front those that every
    integer reaches, behind those that none does.
    """
    quantiser, x = operation.quantiser, operation.x
    datatype = DataType[quantiser.datatype]
    missing = 2 ** (int(datatype.bitwidth()) - 1) - quantiser.levels
    if quantiser.datatype == "BIPOLAR" or missing <= 0:
        return thresholds, quantiser.low
    front = min(missing, quantiser.low - int(datatype.min()))
    columns = [np.tile(x.low[:, None], front), thresholds, np.tile(x.high[:, None] + 1, missing - front)]
    return np.concatenate(columns, axis=1), quantiser.low - front


def _standard(build: _Builder, operation: Operation) -> None:
    node = STANDARD[type(operation)](operation)
    names = [build.constant(operation, p.name, p.values, p.datatype) for p in node.parameters]
    build.node(node.operator, operation, *[NO_INPUT] * node.omitted, *names, **node.attributes)


def write_network(network: IntegerNetwork) -> ModelWrapper:
    """Return `network` as a qonnx model of static shapes, batch 1."""
    build = _Builder()
    for operation in network.operations:
        if isinstance(operation, Activation):
            _activation(build, operation)
        else:
            _standard(build, operation)

    def info(name: str, shape: tuple[int, ...]) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        build.nodes,
        "network",
        [info(network.input.name, network.input.shape)],
        [info(network.output.name, network.output.shape)],
        value_info=[info(t.name, t.shape) for t in network.tensors()[1:] if t is not network.output],
    )
    model = ModelWrapper(
        qonnx_make_model(
            graph,
            producer_name="fpga_flow",
            ir_version=8,
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(QONNX_DOMAIN, 1)],
        )
    )
    for name, (values, datatype) in build.constants.items():
        model.set_initializer(name, values)
        model.set_tensor_datatype(name, DataType[datatype])
    for tensor in network.tensors():
        model.set_tensor_datatype(tensor.name, DataType[tensor.datatype])
    note_left_out(model, network.left_out._replace(steps=(), name=""))
    return model
