"""`GlobalAccPool_rtl` and `GlobalMaxPool_rtl` against their Python."""

from pathlib import Path

import numpy as np
import pytest

from tests.layers.one_layer import OneLayer, run


@pytest.mark.parametrize(
    ("datatype", "size", "channels", "pe", "out"),
    [
        ("UINT4", (3, 5), 6, 2, "UINT8"),
        ("INT4", (4, 4), 6, 6, "INT8"),
        ("INT8", (7, 1), 8, 1, "INT11"),
        ("TERNARY", (2, 2), 4, 2, "INT4"),  # FINN says INT3, which 4 does not fit
        ("BIPOLAR", (2, 2), 4, 2, "INT4"),
        ("UINT8", (1, 1), 4, 2, "UINT8"),
    ],
)
def test_global_sum(
    datatype: str, size: tuple[int, int], channels: int, pe: int, out: str, simulators: Path, tmp_path: Path
) -> None:
    case = OneLayer(
        "GlobalAccPool_rtl",
        [datatype],
        {"NumChannels": channels, "PE": pe, "inputDataType": datatype, "numInputVectors": [1, *size]},
    )
    ran = run(case, simulators, tmp_path)
    assert ran.layer.get_output_datatype().name == out
    assert ran.cycles_per_frame == np.prod(size) * channels // pe < ran.layer.get_exp_cycles()


@pytest.mark.parametrize(
    ("datatype", "size", "channels", "pe"),
    [
        ("UINT4", (3, 5), 6, 2),
        ("INT6", (6, 1), 6, 6),
        ("INT8", (1, 7), 8, 1),
        ("BIPOLAR", (1, 2), 4, 2),
    ],
)
def test_global_maximum(
    datatype: str, size: tuple[int, int], channels: int, pe: int, simulators: Path, tmp_path: Path
) -> None:
    case = OneLayer(
        "GlobalMaxPool_rtl",
        [datatype],
        {"NumChannels": channels, "PE": pe, "inputDataType": datatype, "numInputVectors": [1, *size]},
    )
    ran = run(case, simulators, tmp_path)
    assert ran.layer.get_output_datatype().name == datatype
    assert ran.cycles_per_frame == np.prod(size) * channels // pe < ran.layer.get_exp_cycles()
