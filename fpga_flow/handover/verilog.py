"""The design as one file of plain Verilog, for simulators that cannot read its SystemVerilog."""

from pathlib import Path

from fpga_flow.design.design import Design
from fpga_flow.handover.alike import merged
from fpga_flow.handover.sources import SOURCES, Written
from fpga_flow.synth.yosys import read_commands, run_script

FOLDER = "verilog"
PRIMITIVE, MODEL = "LUT6_2", Path(__file__).resolve().parent / "lut6_2.v"
"""The one primitive of the vendor that a source of ours instantiates in synthesis, and what it does. Yosys
leaves it as it is: it would make a module of each, of 63 multiplexers."""


def write_verilog(design: Design, written: Written, folder: Path, log: Path) -> None:
    """Write `verilog/<top>.v` into `folder`, which has the sources; memories' contents are in it.

    `log` stays where Yosys fails. Raises `ToolError` where Yosys fails.
    """
    target = folder / FOLDER / f"{design.top}.v"
    target.parent.mkdir()
    files = [(folder / source.path).resolve() for source in written.sources]
    (read,) = read_commands(design.top, files, black_boxes={PRIMITIVE: MODEL})
    script = [
        read.replace("read_slang", "read_slang --keep-hierarchy", 1),
        f"hierarchy -check -top {design.top}",
        "proc",
        "opt_clean",
        f"write_verilog -noattr {FOLDER}.v",
    ]
    scratch = (folder / SOURCES).resolve()
    try:
        run_script("\n".join(script) + "\n", scratch, log)
        plain = merged((scratch / f"{FOLDER}.v").read_text(encoding="utf-8"))
        (scratch / f"{FOLDER}.v").unlink()
        target.write_text(plain + MODEL.read_text(encoding="utf-8"), encoding="utf-8")
    finally:
        log.with_suffix(".ys").unlink(missing_ok=True)
    log.unlink()
