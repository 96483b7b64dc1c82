"""`thresholding.sv` and `vpc.sv` alone in both front ends: clean if legal, stopped by a message if not."""

from pathlib import Path

import pytest

from fpga_flow.core.errors import ToolError
from fpga_flow.core.recipe import ROOT
from fpga_flow.synth.yosys import read_commands, run_script
from tests.lint import lint

HDL = ROOT / "fpga_flow" / "layers" / "hdl"
Parameters = dict[str, int | str]

THRESHOLDING: Parameters = {"K": 9, "N": 15, "C": 12, "PE": 3}
VPC: Parameters = {"W": 3, "N": 24, "PI": 4, "PO": 6}
LEGAL: list[tuple[str, Parameters]] = [
    *(
        ("thresholding", {**THRESHOLDING, "N": steps, "PE": lanes, "USE_CONFIG": on, "DEEP_PIPELINE": on})
        for steps in (1, 2, 15, 16)
        for lanes in (1, 3, 12)
        for on in (0, 1)
    ),
    *(("thresholding", {**THRESHOLDING, "BIAS": bias, "SIGNED": bias % 2}) for bias in (-15, -8, 1, 300)),
    *(("thresholding", {**THRESHOLDING, "SETS": sets, "C": 12, "PE": 12}) for sets in (2, 3)),
    ("thresholding", {**THRESHOLDING, "K": 16, "FPARG": 1, "DEPTH_TRIGGER_BRAM": 16}),
    *(("vpc", {**VPC, "PI": one, "PO": other}) for one in (1, 4, 6) for other in (1, 4, 6, 24)),
    *(("vpc", {**VPC, "N": 7, "PI": one, "PO": other}) for one in (1, 5) for other in (1, 3, 7, 9)),
    ("vpc", {**VPC, "W": 1, "PAD_ZEROS": 0, "RELAX_THROUGHPUT": 1}),
]
ILLEGAL: list[tuple[str, Parameters, str]] = [
    ("thresholding", {**THRESHOLDING, "PE": 5}, "C must be a multiple of PE, not 12 and 5"),
    ("thresholding", {**THRESHOLDING, "FPARG": 1, "SIGNED": 0}, "FPARG needs SIGNED"),
    ("vpc", {**VPC, "PO": 0}, "PO must be at least 1, not 0"),
    ("vpc", {**VPC, "N": 0}, "N must be at least 1, not 0"),
]


def yosys(groups: list[list[str]], folder: Path) -> None:
    """Run groups of commands, each on a design of its own."""
    lines = [line for group in groups for line in ("design -reset", *group)]
    run_script("\n".join(lines), folder, folder / "log.txt")


@pytest.mark.parametrize("module", ["thresholding", "vpc"])
def test_module_has_no_warning_in_verilator_over_its_parameters(module: str) -> None:
    for name, parameters in LEGAL:
        if name == module:
            lint(name, [HDL / f"{name}.sv"], parameters)


@pytest.mark.parametrize("module", ["thresholding", "vpc"])
def test_module_elaborates_in_yosys_over_its_parameters(module: str, tmp_path: Path) -> None:
    reads = [
        read_commands(name, [HDL / f"{name}.sv"], parameters) for name, parameters in LEGAL if name == module
    ]
    yosys([[*read, "hierarchy -check", "proc", "check -assert"] for read in reads], tmp_path)


@pytest.mark.parametrize(("module", "parameters", "message"), ILLEGAL)
def test_wrong_parameters_stop_the_elaboration(
    module: str, parameters: Parameters, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ToolError, match=message):
        lint(module, [HDL / f"{module}.sv"], parameters)
    with pytest.raises(ToolError, match=message):
        yosys([read_commands(module, [HDL / f"{module}.sv"], parameters)], tmp_path)
