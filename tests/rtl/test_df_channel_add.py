"""`df_channel_add.sv` against numpy, with constants from a parameter and from a file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.rtl.modules import assert_streams, build_stream_module, integers
from tests.words import pack_words


@dataclass(frozen=True)
class Case:
    """One configuration."""

    channels: int
    pe: int
    in_bits: int = 6
    in_signed: bool = True
    const_bits: int = 4
    const_signed: bool = True
    from_file: bool = False

    @property
    def out_bits(self) -> int:
        return max(self.in_bits, self.const_bits) + 2


CASES = [
    Case(8, 2),
    Case(8, 2, from_file=True),
    Case(5, 5, in_signed=False),
    Case(24, 1, in_bits=14, const_bits=9, from_file=True),
    Case(6, 3, in_bits=3, const_bits=7, const_signed=False),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_channel_gets_its_constant(case: Case, simulators: Path, tmp_path: Path) -> None:
    constants = integers(5, case.const_bits, (case.channels,), signed=case.const_signed)
    packed = pack_words(constants.reshape(-1, case.pe), case.const_bits)
    parameters: dict[str, int | str] = {
        "Channels": case.channels,
        "PE": case.pe,
        "InWidth": case.in_bits,
        "InSigned": int(case.in_signed),
        "ConstWidth": case.const_bits,
        "ConstSigned": int(case.const_signed),
        "OutWidth": case.out_bits,
    }
    if case.from_file:
        lines = (f"{int.from_bytes(row.tobytes(), 'little'):x}\n" for row in packed)
        (tmp_path / "constants.dat").write_text("".join(lines))
        parameters["InitFile"] = "./constants.dat"
    else:
        everything = pack_words(constants.reshape(1, -1), case.const_bits)
        parameters["Init"] = int.from_bytes(everything.tobytes(), "little")
    simulator = build_stream_module(
        "df_channel_add", parameters, case.pe * case.in_bits, case.pe * case.out_bits, simulators
    )
    pixels = integers(6, case.in_bits, (100, case.channels), signed=case.in_signed)
    expected = (pixels + constants).reshape(-1, case.pe)
    result = assert_streams(
        simulator,
        pixels.reshape(-1, case.pe),
        case.in_bits,
        expected,
        case.out_bits,
        signed=True,
        folder=tmp_path,
    )
    assert np.all(np.diff(result.output_cycles["out"].astype(int)) == 1), "one word a cycle"
