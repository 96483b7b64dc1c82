"""Which data the report's numbers come from."""

from collections.abc import Mapping
from typing import Any


def data_note(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return in words what the stages say about their test frames; empty where no stage has used any."""
    for stage in ("prune", "train", "export"):
        data = found.get(stage, {}).get("data")
        if isinstance(data, str):
            return data
        if data:
            return _words(data)
    return ""


def _words(data: Mapping[str, Any]) -> str:
    words = [
        f"{data['name']} (generated)" if data["generated"] else data["name"],
        f"{data['classes']} classes",
    ]
    if snr := data.get("snr_db"):
        words.append(f"{min(snr):g} to {max(snr):g} dB SNR")
    return ", ".join(words)
