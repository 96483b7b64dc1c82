"""`df_channel_mul.sv` against numpy, with constants from a parameter."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fpga_flow.sim.verilate import Sized
from tests.rtl.modules import assert_streams, build_stream_module, integers


@dataclass(frozen=True)
class Case:
    """One configuration."""

    channels: int
    pe: int
    in_bits: int
    const_bits: int
    in_signed: bool = True
    const_signed: bool = True


CASES = [
    Case(8, 2, 6, 4),
    Case(5, 5, 6, 4, in_signed=False),
    Case(6, 3, 3, 7, const_signed=False),
    Case(4, 2, 1, 1, in_signed=False, const_signed=False),
    Case(3, 1, 25, 23),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_channel_is_multiplied_by_its_constant(case: Case, simulators: Path) -> None:
    constants = integers(5, case.const_bits, (case.channels,), signed=case.const_signed)
    out_bits = case.in_bits + case.const_bits + 1
    parameters: dict[str, int | str] = {
        "Channels": case.channels,
        "PE": case.pe,
        "InWidth": case.in_bits,
        "InSigned": int(case.in_signed),
        "ConstWidth": case.const_bits,
        "ConstSigned": int(case.const_signed),
        "OutWidth": out_bits,
        "Init": Sized.of([int(value) % (1 << case.const_bits) for value in constants], case.const_bits),
    }
    simulator = build_stream_module(
        "df_channel_mul", parameters, case.pe * case.in_bits, case.pe * out_bits, simulators
    )
    pixels = integers(6, case.in_bits, (100, case.channels), signed=case.in_signed)
    expected = (pixels * constants).reshape(-1, case.pe)
    result = assert_streams(
        simulator, pixels.reshape(-1, case.pe), case.in_bits, expected, out_bits, signed=True
    )
    assert np.all(np.diff(result.output_cycles["out"].astype(int)) == 1), "one word a cycle"
    assert result.output_cycles["out"][0] - result.input_cycles["in"][0] == 3, "its latency"
