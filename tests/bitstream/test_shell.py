"""The shell in simulation, with a processor and a memory that are not ours (cocotbext-axi)."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest
from cocotb_tools.runner import get_results, get_runner

from fpga_flow import toolchain
from fpga_flow.bitstream.shell import HDL, SOURCES, TOP, shell_text
from fpga_flow.recipe import ROOT
from tests.bitstream.cores import Core
from tests.bitstream.shell_checks import DIGEST

FIFO = ROOT / "fpga_flow" / "rtl" / "hdl" / "fifo.sv"
CORES = {
    "bytes": Core(1, "UINT8", 64, False),
    "bits": Core(1, "UINT1", 13, False),
    "twelve": Core(3, "UINT4", 37, False),
    "wide": Core(50, "UINT4", 9, False),
    "classes": Core(2, "UINT8", 128, True),
}


@pytest.mark.parametrize("name", CORES)
def test_shell(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    core = CORES[name]
    (tmp_path / "core.sv").write_text(core.text())
    (tmp_path / "shell_top.v").write_text(shell_text(core.design, DIGEST, 32))
    verilator = toolchain.verilator()
    for key, value in verilator.environment.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("PATH", f"{Path(verilator.where).parent}{os.pathsep}{os.environ['PATH']}")
    runner = get_runner("verilator")
    runner.build(
        sources=[FIFO, *(HDL / name for name in SOURCES), tmp_path / "core.sv", tmp_path / "shell_top.v"],
        hdl_toplevel=TOP,
        build_dir=tmp_path / "build",
        build_args=[
            "--no-timing",
            "-Wno-fatal",
            "-Wno-lint",
            "-Wno-style",
            "--x-initial",
            "unique",
            "--assert",
        ],
    )
    results = runner.test(
        test_module="tests.bitstream.shell_checks",
        hdl_toplevel=TOP,
        build_dir=tmp_path / "build",
        extra_env={"SHELL_CORE": json.dumps(asdict(core))},
        seed=1,
    )
    ran, failed = get_results(results)
    assert ran > 5
    assert failed == 0
