"""`df_block_pool.sv` against numpy."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.rtl.modules import assert_streams, build_stream_module, integers
from tests.words import pack_words


@dataclass(frozen=True)
class Case:
    """One configuration."""

    cols: int
    channels: int
    pe: int
    bits: int
    signed: bool = False
    function: str = "sum"
    rows: int = 1
    blocks: int = 1

    @property
    def out_bits(self) -> int:
        return self.bits + ((self.rows * self.cols - 1).bit_length() if self.function == "sum" else 0)


CASES = [
    Case(9, 6, 2, 4),
    Case(9, 6, 3, 4, signed=True),
    Case(5, 4, 4, 8, signed=True),
    Case(1, 4, 2, 3),
    Case(9, 6, 2, 4, function="max"),
    Case(4, 3, 1, 1, signed=True, function="max"),
    Case(3, 1, 1, 7, signed=True, function="max"),
    Case(2, 6, 2, 4, blocks=5, function="max"),
    Case(2, 6, 6, 4, blocks=5, function="max"),
    Case(2, 6, 2, 4, rows=2, blocks=3, function="max"),
    Case(3, 4, 4, 5, rows=2, blocks=3, signed=True),
    Case(2, 4, 4, 5, rows=3, blocks=1, signed=True, function="max"),
    Case(1, 4, 2, 5, rows=3, blocks=2),
    Case(1, 2, 2, 5, rows=2, blocks=4, function="max"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_block_becomes_one_position_and_loses_no_cycle(case: Case, simulators: Path) -> None:
    simulator = build_stream_module(
        "df_block_pool",
        {
            "Rows": case.rows,
            "Cols": case.cols,
            "Blocks": case.blocks,
            "Channels": case.channels,
            "PE": case.pe,
            "Width": case.bits,
            "Signed": int(case.signed),
            "Function": case.function,
            "OutWidth": case.out_bits,
        },
        case.pe * case.bits,
        case.pe * case.out_bits,
        simulators,
    )
    shape = 40, case.rows, case.blocks, case.cols, case.channels
    frames = integers(3, case.bits, shape, signed=case.signed)
    pooled = frames.sum(axis=(1, 3)) if case.function == "sum" else frames.max(axis=(1, 3))
    values, expected = frames.reshape(-1, case.pe), pooled.reshape(-1, case.pe)
    result = assert_streams(simulator, values, case.bits, expected, case.out_bits, signed=case.signed)
    assert np.all(np.diff(result.input_cycles["in"].astype(int)) == 1), "one word a cycle"

    blocked = simulator.run(
        {"in": pack_words(values, case.bits)}, {"out": len(expected)}, stall_out=0.95, pause_out=30
    )
    words = case.channels // case.pe
    waits = np.diff(blocked.input_cycles["in"].astype(int), prepend=-1) > 1
    position = np.arange(len(values)) // words
    last = (position % case.cols == case.cols - 1) & (
        position // (case.cols * case.blocks) % case.rows == case.rows - 1
    )
    assert not np.any(waits[1:] & ~last[1:]), "only a block's last words wait for a result that is stuck"
