"""Artifacts: what a stage makes, in a folder of its own with a manifest and a log.

`RUN/<stage>/` appears by one rename when the stage is done, so a folder that is there is whole.
Until then the stage works in `RUN/<stage>.partial/`, which a killed run finds again and goes on in
when nothing it depends on has changed.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fpga_flow.errors import InputError

MANIFEST = "manifest.json"
RESULT = "result.json"
LOG = "log.txt"
PARTIAL = ".partial"
DIGEST = ".digest"
_NOT_CONTENT = {MANIFEST, LOG, DIGEST}


@dataclass(frozen=True)
class Manifest:
    """What stands in `manifest.json` of an artifact."""

    stage: str
    digest: str
    """Of everything the stage depends on: inputs, recipe parts, tools, code."""
    content: str
    """Of the files it made; the next stage's digest is made of this."""
    seconds: float
    tools: dict[str, str]


def digest_json(value: Any) -> str:
    """Return the SHA-256 of `value` written as canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def digest_files(root: Path, files: Iterable[Path]) -> str:
    """Return the SHA-256 over the relative names and contents of `files` below `root`."""
    total = hashlib.sha256()
    for path in sorted(files):
        total.update(path.relative_to(root).as_posix().encode() + b"\0")
        with path.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def digest_folder(folder: Path) -> str:
    """Return the digest of an artifact's content (not of its manifest and log)."""
    files = (p for p in folder.rglob("*") if p.is_file() and p.name not in _NOT_CONTENT)
    return digest_files(folder, files)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON; the file is whole or not there at all."""
    scratch = path.with_name(path.name + ".new")
    scratch.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    scratch.replace(path)


def read_json(path: Path) -> Any:
    """Read JSON; raises `InputError` naming the file where it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}") from None


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest of the artifact in `folder`, or None where none (or none whole) stands."""
    try:
        return Manifest(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def read_result(folder: Path) -> dict[str, Any]:
    """Return what the stage that made `folder` measured and decided (`result.json`)."""
    result = read_json(folder / RESULT)
    if not isinstance(result, dict):
        raise InputError(f"{folder / RESULT}: must be a JSON object, not {type(result).__name__}")
    return result


def open_partial(final: Path, digest: str) -> Path:
    """Return the working folder for `final`: what a killed run left for this digest, or empty."""
    partial = final.with_name(final.name + PARTIAL)
    mark = partial / DIGEST
    if not (mark.is_file() and mark.read_text() == digest):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        mark.write_text(digest)
    return partial


def finish(
    partial: Path,
    final: Path,
    digest: str,
    result: Mapping[str, Any],
    seconds: float,
    tools: dict[str, str],
) -> Manifest:
    """Write result and manifest into `partial` and put it in the place of `final`."""
    write_json(partial / RESULT, result)
    (partial / DIGEST).unlink(missing_ok=True)
    manifest = Manifest(final.name, digest, digest_folder(partial), round(seconds, 3), tools)
    write_json(partial / MANIFEST, asdict(manifest))
    old = final.with_name(final.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if final.exists():
        os.replace(final, old)
    os.replace(partial, final)
    shutil.rmtree(old, ignore_errors=True)
    return manifest
