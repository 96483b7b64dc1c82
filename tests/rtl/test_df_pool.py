"""`df_pool.sv` against numpy."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.rtl.modules import Integers, assert_streams, build_stream_module, integers


@dataclass(frozen=True)
class Case:
    """One configuration."""

    window: int
    pe: int
    bits: int
    signed: bool = False
    function: str = "max"
    shift: int = 0

    @property
    def out_bits(self) -> int:
        grown = self.bits + (self.window - 1).bit_length() - self.shift
        return max(1, grown) if self.function == "sum" else self.bits

    def expected(self, values: Integers) -> Integers:
        """Return the pooled words of `values` (words, PE)."""
        windows = values.reshape(-1, self.window, self.pe)
        pooled: Integers = windows.max(axis=1)
        if self.function == "sum":
            pooled = windows.sum(axis=1) >> self.shift
        return pooled


CASES = [
    Case(2, 1, 4),
    Case(2, 16, 4, signed=True),
    Case(1, 3, 5),
    Case(9, 2, 8, signed=True),
    Case(3, 2, 1),
    Case(4, 3, 6, function="sum", shift=2),
    Case(5, 2, 4, signed=True, function="sum"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_pool_takes_one_word_a_cycle_and_gives_what_numpy_gives(case: Case, simulators: Path) -> None:
    simulator = build_stream_module(
        "df_pool",
        {
            "Window": case.window,
            "PE": case.pe,
            "Width": case.bits,
            "Signed": int(case.signed),
            "Function": case.function,
            "Shift": case.shift,
            "OutWidth": case.out_bits,
        },
        case.pe * case.bits,
        case.pe * case.out_bits,
        simulators,
    )
    values = integers(case.window, case.bits, (case.window * 150, case.pe), signed=case.signed)
    expected = case.expected(values)
    result = assert_streams(simulator, values, case.bits, expected, case.out_bits, signed=case.signed)
    assert np.all(np.diff(result.input_cycles["in"].astype(int)) == 1), "one word a cycle"
