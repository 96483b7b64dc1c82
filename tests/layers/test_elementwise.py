"""`IntegerAdd_rtl` and `IntegerMul_rtl` against FINN's Python."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.session import finn_session
from tests.layers.one_layer import OneLayer, run


def layer(
    op: str, left: str, right: str, shape: Sequence[int], pe: int, constant: Any = None, **more: Any
) -> OneLayer:
    """Return an elementwise layer of two streams, or of a stream and `constant`."""
    attributes = {
        "lhs_dtype": left,
        "rhs_dtype": right,
        "out_dtype": "INT32",
        "lhs_shape": list(shape),
        "rhs_shape": list(shape) if constant is None else list(np.shape(constant)),
        "out_shape": list(shape),
        "lhs_style": "input",
        "rhs_style": "input" if constant is None else "const",
        "PE": pe,
        "inFIFODepths": [2, 2],
    }
    streams = [left, right] if constant is None else [left]
    constants = [] if constant is None else [(constant, right)]
    return OneLayer(op, streams, {**attributes, **more}, constants)


@pytest.mark.parametrize(
    ("left", "right", "out"),
    [
        ("INT4", "UINT4", "INT6"),  # FINN says INT5, which 7 + 15 does not fit
        ("UINT4", "INT4", "INT6"),
        ("UINT3", "UINT8", "UINT9"),
        ("INT12", "INT3", "INT13"),
        ("BIPOLAR", "BIPOLAR", "INT3"),
        ("BIPOLAR", "UINT2", "INT4"),
    ],
)
def test_sum_of_two_streams(left: str, right: str, out: str, simulators: Path, tmp_path: Path) -> None:
    ran = run(layer("IntegerAdd_rtl", left, right, (1, 3, 4, 6), 3), simulators, tmp_path)
    assert ran.layer.get_output_datatype().name == out
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()


@pytest.mark.parametrize(
    ("left", "right", "out"),
    [
        ("INT4", "UINT4", "INT8"),
        ("UINT3", "UINT8", "UINT11"),
        ("INT8", "INT8", "INT16"),
        ("BIPOLAR", "BIPOLAR", "INT2"),
        ("UINT1", "INT12", "INT12"),
        ("INT16", "UINT16", "INT32"),
    ],
)
def test_product_of_two_streams(left: str, right: str, out: str, simulators: Path, tmp_path: Path) -> None:
    def exact(values: Any) -> Any:  # FINN's float32 cannot hold the longest products
        return [values[0].astype(np.int64) * values[1].astype(np.int64)]

    case = layer("IntegerMul_rtl", left, right, (1, 3, 4, 6), 3, out_dtype=out)
    ran = run(case, simulators, tmp_path, python=exact)
    assert ran.layer.get_output_datatype().name == out
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()


@pytest.mark.parametrize(
    ("left", "right", "constant", "pe"),
    [
        ("INT9", "INT8", [-128, 0, 3, 127, -1, 5], 2),
        ("UINT4", "INT8", [-5], 3),
        ("UINT4", "UINT8", [200, 1, 0, 7, 8, 9], 6),
        ("INT3", "INT2", [-1, 0, -1, -1, 0, 0], 1),
        ("BIPOLAR", "INT4", [3, -3, 1, -1, 0, 2], 2),
        ("INT24", "INT24", [-(1 << 23), 1 << 22, 3, -4, 5, 6], 1),
    ],
)
@pytest.mark.parametrize("op", ["IntegerAdd_rtl", "IntegerMul_rtl"])
def test_sum_and_product_with_constants(
    op: str, left: str, right: str, constant: list[int], pe: int, simulators: Path, tmp_path: Path
) -> None:
    operator = np.add if op == "IntegerAdd_rtl" else np.multiply

    def exact(values: Any) -> Any:  # FINN's float32 cannot hold the longest products
        return [operator(values[0], np.array(constant))]

    ran = run(
        layer(op, left, right, (1, 2, 3, 6), pe, np.array(constant)), simulators, tmp_path, python=exact
    )
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (layer("IntegerAdd_rtl", "INT4", "INT4", (1, 6), 2, rhs_shape=[1, 1]), "streams of one shape"),
        (layer("IntegerAdd_rtl", "INT4", "FLOAT32", (1, 6), 2, [0.5]), "a stream of FLOAT32 has no RTL"),
        (layer("IntegerAdd_rtl", "INT4", "INT4", (1, 2, 2, 6), 2, np.ones((2, 1))), "one per channel"),
        (layer("IntegerAdd_rtl", "INT4", "INT4", (1, 6), 2, lhs_style="const"), "make it the second one"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_has_no_rtl_is_named(case: OneLayer, message: str, tmp_path: Path) -> None:
    from qonnx.custom_op.registry import getCustomOp

    model = case.model()
    node = getCustomOp(model.graph.node[0])
    with finn_session(), pytest.raises(UnsupportedError, match=message):
        node.set_nodeattr("code_gen_dir_ipgen", str(tmp_path))
        node.generate_hdl(model, "xc7z020clg400-1", 10.0)
