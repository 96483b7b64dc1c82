"""What a board measured, kept in the run; light, since every report looks for it."""

from fpga_flow import results
from fpga_flow.core import artifact
from fpga_flow.design.design import design_digest
from fpga_flow.pipeline.flow import Run, current
from fpga_flow.results.board import BoardResult

FOLDER = "board"


def keep(run: Run, result: BoardResult) -> None:
    """Write what a board measured into the run."""
    (run.folder / FOLDER).mkdir(exist_ok=True)
    artifact.write_result(run.folder / FOLDER, result)


def measured(run: Run) -> BoardResult | None:
    """Return what a board measured of the design that stands in `run`, None where none has.

    Raises `InputError` where that was kept by another version of this project.
    """
    folder = run.folder / FOLDER
    rtl = current(run).get("rtl")
    if rtl is None or not (folder / artifact.RESULT).is_file():
        return None
    if artifact.read_result(folder).get("digest") != design_digest(rtl):
        return None
    return results.read(BoardResult, folder, "flow deploy")
