"""`FMPadding_Pixel_rtl` against numpy, which writes into zeros."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.layers.one_layer import OneLayer, run


@pytest.mark.parametrize(
    ("size", "factors", "channels", "simd"),
    [((3, 4), (2, 2), 4, 2), ((2, 1), (3, 1), 3, 1), ((1, 5), (1, 2), 2, 2), ((2, 3), (1, 4), 2, 1)],
)
def test_zeros_come_between_positions(
    size: tuple[int, int],
    factors: tuple[int, int],
    channels: int,
    simd: int,
    simulators: Path,
    tmp_path: Path,
) -> None:
    def spread(values: Any) -> Any:
        rows, columns = ((n - 1) * factor + 1 for n, factor in zip(size, factors, strict=True))
        out = np.zeros((1, rows, columns, channels), np.int64)
        out[:, :: factors[0], :: factors[1]] = values[0]
        return [out]

    attributes = {
        "ImgDim": size,
        "Stride": factors,
        "NumChannels": channels,
        "SIMD": simd,
        "inputDataType": "INT5",
    }
    case = OneLayer("FMPadding_Pixel_rtl", ["INT5"], attributes)
    ran = run(case, simulators, tmp_path, python=spread)
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()
    run(case, simulators, tmp_path, stalls=[(0.0, 0.0)])
