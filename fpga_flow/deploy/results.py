"""What a board measured, kept in the run; light, since every report looks for it."""

from pathlib import Path
from typing import Any

from fpga_flow import artifact
from fpga_flow.flow import Run, current

FOLDER, FILE = "board", "result.json"


def design_digest(rtl: Path) -> str:
    """Return the digest (64 hexadecimal digits) that bitstream, package and results of a design share.

    `rtl` is the design's artifact; its content holds the weights.
    """
    manifest = artifact.read_manifest(rtl)
    assert manifest is not None, f"{rtl} is no artifact"
    return artifact.digest_json({"rtl": manifest.content})


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
    result: dict[str, Any] = artifact.read_json(path)
    return result if rtl is not None and result["digest"] == design_digest(rtl) else None
