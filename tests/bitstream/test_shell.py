"""The shell in simulation, with a processor and a memory that are not ours (cocotbext-axi)."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest
from cocotb_tools.runner import get_results, get_runner
from find_libpython import find_libpython

from fpga_flow.bitstream.shell import HDL, SOURCES, TOP, shell_text
from fpga_flow.core import toolchain
from fpga_flow.core.recipe import ROOT
from tests.bitstream.cores import Core
from tests.bitstream.shell_bench import DIGEST

FIFO = ROOT / "fpga_flow" / "layers" / "hdl" / "fifo.sv"
CORES = {
    "bytes": Core(1, "UINT8", 64, "pass", address_bits=40),
    "bits": Core(1, "UINT1", 13, "pass"),
    "wide": Core(50, "UINT4", 9, "pass"),
    "fold": Core(3, "UINT4", 37, "fold"),
    "first": Core(2, "UINT8", 128, "first", address_bits=33),
}
CHECKS = 15


@pytest.mark.skipif(find_libpython() is None, reason="no libpython: apt-get install libpython3-dev")
@pytest.mark.parametrize("name", CORES)
def test_shell(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    core = CORES[name]
    (tmp_path / "core.sv").write_text(core.text())
    (tmp_path / "shell_top.v").write_text(shell_text(core.design, DIGEST, core.address_bits))
    verilator = toolchain.verilator()
    for key, value in verilator.environment.items():
        monkeypatch.setenv(key, value)
    # The program itself: what is called `verilator` is a script in Perl, which a machine need not have.
    (tmp_path / "verilator").symlink_to(verilator.where)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    # The models in Python take the time, so the compiler need not.
    monkeypatch.setenv("MAKEFLAGS", "OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O1")
    sources = [FIFO, *(HDL / name for name in SOURCES), tmp_path / "core.sv", tmp_path / "shell_top.v"]
    options = ["--no-timing", "-Wno-fatal", "-Wno-lint", "-Wno-style", "--x-initial", "unique", "--assert"]
    runner = get_runner("verilator")
    runner.build(
        sources=sources,
        hdl_toplevel=TOP,
        build_dir=tmp_path / "build",
        build_args=options,
        log_file=tmp_path / "build.log",
    )
    log = tmp_path / "test.log"
    try:
        results = runner.test(
            test_module="tests.bitstream.shell_checks",
            hdl_toplevel=TOP,
            build_dir=tmp_path / "build",
            # The models tell of every burst.
            extra_env={"SHELL_CORE": json.dumps(asdict(core)), "COCOTB_LOG_LEVEL": "WARNING"},
            seed=1,
            log_file=log,
        )
    except SystemExit:  # the runner's way to say that a check has failed
        pytest.fail(log.read_text(), pytrace=False)
    assert get_results(results) == (CHECKS, 0)
