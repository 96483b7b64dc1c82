"""Stage `bitstream`: the verified design in its shell through Vivado."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from fpga_flow import results
from fpga_flow.bitstream import reports, tcl
from fpga_flow.bitstream.shell import HDL, SOURCES, TOP, shell_text
from fpga_flow.core import toolchain
from fpga_flow.core.errors import DifferenceError, FitError, ToolError
from fpga_flow.core.progress import say
from fpga_flow.core.stage import Context
from fpga_flow.design.design import design_digest, load_design
from fpga_flow.results.bitstream import BitstreamResult
from fpga_flow.results.verify import VerifyResult
from fpga_flow.target.board import Board, board

SCRIPT = "build.tcl"
VERSIONS = ("2022.2", "2024.2")
"""The oldest and the newest Vivado that the script is written for."""
STEPS = {
    "Starting synth_design": "synthesis",
    "Starting Placer Task": "placement",
    "Starting Routing Task": "routing",
    "Writing bitstream": "bitstream",
}
"""What Vivado prints when a step begins -> what a person calls it."""


def run(context: Context) -> BitstreamResult:
    """Write the project, run Vivado, read its reports; returns resources, timing and the network's digest."""
    target, folder = board(context.recipe.board), context.folder
    verified = results.read(VerifyResult, context.inputs["verify"])
    if fault := verified.fault():
        raise DifferenceError(f"bitstream: {fault}; a bitstream is made of a verified design only")
    tool = toolchain.FINDERS["vivado"]()
    check_version(tool.version)
    rtl = context.inputs["rtl"]
    digest = design_digest(rtl)
    shutil.rmtree(folder / "project", ignore_errors=True)  # what a run that failed has left
    sources = write_project(context, target, digest)
    clock_mhz = load_design(rtl).clock_mhz
    jobs = toolchain.CPU_COUNT
    (folder / SCRIPT).write_text(tcl.script(target, clock_mhz, sources, jobs), encoding="utf-8")
    _vivado(tool, folder)

    made = [f"{tcl.PROJECT}.bit", f"{tcl.PROJECT}.hwh", tcl.UTILISATION, tcl.TIMING]
    missing = [name for name in made if not (folder / name).is_file()]
    if missing:
        raise ToolError(f"vivado ended without an error, but there is no {', '.join(missing)} in {folder}")
    used, slack = reports.utilisation(folder / tcl.UTILISATION), reports.slack_ns(folder / tcl.TIMING)
    fmax = reports.fmax_mhz(clock_mhz, slack)
    say(f"  {used['lut']:,.0f} LUT, {used['dsp']:,.0f} DSP after routing; {fmax:.1f} MHz possible")
    if slack < 0:
        raise FitError(
            f"bitstream: the design misses {clock_mhz:g} MHz by {-slack:g} ns and would compute wrongly; "
            f"lower --set hardware.clock_mhz to {fmax:.0f} or less"
        )
    shutil.rmtree(folder / "project", ignore_errors=True)
    return BitstreamResult(
        tool=f"vivado {tool.version}",
        part=target.part,
        file=f"{tcl.PROJECT}.bit",
        digest=digest,
        clock_mhz=clock_mhz,
        slack_ns=slack,
        fmax_mhz=round(fmax, 3),
        **used,
    )


def check_version(version: str) -> None:
    """Raise `ToolError` for a Vivado that the script is not written for."""
    oldest, newest = VERSIONS
    if not re.fullmatch(r"\d{4}\.\d", version[:6]) or not oldest <= version[:6] <= newest:
        raise ToolError(
            f"vivado: its version must be {oldest} to {newest}, not {version!r}; put another on PATH"
        )


def write_project(context: Context, target: Board, digest: str) -> list[str]:
    """Write the sources into the stage's folder, all side by side; returns their names in order.

    A file of a memory's contents is looked for from the folder of the module that reads it, so `data/` stands
    beside them.
    """
    rtl, folder = context.inputs["rtl"], context.folder
    design = load_design(rtl)
    files = [*(rtl / source for source in design.sources), *(HDL / name for name in SOURCES)]
    for file in files:
        shutil.copyfile(file, folder / file.name)
    shutil.copytree(rtl / "data", folder / "data", dirs_exist_ok=True)
    bits = tcl.processor(target).address_bits
    (folder / f"{TOP}.v").write_text(shell_text(design, digest, bits), encoding="utf-8")
    return [*(file.name for file in files), f"{TOP}.v"]


def _vivado(tool: toolchain.Tool, folder: Path) -> None:
    """Run the script; says which step goes on, and shows the tool's own errors where it fails."""
    command = [*tool.command, "-mode", "batch", "-source", SCRIPT, "-notrace", "-nojournal"]
    log = folder / "vivado.log"
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        env={**os.environ, **tool.environment},
    )
    lines: list[str] = []
    try:
        assert process.stdout is not None
        with log.open("w", encoding="utf-8") as stream:
            for line in process.stdout:
                stream.write(line)
                lines.append(line)
                for mark, step in STEPS.items():
                    if mark in line:
                        say(f"  vivado: {step} ...")
        code = process.wait()
    finally:  # an interrupted build leaves no Vivado behind
        process.kill()
        process.wait()
    told = reports.errors("".join(lines) + _run_logs(folder))
    if code or any(line.startswith("ERROR:") for line in told):
        reason = "\n  ".join(told) or f"exit code {code}, and no line of its log begins with ERROR"
        raise ToolError(f"vivado failed (log: {log}):\n  {reason}")


def _run_logs(folder: Path) -> str:
    """Return the logs of synthesis and implementation, which Vivado keeps to themselves."""
    logs = sorted(folder.glob("project/*.runs/*/runme.log"))
    return "".join(log.read_text(encoding="utf-8", errors="replace") for log in logs)
