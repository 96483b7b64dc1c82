"""The virtual board's program: shell and accelerator in Verilator, a memory and a processor's port."""

from pathlib import Path

from fpga_flow.bitstream.shell import HDL, SOURCES, TOP, shell_text
from fpga_flow.design.design import Design
from fpga_flow.sim.compiled import PROGRAM, compiled
from fpga_flow.sim.verilate import Plan

HERE = Path(__file__).resolve().parent
STAND_IN = HERE
"""The folder in which Python finds the stand-in for pynq."""
ADDRESS_BITS = 32


def virtual_board(design: Design, rtl: Path, digest: str, scratch: Path, cache: Path) -> Path:
    """Return the program for the design in the rtl artifact `rtl`; it runs where `data/` of that stands.

    The shell's top is written to `scratch`. Raises `ToolError`.
    """
    top = scratch / f"{TOP}.v"
    top.write_text(shell_text(design, digest, ADDRESS_BITS), encoding="utf-8")
    plan = Plan(
        top=TOP,
        sources=(*(rtl / source for source in design.sources), *(HDL / name for name in SOURCES), top),
        inputs=(),
        outputs=(),
        effort="fast",
        program=(HERE / "board.cpp").read_text(encoding="utf-8"),
    )
    return compiled(plan, cache) / PROGRAM
