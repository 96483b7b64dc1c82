"""Writes an `IntegerNetwork` as `network.onnx`: the graph that the hardware stage reads.

Only integer-valued nodes: Conv, MatMul, MultiThreshold, MaxPool, Flatten, Add. Every tensor is
annotated with its qonnx datatype. The input is already quantised; the output is the logits.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model

from fpga_flow.export.operations import (
    Activation,
    AddConstant,
    Flatten,
    IntegerNetwork,
    Matrix,
    MaxPool,
    Operation,
    integer_type,
)
from fpga_flow.export.thresholds import find_thresholds

OPSET = 13
QONNX_DOMAIN = "qonnx.custom_op.general"


class _Builder:
    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, tuple[np.ndarray[Any, Any], str]] = {}

    def constant(self, name: str, values: np.ndarray[Any, Any], datatype: str) -> str:
        self.constants[name] = (np.ascontiguousarray(values, dtype=np.float32), datatype)
        return name

    def node(self, operator: str, operation: Operation, *more: str, **attributes: Any) -> None:
        self.nodes.append(
            helper.make_node(
                operator, [operation.x.name, *more], [operation.y.name], name=operation.name, **attributes
            )
        )


def _matrix(build: _Builder, operation: Matrix) -> None:
    weights = build.constant(f"{operation.name}_weights", operation.weights, operation.weight_type)
    build.node(operation.kind, operation, weights, **operation.attributes)


def _activation(build: _Builder, operation: Activation) -> None:
    thresholds, quantiser = find_thresholds(operation), operation.quantiser
    datatype = integer_type(min(-1, int(thresholds.min())), int(thresholds.max()))
    build.node(
        "MultiThreshold",
        operation,
        build.constant(f"{operation.name}_thresholds", thresholds, datatype),
        domain=QONNX_DOMAIN,
        out_dtype=quantiser.datatype,
        out_scale=float(quantiser.step),
        out_bias=float(quantiser.low),
    )


def _add(build: _Builder, operation: AddConstant) -> None:
    values = operation.values.reshape((1, -1) + (1,) * (len(operation.x.shape) - 2))
    datatype = integer_type(min(-1, int(values.min())), int(values.max()))
    build.node("Add", operation, build.constant(f"{operation.name}_values", values, datatype))


def _max_pool(build: _Builder, operation: MaxPool) -> None:
    build.node("MaxPool", operation, **operation.attributes)


def _flatten(build: _Builder, operation: Flatten) -> None:
    build.node("Flatten", operation, axis=1)


WRITERS: dict[type[Operation], Callable[[_Builder, Any], None]] = {
    Matrix: _matrix,
    Activation: _activation,
    AddConstant: _add,
    MaxPool: _max_pool,
    Flatten: _flatten,
}


def write_network(network: IntegerNetwork) -> ModelWrapper:
    """Return `network` as a qonnx model of static shapes, batch 1."""
    build = _Builder()
    for operation in network.operations:
        WRITERS[type(operation)](build, operation)

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
    return model
