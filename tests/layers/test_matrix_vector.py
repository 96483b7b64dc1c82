"""`MatrixVector_rtl`: FINN's matrix unit where FINN has HLS only, against its Python."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.session import finn_session
from tests.layers.one_layer import OneLayer, draw, run


def layer(
    act: str, weight: str, shape: tuple[int, int, int, int], *, values: Any = None, **more: Any
) -> OneLayer:
    """Return a layer with a matrix of MW x MH, folded by SIMD and PE."""
    columns, rows, simd, pe = shape
    if values is None:
        values = draw(np.random.default_rng(3), weight, (columns, rows))
    attributes = {
        "MW": columns,
        "MH": rows,
        "SIMD": simd,
        "PE": pe,
        "inputDataType": act,
        "weightDataType": weight,
        "outputDataType": "INT32",
        "noActivation": 1,
        "numInputVectors": [1, 2, 3],
        **more,
    }
    return OneLayer("MatrixVector_rtl", [act], attributes, constants=[(values, weight)])


@pytest.mark.parametrize(
    ("act", "weight", "shape"),
    [
        ("UINT4", "INT4", (12, 6, 4, 2)),
        ("INT8", "UINT8", (6, 4, 3, 4)),
        ("UINT9", "INT12", (6, 4, 3, 2)),
        ("INT10", "UINT11", (4, 4, 2, 2)),
        ("UINT1", "INT2", (10, 4, 5, 1)),
        ("BINARY", "UINT3", (8, 3, 8, 3)),
        ("BIPOLAR", "INT5", (6, 6, 2, 3)),
        ("INT3", "BIPOLAR", (9, 4, 3, 2)),
        ("TERNARY", "TERNARY", (6, 2, 6, 1)),
        ("BIPOLAR", "BIPOLAR", (20, 6, 10, 2)),
        ("BIPOLAR", "BIPOLAR", (7, 3, 7, 3)),
    ],
)
def test_products(
    act: str, weight: str, shape: tuple[int, int, int, int], simulators: Path, tmp_path: Path
) -> None:
    ran = run(layer(act, weight, shape), simulators, tmp_path)
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()


def test_counts_of_equal_bits(simulators: Path, tmp_path: Path) -> None:
    case = layer("BINARY", "BINARY", (12, 4, 6, 2), binaryXnorMode=1)
    ran = run(case, simulators, tmp_path)
    assert ran.layer.get_output_datatype().min() <= 0


def test_weights_that_finn_takes_for_bipolar(simulators: Path, tmp_path: Path) -> None:
    values = -draw(np.random.default_rng(3), "UINT1", (8, 4))
    ran = run(layer("UINT2", "INT2", (8, 4, 4, 2), values=values), simulators, tmp_path)
    assert ran.layer.get_nodeattr("weightDataType") == "BIPOLAR", "FINN has mended it: this test can go"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"noActivation": 0}, "thresholds merged into it"),
        ({"outputDataType": "INT4"}, "its results go from .* and its output is INT4"),
        ({"runtime_writeable_weights": 1}, "runtime_writeable_weights"),
        ({"SIMD": 5}, "SIMD=5 PE=2"),
    ],
)
def test_wrong_settings_are_refused(more: dict[str, Any], message: str, tmp_path: Path) -> None:
    model = layer("UINT4", "INT4", (12, 6, 4, 2), **more).model()
    node = getCustomOp(model.graph.node[0])
    with finn_session(), pytest.raises(UnsupportedError, match=message):
        node.set_nodeattr("code_gen_dir_ipgen", str(tmp_path))
        node.generate_hdl(model, "xc7z020clg400-1", 10.0)
