"""Datatypes of our layers in a whole network: what FINN's own are too small for."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import qonnx_make_model

from fpga_flow.finn.session import finn_session
from fpga_flow.hardware import lower
from tests.layers.one_layer import PART

STEPS = [5, 18, 21]
TYPES = {"x": "UINT4", "signed": "INT4", "sum": "INT6", "y": "UINT2", "flat": "UINT2", "logits": "INT8"}
SHAPE = (1, 2, 3, 1)


def network(*terms: str) -> ModelWrapper:
    """Return x (UINT4), x - 8 (INT4), the sum of both, an activation, and a dense layer."""

    def info(name: str, shape: tuple[int, ...]) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    def steps(source: str, values: str, target: str, bias: float) -> Any:
        return helper.make_node(
            "MultiThreshold",
            [source, values],
            [target],
            domain="qonnx.custom_op.general",
            name=f"to_{target}",
            out_dtype=TYPES[target],
            out_bias=bias,
        )

    nodes = [
        steps("x", "steps_0", "signed", -8.0),
        helper.make_node("Add", list(terms), ["sum"], name="add"),
        steps("sum", "steps_1", "y", 0.0),
        helper.make_node("Flatten", ["y"], ["flat"], name="flatten"),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"], name="dense"),
    ]
    inner = [info(name, SHAPE) for name in ("signed", "sum", "y")]
    graph = helper.make_graph(
        nodes, "net", [info("x", SHAPE)], [info("logits", (1, 3))], value_info=[*inner, info("flat", (1, 6))]
    )
    model = ModelWrapper(qonnx_make_model(graph))
    for name, values, datatype in (
        ("steps_0", np.arange(1, 16).reshape(1, -1), "UINT4"),
        ("steps_1", np.array([STEPS]), "INT6"),
        ("weights", np.arange(-9, 9).reshape(6, 3) % 7 - 3, "INT3"),
    ):
        model.set_initializer(name, values.astype(np.float32))
        model.set_tensor_datatype(name, DataType[datatype])
    for name, datatype in TYPES.items():
        model.set_tensor_datatype(name, DataType[datatype])
    return model


@pytest.mark.parametrize("terms", [("signed", "x"), ("x", "signed")], ids=["INT4 + UINT4", "UINT4 + INT4"])
def test_steps_behind_a_sum_of_mixed_signs_are_not_clipped(terms: tuple[str, str]) -> None:
    with finn_session():
        model = lower.lower(network(*terms), PART, 0)
    activation = model.get_nodes_by_op_type("Thresholding_rtl")[-1]
    assert model.get_tensor_datatype(activation.input[0]).name == "INT6"
    assert set(model.get_initializer(activation.input[1]).ravel()) == set(STEPS)
