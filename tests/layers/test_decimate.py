"""`Decimate_rtl` against numpy, which takes rows and columns by their index."""

from pathlib import Path

import pytest

from tests.layers.one_layer import OneLayer, run


@pytest.mark.parametrize(
    ("size", "keep", "stride", "windows", "channels", "simd"),
    [
        ((7, 5), (1, 2), (3, 3), (3, 2), 4, 2),
        ((9, 1), (1, 1), (2, 1), (5, 1), 3, 1),  # one-dimensional
        ((6, 6), (6, 1), (6, 2), (1, 3), 2, 2),  # columns only
        ((5, 7), (1, 1), (5, 7), (1, 1), 2, 1),  # one position of all
        ((8, 4), (2, 4), (4, 4), (2, 1), 6, 3),
    ],
)
def test_what_windows_read_passes_and_nothing_else(
    size: tuple[int, int],
    keep: tuple[int, int],
    stride: tuple[int, int],
    windows: tuple[int, int],
    channels: int,
    simd: int,
    simulators: Path,
    tmp_path: Path,
) -> None:
    attributes = {
        "ImgDim": size,
        "Keep": keep,
        "Stride": stride,
        "Windows": windows,
        "NumChannels": channels,
        "SIMD": simd,
        "inputDataType": "INT4",
    }
    ran = run(OneLayer("Decimate_rtl", ["INT4"], attributes), simulators, tmp_path)
    assert ran.cycles_per_frame == ran.layer.get_exp_cycles()
