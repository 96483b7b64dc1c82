"""`df_upsample.sv` against numpy."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.rtl.modules import assert_streams, build_stream_module, integers
from tests.words import pack_words


@dataclass(frozen=True)
class Case:
    """One configuration."""

    rows: int
    columns: int
    words: int
    scale_x: int
    scale_y: int


CASES = [
    Case(3, 4, 2, 2, 2),
    Case(4, 1, 3, 1, 2),
    Case(3, 5, 1, 1, 3),
    Case(2, 3, 4, 3, 1),
    Case(2, 2, 2, 2, 5),
    Case(3, 8, 3, 4, 2),
    Case(2, 2, 1, 1, 1),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_pixels_and_rows_are_repeated_at_full_rate(case: Case, simulators: Path) -> None:
    simulator = build_stream_module(
        "df_upsample",
        {
            "Columns": case.columns,
            "Words": case.words,
            "Width": 7,
            "ScaleX": case.scale_x,
            "ScaleY": case.scale_y,
        },
        7,
        7,
        simulators,
    )
    frames = integers(8, 7, (12, case.rows, case.columns, case.words), signed=False)
    expected = frames.repeat(case.scale_y, axis=1).repeat(case.scale_x, axis=2).reshape(-1, 1)
    result = assert_streams(simulator, frames.reshape(-1, 1), 7, expected, 7)
    assert np.all(np.diff(result.output_cycles["out"].astype(int)) == 1), "one word a cycle"

    # A word that comes in every so many cycles is taken at once: no FIFO is needed for even input.
    every = case.scale_x * case.scale_y
    paced = simulator.run(
        {"in": pack_words(frames.reshape(-1, 1), 7)}, {"out": len(expected)}, pace=(1, every)
    )
    gaps = np.diff(paced.input_cycles["in"].astype(int))
    assert np.all(gaps == every), "even input is never held up"
