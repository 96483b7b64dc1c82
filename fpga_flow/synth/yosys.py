"""Yosys in a process of its own.

`python -m fpga_flow.synth.yosys SCRIPT` runs a Yosys script; `synthesise` writes such a script for one
module, runs it and counts the cells.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fpga_flow.core import toolchain
from fpga_flow.core.errors import ToolError
from fpga_flow.core.recipe import ROOT
from fpga_flow.synth.usage import Usage, read_statistics, usage_of

PRIMITIVES = Path(__file__).with_name("primitives.sv")
SHIFT_REGISTERS = Path(__file__).with_name("shift_registers.v")
WHERE = "@where"
"""In a script: `@where TYPE COMMAND` runs the command only where the design has a cell of that type."""
BLACK_BOXES = ("DSP48E1", "DSP48E2")

EXTRA_CELLS = {"xcup": "=DSP48E2 =RAMB18E2 =RAMB36E2"}
"""What the mapping to a family instantiates of Yosys' `cells_xtra.v`."""

READ = (
    "--allow-use-before-declare",  # FINN's axilite.sv and the ports of the sliding window's wrapper
    "--ignore-assertions",
    "--ignore-timing",
)
"""Options of the SystemVerilog front end that let it read FINN's files as they are shipped."""


def synthesise(
    module: str,
    sources: Sequence[Path],
    folder: Path,
    family: str,
    log: Path,
    parameters: Mapping[str, int | str] | None = None,
) -> Usage:
    """Return what `module` takes of a device of `family` (`-family` of `synth_xilinx`).

    `sources` are in compile order; `$readmemh` names in them are relative to `folder`, in which Yosys
    runs. `parameters` override those of `module`. Script and statistics are left beside `log`.
    Raises `ToolError` with the tool's own error lines.
    """
    folder, log = folder.resolve(), log.resolve()  # Yosys runs elsewhere
    statistics = log.with_suffix(".json")
    statistics.unlink(missing_ok=True)
    files = [folder / path for path in sources]
    run_script(make_script(module, files, family, statistics, parameters), folder, log)
    return usage_of(read_statistics(statistics))


def run_script(text: str, folder: Path, log: Path) -> None:
    """Run the script `text` in `folder`, its output to `log`; the script stays beside it."""
    script = log.with_suffix(".ys")
    script.write_text(text, encoding="utf-8")
    tool = toolchain.yosys()
    # The folder that Yosys runs in is not the checkout, and the package need not be installed.
    environment = {**tool.environment, "PYTHONPATH": str(ROOT)}
    toolchain.run_tool(replace(tool, environment=environment), [str(script)], folder, log)


def make_script(
    module: str,
    sources: Sequence[Path],
    family: str,
    statistics: Path,
    parameters: Mapping[str, int | str] | None = None,
) -> str:
    """Return the Yosys script that maps `module` and writes its cell counts to `statistics`."""
    lines = read_commands(module, sources, parameters)
    lines.append(f"techmap -map {_quote(SHIFT_REGISTERS)} t:$bmux")
    # All of synth_xilinx but its first step: that leaves a thousand more modules (cells_xtra.v) in the
    # design, of which only these are ever instantiated, and which make every pass two to three times slower.
    lines.append("read_verilog -lib -specify +/xilinx/cells_sim.v")
    if family in EXTRA_CELLS:
        lines += ["design -stash mine", "read_verilog -lib +/xilinx/cells_xtra.v", "design -stash extra"]
        lines += ["design -load mine", f"design -copy-from extra {EXTRA_CELLS[family]}"]
    lines.append(f"hierarchy -check -top {module}")
    synth = f"synth_xilinx -family {family} -flatten -noiopad -noclkbuf -run"
    lines.append(f"{synth} prepare:map_memory")
    lines.append(f"{WHERE} $mem_v2 {synth} map_memory:map_ffram")
    lines.append(f"{synth} map_ffram:check")
    lines.append(f"tee -q -o {_quote(statistics)} stat -json")
    return "\n".join(lines) + "\n"


def read_commands(
    module: str, sources: Sequence[Path], parameters: Mapping[str, int | str] | None = None
) -> list[str]:
    """Return the commands that read `module` and all below it from `sources`."""
    return [_read(module, _options(parameters or {}), sources)]


def _options(parameters: Mapping[str, int | str]) -> list[str]:
    return [
        f"-G {name}={value}" if isinstance(value, int) else f'-G {name}="{value}"'
        for name, value in parameters.items()
    ]


def _read(top: str, options: Sequence[str], sources: Sequence[Path]) -> str:
    black_boxes = [f"--blackboxed-module {name}" for name in BLACK_BOXES]
    files = [_quote(path) for path in (PRIMITIVES, *sources)]
    return " ".join(["read_slang", *READ, *black_boxes, *options, "--top", top, *files])


def _quote(path: Path) -> str:
    text = str(path)
    if any(character in text for character in "\"'\n;#"):
        raise ToolError(f"yosys: a path must have no quotes, semicolons or hashes, not {text!r}")
    return f'"{text}"' if " " in text else text


def main(arguments: Sequence[str]) -> int:
    """Run the script named by the only argument, line by line; Yosys itself ends the process on an error."""
    if len(arguments) != 1:
        print("usage: python -m fpga_flow.synth.yosys SCRIPT", file=sys.stderr)
        return 2
    from pyosys import libyosys  # only here: it is a large library and only this process needs it

    design = libyosys.Design()
    for line in Path(arguments[0]).read_text(encoding="utf-8").splitlines():
        command = line
        if line.startswith(WHERE):
            _, kind, command = line.split(maxsplit=2)
            if not _has_cell(design, kind):
                continue
        libyosys.run_pass(command, design)
    return 0


def _has_cell(design: Any, kind: str) -> bool:
    modules = design.modules_.values()
    return any(cell.type.str() == kind for module in modules for cell in module.cells_.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
