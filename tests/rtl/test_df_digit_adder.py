"""`df_digit_adder.sv`: its LUTs do what `+` does, proved by Yosys; networks of it are simulated as layers."""

from pathlib import Path

import pytest

from fpga_flow.synth.yosys import read_commands, run_script, synthesise
from fpga_flow.target.families import family_named
from tests.rtl.luts import BOX, as_logic
from tests.rtl.modules import HDL

SOURCE = HDL / "df_digit_adder.sv"


def read(width: int, subtract: int, packed: int, name: str) -> list[str]:
    """Return the Yosys commands that read the module as `name`, with the vendor's model of its LUTs."""
    parameters = {"Width": width, "Subtract": subtract, "Packed": packed}
    return as_logic(SOURCE.stem, read_commands(SOURCE.stem, [SOURCE], parameters, BOX), name)


@pytest.mark.parametrize("subtract", [0, 1])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_the_luts_add_as_plus_does(width: int, subtract: int, tmp_path: Path) -> None:
    commands = [
        *read(width, subtract, 1, "packed"),
        *read(width, subtract, 0, "plain"),
        "design -reset",
        "design -copy-from packed packed",
        "design -copy-from plain plain",
        "select -assert-min 1 packed/t:*lut* packed/w:*lut*",
        "miter -equiv -flatten -make_outputs packed plain miter",
        "hierarchy -top miter",
        # The carries are equal from the first digit on, which `more_i` begins.
        "sat -verify -tempinduct -seq 1 -set-at 1 in_more_i 0 -set-at 1 in_enable_i 1 -prove trigger 0 "
        "-maxsteps 5 miter",
    ]
    run_script("\n".join(commands) + "\n", tmp_path, tmp_path / "log.txt")


def test_a_sum_of_one_bit_and_its_carry_take_one_lut(tmp_path: Path) -> None:
    family = family_named("xc7")
    used = synthesise(SOURCE.stem, [SOURCE], tmp_path, family, tmp_path / "log.txt", {"Width": 1})
    assert used.lut <= 2, "the other one is for the end of a number"
    assert used.ff == 1 and used.carry == 0
