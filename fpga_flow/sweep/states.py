"""How the points of a sweep have ended, in files beside their runs.

A run itself cannot say that it failed, and of a failed one there may be no folder at all.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from fpga_flow.core import artifact
from fpga_flow.core.errors import InputError

SUFFIX = ".point.json"
LOG_SUFFIX = ".log"


@dataclass(frozen=True)
class Ended:
    """How a point, or a part of its stages, has ended."""

    state: Literal["done", "failed"]
    until: str
    """The last stage that was asked for."""
    recipe: dict[str, Any]
    exit_code: int = 0
    """That `flow build` would have ended with."""
    message: str | None = None
    """Why it failed."""


def state_file(folder: Path) -> Path:
    """Return the file about the point whose run is in `folder`."""
    return folder.with_name(folder.name + SUFFIX)


def log_file(folder: Path) -> Path:
    """Return the file with what `flow build` would have said while it built the point."""
    return folder.with_name(folder.name + LOG_SUFFIX)


def write_state(folder: Path, ended: Ended) -> None:
    """Write down how the point in `folder` has ended."""
    artifact.write_json(state_file(folder), asdict(ended))


def read_state(folder: Path) -> Ended | None:
    """Return how the point in `folder` has ended; None where it has not, or has been worked on since."""
    path = state_file(folder)
    if not path.is_file():
        return None
    try:
        ended = Ended(**artifact.read_json(path))
    except TypeError:
        raise InputError(f"{path}: is not what 'flow sweep' writes; delete it") from None
    written = path.stat().st_mtime_ns
    newer = any(file.stat().st_mtime_ns > written for file in folder.glob(f"*/{artifact.MANIFEST}"))
    return None if newer else ended
