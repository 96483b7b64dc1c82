"""`PositionMul_rtl` against numpy, which multiplies by an array of factors."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.layers.one_layer import OneLayer, run


@pytest.mark.parametrize(
    ("datatype", "rows", "columns", "channels", "pe"),
    [
        ("UINT4", [3, 2, 3], [6, 4, 3, 6], 4, 2),
        ("INT5", [1], [2, 1, 2], 3, 3),
        ("INT2", [2, 1], [1], 4, 1),  # one-dimensional
        ("UINT1", [1, 5], [1, 1], 1, 1),
        ("BIPOLAR", [2, 3], [3, 2], 2, 1),
    ],
)
def test_every_position_has_its_factor(
    datatype: str,
    rows: list[int],
    columns: list[int],
    channels: int,
    pe: int,
    simulators: Path,
    tmp_path: Path,
) -> None:
    factors = np.array([[row * column for column in columns] for row in rows])

    def multiplied(values: Any) -> Any:
        return [values[0] * factors[:, :, None]]

    attributes = {"RowFactors": rows, "ColFactors": columns, "NumChannels": channels, "PE": pe}
    attributes["inputDataType"] = datatype
    ran = run(OneLayer("PositionMul_rtl", [datatype], attributes), simulators, tmp_path, python=multiplied)
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()


def test_python_and_the_rtl_are_the_same(simulators: Path, tmp_path: Path) -> None:
    attributes = {"RowFactors": [1, 3], "ColFactors": [2, 1, 2], "NumChannels": 2, "inputDataType": "INT4"}
    run(OneLayer("PositionMul_rtl", ["INT4"], attributes), simulators, tmp_path, stalls=[(0.0, 0.0)])
