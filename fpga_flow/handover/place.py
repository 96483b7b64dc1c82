"""Where an export may go: an empty folder, or what an earlier export wrote and nothing else."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fpga_flow.core import artifact
from fpga_flow.core.errors import InputError

MANIFEST = "export.json"
"""Path and SHA-256 of every file of the export but this one."""
BUILT = "build"
"""Folder that the Makefile builds in; it stays where the export is replaced."""
SHOWN = 3
"""Foreign files that an error names, at most."""


def checked(target: Path, force: bool) -> bool:
    """Return whether `target` has an earlier export that is to be replaced.

    Raises `InputError` where it is not empty and `force` is not given, or it has files that no export wrote
    or that were changed since.
    """
    if not target.exists() and not target.is_symlink():
        return False
    if not target.is_dir() or target.is_symlink():
        raise InputError(f"{target}: must be a folder, or not be there yet; name another one")
    if not any(target.iterdir()):
        return False
    if not (target / MANIFEST).is_file():
        raise InputError(
            f"{target}: is not empty, and no export wrote it ({MANIFEST} is missing); name an empty or a new "
            "folder"
        )
    if not force:
        raise InputError(
            f"{target}: has an export already; give --force to replace it, or name another folder"
        )
    kept = _foreign(target)
    if kept:
        more = f" and {len(kept) - SHOWN} more" if len(kept) > SHOWN else ""
        raise InputError(
            f"{target}: {', '.join(kept[:SHOWN])}{more}: no export wrote this, or it was changed since; move "
            "it away, or name another folder"
        )
    return True


def _foreign(target: Path) -> list[str]:
    """Return the paths in `target` that are not as an export wrote them."""
    table = artifact.read_json(target / MANIFEST)
    files = table.get("files") if isinstance(table, dict) else None
    if not isinstance(files, dict):
        raise InputError(f"{target / MANIFEST}: is not what an export writes; name another folder")
    found = []
    for path in sorted(target.rglob("*")):
        name = path.relative_to(target).as_posix()
        if name == MANIFEST or name.split("/")[0] == BUILT or (path.is_dir() and not path.is_symlink()):
            continue
        if path.is_symlink() or not path.is_file() or files.get(name) != artifact.digest_file(path):
            found.append(name)
    return found


@contextmanager
def fill(target: Path, force: bool) -> Iterator[Path]:
    """Yield a folder beside `target` that takes its place where the block ends well, else goes away.

    Raises `InputError` as `checked` does, at the begin and again at the end, or where nothing can be written.
    """
    target = Path(os.path.abspath(target))
    checked(target, force)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise InputError(f"{target}: must be a folder that can be written: {error}") from None
    new, old = scratch / "new", scratch / "old"
    new.mkdir()
    try:
        yield new
        artifact.write_json(new / MANIFEST, {"program": "fpga_flow", "files": _digests(new)})
        if checked(target, force):
            os.replace(target, old)
        os.replace(new, target)  # an empty folder gives way
        if (old / BUILT).exists():
            os.replace(old / BUILT, target / BUILT)
    finally:
        if old.exists() and not target.exists():
            os.replace(old, target)
        shutil.rmtree(scratch, ignore_errors=True)


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): artifact.digest_file(path) for path in files}
