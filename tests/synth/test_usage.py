"""From Yosys' cell counts to what the device has."""

import json
from pathlib import Path

import pytest

from fpga_flow.core.errors import ToolError
from fpga_flow.synth.usage import read_statistics, resources_of
from fpga_flow.target.families import family_named
from fpga_flow.target.resources import Resources, total

XC7 = family_named("xc7").cells


def test_cells_are_weighed_by_what_they_take() -> None:
    usage = resources_of(
        {
            "LUT2": 3, "LUT6": 5, "INV": 1, "FDRE": 7, "FDSE": 1, "RAM32M": 2, "RAM64X1D": 1,
            "SRL16E": 4, "SRLC32E": 2, "RAMB18E1": 1, "RAMB36E1": 2, "DSP48E1": 6, "CARRY4": 9, "MUXF7": 8,
            "$scopeinfo": 3,
        },
        XC7,
    )  # fmt: skip
    assert usage == Resources(lut=3 + 5 + 1 + 8 + 2 + 6, ff=8, bram18=5, dsp=6, lutram=10, srl=6, carry=9)


def test_cells_that_are_not_mapped_are_an_error() -> None:
    with pytest.raises(ToolError, match=r"not mapped to the device: \$mul, my_module$"):
        resources_of({"LUT2": 1, "$mul": 1, "my_module": 2}, XC7)


def test_resources_add_up() -> None:
    assert total([Resources(lut=1, ff=2), Resources(lut=10, dsp=3), Resources()]) == Resources(
        lut=11, ff=2, dsp=3
    )
    assert total([]) == Resources()


def test_statistics_of_the_whole_design_are_read(tmp_path: Path) -> None:
    file = tmp_path / "stat.json"
    module = {"num_cells": 3, "num_cells_by_type": {"FDRE": 2, "LUT1": 1}}
    file.write_text(json.dumps({"creator": "Yosys", "modules": {"\\top": module}, "design": module}))
    assert read_statistics(file) == {"FDRE": 2, "LUT1": 1}


@pytest.mark.parametrize("text", ["", "{}", '{"design": {"num_cells_by_type": 3}}'])
def test_wrong_statistics_name_the_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "stat.json"
    file.write_text(text)
    with pytest.raises(ToolError, match=f"no cell counts in {file}"):
        read_statistics(file)
