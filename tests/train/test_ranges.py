"""Frames of users in the range of the input quantiser."""

from typing import Any

import numpy as np
import pytest

from fpga_flow.data.frames import Frames
from fpga_flow.integer.quantise import carry_out
from fpga_flow.train.layers import InputGrid
from fpga_flow.train.ranges import in_words, into_range

PIXELS = InputGrid(1 / 255, 0, 255)
SAMPLES = InputGrid(1 / 64, -128, 127)


def frames(*values: float) -> Frames:
    x = np.asarray(values, dtype=np.float32)[:, None]
    return Frames(("a",), np.zeros(len(x), np.int64), None, (1,), False, "mine", lambda at: x[at])


@pytest.mark.parametrize(
    ("values", "grid", "steps"),
    [
        ((0, 51, 255), PIXELS, (("div", (255.0,)),)),
        ((0.0, 0.3, 0.9), PIXELS, ()),
        ((0.0, 0.1), PIXELS, (("div", (pytest.approx(0.1),)),)),
        ((-2.0, 6.0), PIXELS, (("sub", (-2.0,)), ("div", (8.0,)))),
        ((-1.0, 1.0), SAMPLES, ()),
        ((-3.0, 2.0), SAMPLES, (("div", (pytest.approx(3 / (127 / 64)),)),)),
        ((-300.0, 10.0), SAMPLES, (("div", (pytest.approx(300 / (127 / 64)),)),)),
        ((0.0, 0.0), SAMPLES, ()),
    ],
)
def test_frames_are_brought_to_where_the_quantiser_is(
    values: tuple[float, ...], grid: InputGrid, steps: Any
) -> None:
    found = into_range(frames(*values), grid)
    assert found == steps
    prepared = carry_out(found, np.asarray(values, np.float32)[:, None]) / grid.scale
    assert grid.low - 1e-3 <= prepared.min() and prepared.max() <= grid.high + 1e-3, "clipped"


def test_bytes_are_their_codes() -> None:
    x = np.arange(256, dtype=np.float32)[:, None]
    codes = np.rint(carry_out(into_range(frames(*x[:, 0]), PIXELS), x) / PIXELS.scale)
    assert np.array_equal(codes, x)


def test_what_is_done_is_said() -> None:
    assert in_words(into_range(frames(0, 255), PIXELS)) == "they are divided by 255"
    assert in_words(into_range(frames(-2, 6), PIXELS)) == "-2 is subtracted and they are divided by 8"
