"""The networks that ever failed, each a JSON file in `failures/`: what it showed, and if that is mended."""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from tests.search.describe import Network, from_json, to_json

FOLDER = Path(__file__).resolve().parent / "failures"


@dataclass(frozen=True)
class Failure:
    """One network that failed once."""

    name: str
    network: Network
    showed: str
    """What was wrong, in a sentence."""
    signature: str
    """Of the outcome at that time."""
    mended: bool
    """Whether it must pass; until then its test is expected to fail."""


def load() -> list[Failure]:
    """Return all of them, by name."""
    return [_read(path) for path in sorted(FOLDER.glob("*.json"))]


def _read(path: Path) -> Failure:
    table = json.loads(path.read_text(encoding="utf-8"))
    network = from_json(json.dumps(table["network"]))
    return Failure(path.stem, network, table["showed"], table["signature"], table["mended"])


def save(network: Network, signature: str, showed: str) -> Path | None:
    """Keep a failing network; returns its file, None where one of that signature is known and not mended."""
    if any(known.signature == signature and not known.mended for known in load()):
        return None
    words = "-".join(re.findall(r"[a-z]+", signature.lower())[:5])
    digest = hashlib.sha256(to_json(network).encode()).hexdigest()[:6]
    path = FOLDER / f"{words}-{digest}.json"
    path.write_text(text(Failure(path.stem, network, showed, signature, False)), encoding="utf-8")
    return path


def text(failure: Failure) -> str:
    """Return what the file of `failure` holds: the network in one line."""
    table = {"showed": failure.showed, "signature": failure.signature, "mended": failure.mended}
    lines = [f'  "{key}": {json.dumps(value)},' for key, value in table.items()]
    return "\n".join(["{", *lines, f'  "network": {to_json(failure.network)}', "}", ""])
