"""`df_clip.sv` against numpy, and what a lane takes."""

from pathlib import Path

import numpy as np
import pytest

from fpga_flow.sim.verilate import Sized
from fpga_flow.synth.yosys import synthesise
from fpga_flow.target.families import family_named
from tests.rtl.modules import HDL, Parameters, assert_streams, build_stream_module, integers

SOURCE = HDL / "df_clip.sv"
CASES = [
    (3, 12, True, 4, 4),
    (3, 12, True, 7, 4),
    (2, 8, False, 0, 6),
    (2, 6, True, 0, 8),
    (1, 5, False, 7, 3),
    (4, 1, False, 0, 1),
]
"""Lanes, bits, sign, bits that are dropped, bits that are left."""


def offsets_of(lanes: int, width: int, signed: bool) -> list[int]:
    """Return what is subtracted: the least and the greatest that the parameter holds among them."""
    least = -(1 << width)
    found = np.random.default_rng(width).integers(least, -least, lanes)
    found[: min(2, lanes)] = [least, -least - 1][:lanes]
    return [int(offset) for offset in found]


@pytest.mark.parametrize("case", CASES)
def test_a_constant_is_subtracted_and_the_rest_shifted_and_clipped(
    case: tuple[int, int, bool, int, int], simulators: Path
) -> None:
    lanes, width, signed, shift, bits = case
    for drawn in (offsets_of(lanes, width, signed), [k - lanes // 2 for k in range(lanes)]):
        parameters: Parameters = {
            "Lanes": lanes,
            "Width": width,
            "Signed": int(signed),
            "Shift": shift,
            "OutWidth": bits,
            "Offsets": Sized.of([offset % (2 << width) for offset in drawn], width + 1),
        }
        simulator = build_stream_module(SOURCE.stem, parameters, lanes * width, lanes * bits, simulators)
        values = integers(1, width, (300, lanes), signed=signed)
        expected = np.clip((values - np.array(drawn)) >> shift, 0, (1 << bits) - 1)
        result = assert_streams(simulator, values, width, expected, bits)
        cycles = result.output_cycles["out"].astype(int) - result.input_cycles["in"].astype(int)
        assert np.all(cycles == 1)


def test_without_a_constant_a_lane_is_a_few_luts(tmp_path: Path) -> None:
    parameters = {"Lanes": 4, "Width": 12, "Signed": 1, "Shift": 4, "OutWidth": 4}
    used = synthesise(SOURCE.stem, [SOURCE], tmp_path, family_named("xc7"), tmp_path / "log.txt", parameters)
    assert used.lut <= 6 * 4 + 2 and used.ff == 4 * 4 + 1
