"""Artifacts that a stage seems to have made otherwise than it did."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fpga_flow.core import artifact


@contextmanager
def made_otherwise(folder: Path, name: str, text: str) -> Iterator[None]:
    """Give a file of an artifact the content `text`, and the manifest its digest, for a while."""
    file, manifest = folder / name, folder / artifact.MANIFEST
    good = [(path, path.read_text(encoding="utf-8")) for path in (file, manifest)]
    file.write_text(text, encoding="utf-8")
    files = artifact.digest_content(folder)
    agreed = {"files": files, "content": artifact.digest_json(files)}
    artifact.write_json(manifest, json.loads(good[1][1]) | agreed)
    try:
        yield
    finally:
        for path, before in good:
            path.write_text(before, encoding="utf-8")
