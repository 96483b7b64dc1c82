"""`df_constant_thresholds.sv` against numpy, and its LUTs against comparisons, proved by Yosys."""

from pathlib import Path

import numpy as np
import pytest

from fpga_flow.sim.verilate import Sized, parameter_options
from fpga_flow.synth.usage import read_statistics, resources_of
from fpga_flow.synth.yosys import make_script, run_script
from fpga_flow.target.families import family_named
from tests.rtl.luts import BOX, as_logic
from tests.rtl.modules import HDL, Integers, Parameters, assert_streams, build_stream_module, integers

SOURCE = HDL / "df_constant_thresholds.sv"
CASES = [
    (3, 12, True, 15),
    (2, 6, False, 15),
    (4, 7, True, 1),
    (2, 9, True, 10),
    (1, 8, False, 31),
    (2, 1, False, 2),
]
"""Lanes, bits, sign, thresholds."""


def thresholds_of(lanes: int, width: int, steps: int) -> Integers:
    """Return ascending thresholds (lanes, steps) less the least value, some always and some never reached."""
    found = np.random.default_rng(steps).integers(0, 1 << width, (lanes, steps), endpoint=True)
    found[:, -1] = 1 << width
    found[0, 0] = 0
    return np.sort(found, axis=1)


def parameters_of(
    thresholds: Integers, width: int, signed: bool, per_stage: int, bias: int = 0
) -> Parameters:
    lanes, steps = thresholds.shape
    return {
        "Lanes": lanes,
        "Width": width,
        "Signed": int(signed),
        "Steps": steps,
        "PerStage": per_stage,
        "Bias": bias,
        "OutWidth": steps.bit_length(),
        "Thresholds": Sized.of(thresholds.ravel().tolist(), width + 1),
    }


@pytest.mark.parametrize("per_stage", [1, 2, 3])
@pytest.mark.parametrize("case", CASES)
def test_counts_the_thresholds_that_a_value_reaches(
    case: tuple[int, int, bool, int], per_stage: int, simulators: Path
) -> None:
    lanes, width, signed, steps = case
    thresholds = thresholds_of(lanes, width, steps)
    bits = steps.bit_length()
    simulator = build_stream_module(
        SOURCE.stem,
        parameters_of(thresholds, width, signed, per_stage),
        lanes * width,
        lanes * bits,
        simulators,
    )
    values = integers(1, width, (300, lanes), signed=signed)
    lifted = values + ((1 << width - 1) if signed else 0)
    expected = (lifted[:, :, None] >= thresholds[None]).sum(axis=2)
    result = assert_streams(simulator, values, width, expected, bits)
    cycles = result.output_cycles["out"].astype(int) - result.input_cycles["in"].astype(int)
    assert np.all(cycles == -(-bits // per_stage)), "a register behind so many comparisons"


def slang(parameters: Parameters) -> str:
    """Return the Yosys command that reads the module, whose thresholds are longer than an integer."""
    options = " ".join(parameter_options(parameters))
    boxes = " ".join(f"--blackboxed-module {cell} {path}" for cell, path in BOX.items())
    return f"read_slang {options} --top {SOURCE.stem} {boxes} {SOURCE}"


def read(parameters: Parameters, name: str) -> list[str]:
    """Return the Yosys commands that read the module as `name`, with the vendor's model of its LUTs."""
    return as_logic(SOURCE.stem, [slang(parameters)], name)


@pytest.mark.parametrize("case", [(1, 12, True, 15), (1, 7, False, 10), (1, 6, True, 31), (1, 3, False, 3)])
def test_the_luts_compare_as_comparisons_do(case: tuple[int, int, bool, int], tmp_path: Path) -> None:
    lanes, width, signed, steps = case
    parameters = parameters_of(thresholds_of(lanes, width, steps), width, signed, 2)
    commands = [
        *read({**parameters, "Packed": 1}, "packed"),
        *read({**parameters, "Packed": 0}, "plain"),
        "design -reset",
        "design -copy-from packed packed",
        "design -copy-from plain plain",
        "select -assert-min 1 packed/w:*gen_luts*",
        "select -assert-none plain/w:*gen_luts*",
        "miter -equiv -flatten -make_outputs packed plain miter",
        "hierarchy -top miter",
        "sat -verify -tempinduct -seq 4 -set in_ready_i 1 -set in_rst_ni 1 -prove trigger 0 -maxsteps 8 "
        "miter",
    ]
    run_script("\n".join(commands) + "\n", tmp_path, tmp_path / "log.txt")


def test_twelve_bits_and_fifteen_thresholds_take_seventeen_luts(tmp_path: Path) -> None:
    lanes, width, steps = 4, 12, 15
    parameters = parameters_of(thresholds_of(lanes, width, steps), width, True, 2)
    family = family_named("xc7")
    script = make_script(SOURCE.stem, [SOURCE], family, tmp_path / "counts.json").splitlines()
    assert script[0].startswith("read_slang")
    script[0] = slang(parameters)
    run_script("\n".join(script) + "\n", tmp_path, tmp_path / "log.txt")
    used = resources_of(read_statistics(tmp_path / "counts.json"), family.cells)
    assert used.lut <= 17 * lanes + 2 and used.ff <= 18 * lanes + 2
