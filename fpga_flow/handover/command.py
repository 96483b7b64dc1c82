"""`flow export-rtl`: the folder as a whole, or nothing."""

from collections.abc import Mapping
from pathlib import Path

from fpga_flow import __version__
from fpga_flow.core.errors import DifferenceError, InputError
from fpga_flow.core.progress import say
from fpga_flow.design.design import Design, load_design
from fpga_flow.handover import sources, verilog
from fpga_flow.handover.describe import Description, describe
from fpga_flow.handover.licences import write_licences
from fpga_flow.handover.place import fill
from fpga_flow.handover.render import render, write_host
from fpga_flow.handover.vectors import write_vectors
from fpga_flow.pipeline.run import Run
from fpga_flow.pipeline.standing import intact_stages
from fpga_flow.results import read
from fpga_flow.results.export import ExportResult
from fpga_flow.results.verify import VerifyResult

NEEDED = ("export", "rtl")


def export_rtl(run: Run, target: Path, frames: int, force: bool, as_verilog: bool) -> Path:
    """Write the RTL of `run` and all that goes with it to the folder `target`; return that.

    `frames` golden frames go with it, or as many as there are. `force` replaces what an earlier export wrote.
    `as_verilog`: the design as one file of plain Verilog too.

    Raises `InputError` where the run has no RTL, `target` may not be written or `frames` is wrong,
    `DifferenceError` where the RTL is known to be wrong, `ToolError` where Yosys fails.
    """
    if frames < 1:
        raise InputError(f"--frames: must be at least 1, not {frames}")
    folders = _folders(run)
    design = load_design(folders["rtl"])
    with fill(target, force) as folder:
        written = sources.write_sources(design, folders["rtl"], folder)
        say(f"  {len(design.sources)} sources, {len(written.data)} memory files")
        golden = write_vectors(design, folders["export"], folder, frames)
        description = _description(run, folders, design, written, golden, as_verilog)
        if as_verilog:
            say("  plain Verilog by Yosys: takes a while where the network is large")
            verilog.write_verilog(design, written, folder, target.with_name(f"{target.name}.yosys.log"))
        render(description, folder)
        write_host(description, folder)
        write_licences(written, folder)
    return target


def _folders(run: Run) -> Mapping[str, Path]:
    """Return the artifacts of `run`; raises where some are missing or out of date, or the RTL is wrong."""
    advice = "run 'flow build' at least up to the stage rtl ('--until rtl') first"
    folders = intact_stages(run, NEEDED, advice)
    if "verify" in folders and (fault := read(VerifyResult, folders["verify"]).fault()):
        raise DifferenceError(f"{run.folder}: {fault}; RTL that is known to be wrong is not exported")
    return folders


def _description(
    run: Run,
    folders: Mapping[str, Path],
    design: Design,
    written: sources.Written,
    golden: int,
    as_verilog: bool,
) -> Description:
    exported = read(ExportResult, folders["export"])
    verified = read(VerifyResult, folders["verify"]) if "verify" in folders else None
    return describe(
        run.recipe.name,
        __version__,
        design,
        exported,
        verified,
        written,
        golden,
        as_verilog,
    )
