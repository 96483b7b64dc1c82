"""Tools that fail or hang are told by name, and nothing of them goes on running."""

import os
import stat
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from fpga_flow.core import toolchain
from fpga_flow.core.errors import ToolError
from fpga_flow.core.toolchain import Tool, run_tool


def tool(folder: Path, script: str) -> Tool:
    path = folder / "compiler"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(stat.S_IRWXU)
    return Tool("g++", (str(path),), "1.0", {}, str(path))


def alive(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_tool_that_fails_shows_its_errors(tmp_path: Path) -> None:
    failing = tool(tmp_path, "echo 'x.cpp:3: error: no such thing'; exit 7")
    with pytest.raises(
        ToolError, match=r"(?s)g\+\+ failed with exit code 7 .*x\.cpp:3: error: no such thing"
    ):
        run_tool(failing, [], tmp_path, tmp_path / "log.txt")


def test_a_tool_that_hangs_is_stopped_with_all_it_has_started(tmp_path: Path) -> None:
    hanging = tool(tmp_path, f"sleep 600 & echo $! > {tmp_path}/child; wait")
    start = time.monotonic()
    with pytest.raises(ToolError, match=r"g\+\+ was stopped after 1 s without an end \(log: .*log\.txt\)"):
        run_tool(hanging, [], tmp_path, tmp_path / "log.txt", seconds=1.0)
    assert time.monotonic() - start < 30
    child = int((tmp_path / "child").read_text())
    until = time.monotonic() + 10  # the kernel ends a killed process when it comes to it
    while alive(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive(child)


def test_a_tool_that_hangs_on_its_version_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "VERSION_SECONDS", 0.5)
    monkeypatch.setitem(os.environ, "CXX", tool(tmp_path, "exec sleep 600").where)
    with pytest.raises(
        ToolError, match=r"compiler --version failed \(.*timed out after 0\.5 seconds\); install"
    ):
        toolchain.compiler()
