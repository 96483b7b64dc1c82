"""What a board measured, kept in the run; light, since every report looks for it."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from fpga_flow.core import artifact
from fpga_flow.design.design import design_digest
from fpga_flow.pipeline.flow import Run, current

FOLDER, FILE = "board", "result.json"

Number = Annotated[float, Field(ge=0)]


class Mismatch(BaseModel):
    """An output of the board that is not the golden one."""

    frame: int
    expected: list[int]
    found: list[int]


class Answer(BaseModel):
    """What the driver's test writes on the board (`deploy.board.accelerator.__main__.measure`)."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    digest: str
    samples: Annotated[int, Field(ge=1)]
    mismatches: Annotated[int, Field(ge=0)]
    first_mismatches: list[Mismatch]
    accuracy: float | None
    agreement: float
    cycles_per_frame: Number
    latency_cycles: int
    latency_us: Number
    fps: Number
    accelerator_fps: Number
    power_w: float | None


def keep(run: Run, result: dict[str, Any]) -> None:
    """Write what a board measured into the run."""
    (run.folder / FOLDER).mkdir(exist_ok=True)
    artifact.write_json(run.folder / FOLDER / FILE, result)


def measured(run: Run) -> dict[str, Any] | None:
    """Return what a board measured of the design that stands in `run`, None where none has."""
    path = run.folder / FOLDER / FILE
    if not path.is_file():
        return None
    rtl = current(run).get("rtl")
    result = artifact.read_json(path)
    known = isinstance(result, dict) and rtl is not None and result.get("digest") == design_digest(rtl)
    return result if known else None
