"""Which data the report's numbers come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fpga_flow.flow import Run


@dataclass(frozen=True)
class DataNote:
    """The test frames in words; `generated` says that they are no recordings."""

    text: str
    generated: bool


def data_note(run: Run, found: Mapping[str, Mapping[str, Any]]) -> DataNote | None:
    """Return what the stages say about their data; None where no stage has used any."""
    for stage in ("export", "prune", "train"):
        data = found.get(stage, {}).get("data")
        if data:
            return DataNote(_words(data), bool(data.get("generated", False)))
    return None


def _words(data: Mapping[str, Any]) -> str:
    words = [f"{data['name']}"]
    if data.get("generated"):
        words.append("(generated)")
    if data.get("classes"):
        classes = data["classes"]
        words.append(f"{classes if isinstance(classes, int) else len(classes)} classes")
    snr = data.get("snr_db")
    if snr:
        words.append(f"{min(snr)} to {max(snr)} dB SNR")
    return ", ".join(words).replace(", (", " (")
