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
from fpga_flow.synth.usage import TIMING, read_statistics, resources_of
from fpga_flow.target.family import WHERE, Family
from fpga_flow.target.resources import Resources

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
    family: Family,
    log: Path,
    parameters: Mapping[str, int | str] | None = None,
) -> Resources:
    """Return what `module` takes of a part of `family`.

    `sources` are in compile order; `$readmemh` names in them are relative to `folder`, in which Yosys
    runs. `parameters` override those of `module`. Script, statistics and timing are left beside `log`.
    Raises `ToolError` with the tool's own error lines.
    """
    folder, log = folder.resolve(), log.resolve()  # Yosys runs elsewhere
    statistics = log.with_suffix(".json")
    statistics.unlink(missing_ok=True)
    statistics.with_suffix(TIMING).unlink(missing_ok=True)
    files = [folder / path for path in sources]
    run_script(make_script(module, files, family, statistics, parameters), folder, log)
    return resources_of(read_statistics(statistics), family.cells)


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
    family: Family,
    statistics: Path,
    parameters: Mapping[str, int | str] | None = None,
) -> str:
    """Return the Yosys script that maps `module` and writes its cell counts to `statistics`.

    Its longest path goes beside them, where the family's cells have delays.
    """
    files = {name: _quote(path) for name, path in family.files.items()}
    lines = [
        *read_commands(module, sources, parameters, family.black_boxes),
        *(command.format(top=module, **files) for command in family.synthesis),
        f"tee -q -o {_quote(statistics)} stat -json",
        *([f"tee -q -o {_quote(statistics.with_suffix(TIMING))} sta"] if family.delays else []),
    ]
    return "\n".join(lines) + "\n"


def read_commands(
    module: str,
    sources: Sequence[Path],
    parameters: Mapping[str, int | str] | None = None,
    black_boxes: Mapping[str, Path] | None = None,
) -> list[str]:
    """Return the commands that read `module` and all below it from `sources`.

    `black_boxes` are primitives that are left as they are, each with a file that has it as an empty module.
    """
    empty = black_boxes or {}
    boxes = [f"--blackboxed-module {name}" for name in empty]
    files = [_quote(path) for path in (*dict.fromkeys(empty.values()), *sources)]
    options = [*READ, *boxes, *_options(parameters or {}), "--top", module]
    return [" ".join(["read_slang", *options, *files])]


def _options(parameters: Mapping[str, int | str]) -> list[str]:
    return [
        f"-G {name}={value}" if isinstance(value, int) else f'-G {name}="{value}"'
        for name, value in parameters.items()
    ]


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
            if not _has(design, kind):
                continue
        libyosys.run_pass(command, design)
    return 0


def _has(design: Any, kind: str) -> bool:
    modules = list(design.modules_.values())
    if not kind.startswith("a:"):
        types = {cell.type.str() for module in modules for cell in module.cells_.values()}
        return not types.isdisjoint({kind, f"\\{kind}"})
    from pyosys.libyosys import IdString

    name = IdString(f"\\{kind[2:]}")
    return any(wire.has_attribute(name) for module in modules for wire in module.wires_.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
