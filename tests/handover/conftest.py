"""An export of the run that knows digits, and how its Makefile is called."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from fpga_flow.cli.main import main
from fpga_flow.core import toolchain

Make = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def exported(digits_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("handover") / "ip"
    assert main(["export-rtl", str(digits_run), str(folder), "--frames", "5", "--verilog"]) == 0
    return folder


@pytest.fixture(scope="session")
def copied(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export in another place, where its simulators are built."""
    folder = tmp_path_factory.mktemp("elsewhere") / "mine"
    shutil.copytree(exported, folder)
    return folder


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Return a function that calls `make` for an export, from a folder that has nothing to do with it."""
    here, tool = tmp_path_factory.mktemp("working"), toolchain.verilator()

    def call(folder: Path, target: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        words = [f"VERILATOR={tool.command[0]}", "JOBS=2", "OPT_FAST=-O0", "OPT_GLOBAL=-O0"]
        words += [f"{key}={value}" for key, value in variables.items()]
        return subprocess.run(
            ["make", "-C", str(folder), target, *words],
            cwd=here,
            env={**os.environ, **tool.environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return call
