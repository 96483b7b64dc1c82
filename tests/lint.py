"""Verilator's warnings on a module alone."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from fpga_flow.core import toolchain
from fpga_flow.core.errors import ToolError
from fpga_flow.core.toolchain import run_tool
from fpga_flow.sim.verilate import parameter_options


def lint(
    top: str,
    sources: Sequence[Path],
    parameters: Mapping[str, int | str] | None = None,
    foreign: Sequence[Path] = (),
) -> None:
    """Elaborate `top` alone with all of Verilator's warnings; raises `ToolError` on any.

    `foreign` are sources of others that it needs (packages first); their warnings do not count.
    """
    with tempfile.TemporaryDirectory() as scratch:
        waivers = Path(scratch) / "foreign.vlt"
        rules = ("", "-rule STMTDLY ", "-rule INITIALDLY ")  # the last two are no style, so not in "all"
        lines = [f'lint_off {rule}-file "{path.resolve()}"' for path in foreign for rule in rules]
        waivers.write_text("\n".join(["`verilator_config", *lines, ""]), encoding="utf-8")
        # An elaboration check (`if (...) $error`) has nothing in it that a label would name.
        options = ["--lint-only", "--no-timing", "-Wall", "-Wno-GENUNNAMED", "--top-module", top]
        options += ["--Mdir", scratch, *parameter_options(parameters or {})]
        files = [str(path.resolve()) for path in (waivers, *foreign, *sources)]
        log = Path(scratch) / "log.txt"
        try:
            run_tool(toolchain.verilator(), [*options, *files], Path(scratch), log)
        except ToolError as error:
            text = log.read_text(encoding="utf-8")
            found = [line for line in text.splitlines() if line.startswith(("%Warn", "%Error"))]
            warned = any(line.startswith("%Warn") for line in found)
            raise ToolError(
                "\n".join([f"verilator: {top} has warnings", *found]) if warned else str(error)
            ) from None
