"""Artifacts: what a stage makes, in a folder of its own with a manifest and a log.

`RUN/<stage>/` appears by one rename when the stage is done, so a folder that is there is whole.
Until then the stage works in `RUN/<stage>.partial/`, which a killed run finds again and goes on in
when nothing it depends on has changed. A kill between the two renames is mended by `recover`. The
manifest has the digest of every file, so that one that was changed later is noticed (`damage`).
"""

import functools
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from fpga_flow.core.errors import InputError

MANIFEST = "manifest.json"
RESULT = "result.json"
LOG = "log.txt"
EFFORT = "effort.json"
"""What a stage says of its work, not of its result: speeds, what a cache had. It differs each time."""
PARTIAL = ".partial"
OLD = ".old"
DIGEST = ".digest"
OUTDATED = "OUT-OF-DATE.txt"
"""Marks an artifact that was made of inputs or a recipe that have since been replaced."""
_NOT_CONTENT = {MANIFEST, LOG, EFFORT, DIGEST, OUTDATED}
TOOL_LOG = ".log"
"""Suffix of what tools have said, with paths and times."""


@dataclass(frozen=True)
class Manifest:
    """What stands in `manifest.json` of an artifact."""

    stage: str
    digest: str
    """Of everything the stage depends on: inputs, recipe parts, tools, code."""
    inputs: dict[str, str]
    """The content digest of each input artifact, by stage name."""
    recipe: str
    """The digest of the recipe parts the stage depends on."""
    content: str
    """Of `files`; the next stage's digest is made of this."""
    files: dict[str, str]
    """The SHA-256 of every file it made, by its path in the artifact."""
    seconds: float
    tools: dict[str, str]
    parts: list[str] = field(default_factory=list)
    """The dotted parts of the recipe that `recipe` is the digest of; empty: not written down."""
    made: str = ""
    """When it was done, UTC, to the second; empty: not written down."""
    board: str | None = None
    """The digest of the board, where the stage depends on it."""
    read: dict[str, str | None] = field(default_factory=dict)
    """The digest of each file that the recipe names, by its key."""
    code: str = ""
    """The digest of the stage's code; empty: not written down."""


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


def digest_content(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of an artifact, by its path in `folder`.

    Its manifest, its logs and its effort are not content.
    """
    skipped = {folder / name for name in _NOT_CONTENT}
    found = (p for p in folder.rglob("*") if p.is_file() and p not in skipped)
    files = sorted(p for p in found if p.suffix != TOOL_LOG)
    return {path.relative_to(folder).as_posix(): digest_file(path) for path in files}


def digest_file(path: Path) -> str:
    """Return the SHA-256 of the content of `path`; read once as long as it stays as it is."""
    status = path.stat()
    return _digest_file(path, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@functools.lru_cache(maxsize=1 << 14)
def _digest_file(path: Path, *_status: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8; the file is whole or as it was before, also after a loss of power."""
    scratch = path.with_name(path.name + ".new")
    with scratch.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    scratch.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON; the file is whole or as it was before."""
    write_text(path, json.dumps(value, indent=2) + "\n")


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
        manifest = Manifest(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
        return manifest if manifest.content == digest_json(manifest.files) else None
    except (OSError, ValueError, TypeError):
        return None


def damage(folder: Path) -> str | None:
    """Return which file of the artifact in `folder` is not as it was made, in words; None where all are."""
    manifest = read_manifest(folder)
    if manifest is None:
        return f"{folder / MANIFEST}: is missing, damaged or of an older version"
    for name, digest in manifest.files.items():
        path = folder / name
        try:
            if digest_file(path) != digest:
                return f"{path}: has been changed since the stage {manifest.stage} made it"
        except FileNotFoundError:
            return f"{path}: is missing; the stage {manifest.stage} made it"
        except OSError as error:
            return f"{path}: cannot be read: {error.strerror or error}"
    return None


def check_intact(folder: Path) -> None:
    """Raise `InputError` that names a file of the artifact in `folder` which is not as it was made."""
    if found := damage(folder):
        raise damaged(found)


def damaged(words: str) -> InputError:
    """Return the error for what `damage` found, in its `words`."""
    return InputError(f"{words}; the 'flow build' that made this run makes it again")


def write_result(folder: Path, result: BaseModel) -> None:
    """Write what a stage measured and decided into the artifact `folder` (`result.json`)."""
    write_json(folder / RESULT, result.model_dump(mode="json"))


def read_result(folder: Path) -> dict[str, Any]:
    """Return what `write_result` wrote, as it stands there; `fpga_flow.results` has its form."""
    result = read_json(folder / RESULT)
    if not isinstance(result, dict):
        raise InputError(f"{folder / RESULT}: must be a JSON object, not {type(result).__name__}")
    return result


def read_effort(folder: Path) -> dict[str, Any]:
    """Return what the stage that made `folder` says of its work (`effort.json`); nothing if it is silent."""
    path = folder / EFFORT
    return dict(read_json(path)) if path.is_file() else {}


def recover(final: Path) -> None:
    """Bring the artifact `final` to rest after a kill at any point of `finish`."""
    partial, old = final.with_name(final.name + PARTIAL), final.with_name(final.name + OLD)
    if read_manifest(partial) is not None:  # done, but not yet in its place
        _put_in_place(partial, final)
    elif old.exists() and not final.exists():
        os.replace(old, final)
    shutil.rmtree(old, ignore_errors=True)


def open_partial(final: Path, digest: str) -> Path:
    """Return the working folder for `final`: what a killed run left for this digest, or empty."""
    partial = final.with_name(final.name + PARTIAL)
    if not begun(final, digest):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        (partial / DIGEST).write_text(digest, encoding="utf-8")
    return partial


def begun(final: Path, digest: str) -> bool:
    """Return whether a run that was killed has begun to make `final` of this digest."""
    mark = final.with_name(final.name + PARTIAL) / DIGEST
    return mark.is_file() and mark.read_text(encoding="utf-8") == digest


def adopt(source: Path, final: Path, digest: str) -> Manifest | None:
    """Put the artifact `source` of another run in the place of `final` where it is of `digest`.

    Files are hard links where the file system has them: nobody writes into an artifact that is whole. Returns
    the manifest, or None where `source` is no such artifact, or is damaged.
    """
    manifest = read_manifest(source)
    if manifest is None or manifest.digest != digest or damage(source):
        return None
    partial = final.with_name(final.name + PARTIAL)
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial, ignore=shutil.ignore_patterns(MANIFEST, OUTDATED), copy_function=_link)
    write_json(partial / MANIFEST, asdict(manifest))  # last: with it the artifact counts as whole
    _put_in_place(partial, final)
    return manifest


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)


def finish(
    partial: Path,
    final: Path,
    result: BaseModel,
    *,
    depends: Mapping[str, Any],
    seconds: float,
    parts: Sequence[str] = (),
) -> Manifest:
    """Write result and manifest into `partial` and put it in the place of `final`.

    `depends` has the digests of what the stage depends on: inputs, recipe, board, files, tools and code.
    """
    write_result(partial, result)
    files = digest_content(partial)
    manifest = Manifest(
        stage=final.name,
        digest=digest_json(depends),
        inputs=depends["inputs"],
        recipe=depends["recipe"],
        content=digest_json(files),
        files=files,
        seconds=round(seconds, 3),
        tools=depends["tools"],
        parts=list(parts),
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        board=depends["board"],
        read=depends["files"],
        code=depends["code"],
    )
    write_json(partial / MANIFEST, asdict(manifest))
    _put_in_place(partial, final)
    return manifest


def _put_in_place(partial: Path, final: Path) -> None:
    old = final.with_name(final.name + OLD)
    if final.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.replace(final, old)
    (partial / DIGEST).unlink(missing_ok=True)
    os.replace(partial, final)
    shutil.rmtree(old, ignore_errors=True)
