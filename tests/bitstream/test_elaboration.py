"""The shell's modules alone in two front ends, Verilator (all warnings) and Yosys' slang: legal parameters
elaborate, illegal ones stop with a message."""

from pathlib import Path

import pytest

from fpga_flow.bitstream.shell import HDL, SOURCES
from fpga_flow.core.errors import ToolError
from fpga_flow.core.recipe import ROOT
from fpga_flow.sim.verilate import parameter_options
from tests.lint import lint
from tests.rtl.modules import Parameters
from tests.rtl.test_elaboration import yosys

FIFO = ROOT / "fpga_flow" / "layers" / "hdl" / "fifo.sv"
MASTER: Parameters = {"AddressWidth": 32, "CountWidth": 64, "BurstWords": 16, "Depth": 64}
LEGAL: dict[str, list[Parameters]] = {
    "shell_registers": [{"InBytes": 784, "OutBytes": 1}],
    "shell_read": [MASTER, {**MASTER, "AddressWidth": 40, "Depth": 128}, {**MASTER, "BurstWords": 2}],
    "shell_write": [MASTER, {**MASTER, "AddressWidth": 40, "BurstWords": 32}, {**MASTER, "CountWidth": 40}],
    "shell_unpack": [{"Width": bits, "FrameWords": words} for bits, words in ((1, 1), (12, 37), (512, 3))],
    "shell_pack": [{"Width": bits, "FrameWords": words} for bits, words in ((1, 1), (12, 37), (512, 3))],
    "shell": [
        {},
        {"InBits": 12, "InPortBits": 16, "InWords": 37, "OutBits": 4, "OutPortBits": 8, "AddressWidth": 40},
    ],
}
ILLEGAL: list[tuple[str, Parameters, str]] = [
    ("shell_read", {**MASTER, "BurstWords": 12}, "BurstWords must be a power of two from 2 to 256, not 12"),
    ("shell_read", {**MASTER, "Depth": 16}, r"Depth must be at least 2 \* BurstWords, not 16"),
    ("shell_read", {**MASTER, "AddressWidth": 12}, "AddressWidth must be above 12, not 12"),
    (
        "shell_write",
        {**MASTER, "BurstWords": 512, "Depth": 1024},
        "BurstWords must be a power of two from 2 to 256, not 512",
    ),
    ("shell_write", {**MASTER, "Depth": 31}, r"Depth must be at least 2 \* BurstWords, not 31"),
    ("shell_unpack", {"FrameWords": 0}, "FrameWords must be at least 1, not 0"),
    ("shell_pack", {"FrameWords": 0}, "FrameWords must be at least 1, not 0"),
    ("shell", {"InBits": 12, "InPortBits": 8}, "a port must be at least as wide as its words"),
    ("shell", {"AddressWidth": 65}, "AddressWidth must be at most 64, not 65"),
]


def sources(module: str) -> list[Path]:
    """Return what `module` needs."""
    if module == "shell":
        return [FIFO, *(HDL / name for name in SOURCES)]
    return [*([FIFO] if module in ("shell_read", "shell_write") else []), HDL / f"{module}.sv"]


def slang(module: str, parameters: Parameters) -> str:
    """Return the Yosys command that elaborates `module`."""
    files = " ".join(str(path) for path in sources(module))
    return f"read_slang {' '.join(parameter_options(parameters))} --top {module} {files}"


@pytest.mark.parametrize("module", LEGAL)
def test_module_is_clean_in_verilator_over_its_parameters(module: str) -> None:
    for parameters in LEGAL[module]:
        lint(module, sources(module), parameters)


def test_modules_elaborate_in_yosys_over_their_parameters(tmp_path: Path) -> None:
    after = ["hierarchy -check", "proc", "check -assert"]
    groups = [
        ["design -reset", slang(module, parameters), *after]
        for module, cases in LEGAL.items()
        for parameters in cases
    ]
    yosys([command for group in groups for command in group], tmp_path)


@pytest.mark.parametrize(("module", "parameters", "message"), ILLEGAL)
def test_wrong_parameters_stop_the_elaboration(
    module: str, parameters: Parameters, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ToolError, match=message):
        lint(module, sources(module), parameters)
    with pytest.raises(ToolError, match=message):
        yosys([slang(module, parameters)], tmp_path)
