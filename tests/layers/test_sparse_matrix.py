"""`SparseMatrixVector_rtl`: FINN's matrix unit over lists of nonzero weights, against its Python."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.session import finn_session
from fpga_flow.layers.sparse_folding import derives
from tests.layers.one_layer import OneLayer, draw, run


def layer(
    act: str,
    weight: str,
    shape: tuple[int, int, int, int, int],
    *,
    zeros: float = 0.7,
    values: Any = None,
    **more: Any,
) -> OneLayer:
    """Return a layer with a matrix of MW x MH, folded by SIMD, PE and Lanes."""
    columns, rows, simd, pe, lanes = shape
    if values is None:
        generator = np.random.default_rng(3)
        values = draw(generator, weight, (columns, rows))
        if weight != "BIPOLAR":
            values[generator.random(values.shape) < zeros] = 0
    attributes = {
        "MW": columns,
        "MH": rows,
        "SIMD": simd,
        "PE": pe,
        "Lanes": lanes,
        "inputDataType": act,
        "weightDataType": weight,
        "outputDataType": "INT32",
        "noActivation": 1,
        "numInputVectors": [1, 2, 3],
        "resType": "lut",
        **derives(values),
        **more,
    }
    return OneLayer("SparseMatrixVector_rtl", [act], attributes, constants=[(values, weight)])


@pytest.mark.parametrize(
    ("act", "weight", "shape"),
    [
        ("UINT4", "INT4", (12, 8, 2, 2, 8)),
        ("INT8", "UINT8", (6, 4, 3, 1, 3)),
        ("BIPOLAR", "INT5", (6, 6, 2, 3, 6)),
        ("INT3", "BIPOLAR", (9, 4, 3, 2, 12)),
        ("BIPOLAR", "BIPOLAR", (7, 3, 7, 3, 21)),
        ("TERNARY", "TERNARY", (6, 2, 1, 1, 1)),
    ],
)
def test_products(
    act: str, weight: str, shape: tuple[int, int, int, int, int], simulators: Path, tmp_path: Path
) -> None:
    ran = run(layer(act, weight, shape), simulators, tmp_path)
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()


def test_layer_whose_weights_are_all_zero(simulators: Path, tmp_path: Path) -> None:
    case = layer("UINT4", "INT4", (6, 8, 2, 2, 4), zeros=1, outputDataType="BINARY")
    ran = run(case, simulators, tmp_path)
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles() == 4 * 6


def test_products_in_dsps_and_lists_in_block_ram(simulators: Path, tmp_path: Path) -> None:
    case = layer("UINT8", "INT8", (12, 8, 2, 2, 8), resType="dsp", ram_style="block")
    ran = run(case, simulators, tmp_path)
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"noActivation": 0}, "thresholds merged into it"),
        ({"outputDataType": "INT4"}, "its results go from .* and its output is INT4"),
        ({"Lanes": 6}, "SIMD=4 PE=2 Lanes=6"),
        ({"SIMD": 5}, "SIMD=5 PE=2"),
    ],
)
def test_wrong_settings_are_refused(more: dict[str, Any], message: str, tmp_path: Path) -> None:
    model = layer("UINT4", "INT4", (12, 6, 4, 2, 8), **more).model()
    node = getCustomOp(model.graph.node[0])
    with finn_session(), pytest.raises(UnsupportedError, match=message):
        node.set_nodeattr("code_gen_dir_ipgen", str(tmp_path))
        node.generate_hdl(model, "xc7z020clg400-1", 10.0)
