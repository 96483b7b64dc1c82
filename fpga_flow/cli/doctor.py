"""`flow doctor`: every tool, where it was found, its version, and what to do about a missing one."""

import shutil
import sys

from rich.console import Console
from rich.table import Table

from fpga_flow.core import places, toolchain
from fpga_flow.core.errors import ToolError
from fpga_flow.pipeline.flow import STAGES

FREE_GB = 2.0
"""What a run and the tools' cache take at most, roughly."""


def examine() -> None:
    """Print a table of the tools; raises `ToolError` that counts the missing ones."""
    table = Table("tool", "version", box=None, pad_edge=False)
    table.add_column("found in", overflow="fold")
    table.add_column("used by", overflow="fold")
    table.add_row("python", sys.version.split()[0], sys.executable, "all")
    missing: dict[str, str] = {}
    on_demand: list[str] = []
    for name, find in toolchain.FINDERS.items():
        users = ", ".join(stage.name for stage in STAGES if name in stage.tools)
        try:
            tool = find()
        except ToolError as error:
            if all(stage.on_demand for stage in STAGES if name in stage.tools):
                table.add_row(name, "none", "", f"{users}, on demand")
                on_demand.append(name)
            else:
                missing[name] = str(error)
                table.add_row(name, "MISSING", "", users)
        else:
            table.add_row(name, tool.version, tool.where, users)
    console = Console(highlight=False)
    console.print(table)
    free = shutil.disk_usage(next(p for p in (places.RUNS, *places.RUNS.parents) if p.exists())).free / 1e9
    verdict = "" if free >= FREE_GB else f"; a run may need {FREE_GB:g} GB"
    console.print(
        f"\n{toolchain.CPU_COUNT} processors, {free:.1f} GB free for runs in {places.RUNS}{verdict}",
        soft_wrap=True,
    )
    if missing:
        raise ToolError("\n  ".join((f"missing: {', '.join(missing)}", *missing.values())))
    rest = f" Not there, and wanted on demand only: {', '.join(on_demand)}." if on_demand else ""
    console.print(f"All that a build needs is there.{rest}")
