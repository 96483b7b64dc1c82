"""`df_label_select.sv` against a stable sort: greatest first, lowest index first on ties."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.rtl.modules import assert_streams, build_stream_module, integers


@dataclass(frozen=True)
class Case:
    """One configuration."""

    labels: int
    pe: int = 1
    k: int = 1
    bits: int = 3
    signed: bool = True

    @property
    def index_bits(self) -> int:
        return max(1, (self.labels - 1).bit_length())


CASES = [
    Case(24, bits=14),
    Case(10, signed=False),
    Case(24, pe=3),
    Case(12, pe=4, k=3),
    Case(7, k=5, bits=2),
    Case(5, pe=5, k=2, bits=4, signed=False),
    Case(6, pe=6),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_indices_of_the_greatest_values_come_in_order(case: Case, simulators: Path) -> None:
    simulator = build_stream_module(
        "df_label_select",
        {
            "Labels": case.labels,
            "PE": case.pe,
            "Width": case.bits,
            "Signed": int(case.signed),
            "K": case.k,
            "IndexWidth": case.index_bits,
        },
        case.pe * case.bits,
        case.index_bits,
        simulators,
    )
    frames = integers(case.labels, case.bits, (120, case.labels), signed=case.signed)
    order = np.argsort(-frames, axis=1, kind="stable")[:, : case.k]
    words = frames.reshape(-1, case.pe)
    result = assert_streams(simulator, words, case.bits, order.reshape(-1, 1), case.index_bits)
    per_frame = max(case.labels // case.pe, case.k)
    assert int(result.input_cycles["in"][-1]) < per_frame * len(frames) + case.k, (
        "no cycle is lost between frames"
    )
