"""The cache of compiled simulators keeps its size: what was not used for longest goes first.

It holds simulators (folders named by the digest of all they depend on, each with a log beside it) and
objects (`objects/*.o`, by the digest of their C++). Both are made anew when they are wanted again.
"""

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LIMIT_BYTES = 4 << 30
"""What the cache may take on disk. A simulator takes 1 to 5 MB, so these are about a thousand."""
GRACE_SECONDS = 3600.0
"""What was used so lately stays, however large the cache is: another process may be about to run it."""
ABANDONED_SECONDS = 24 * 3600.0
"""A build of that age was killed: its folder goes."""
OBJECTS = "objects"
"""Folder of the objects."""
BUILDING = "building-"
"""How the names of folders begin in which simulators are being built."""


@dataclass(frozen=True)
class Entry:
    """One simulator, object or log."""

    path: Path
    used: float
    """Seconds since the epoch."""
    size: int
    """In bytes."""


def touch(path: Path) -> None:
    """Note that `path` (a simulator's folder, or an object) is used now."""
    try:
        os.utime(path)
    except OSError:  # a cache that is read only, or another process took it away just now
        return


def trim(
    cache: Path, limit: int = LIMIT_BYTES, grace: float = GRACE_SECONDS, now: float | None = None
) -> list[Path]:
    """Remove what was not used for longest until `cache` takes at most `limit` bytes; returns what went.

    What was used in the last `grace` seconds stays.
    """
    now = time.time() if now is None else now
    entries = sorted(_entries(cache), key=lambda entry: entry.used)
    total = sum(entry.size for entry in entries)
    gone = []
    for entry in entries:
        age = now - entry.used
        if entry.path.name.startswith(BUILDING):
            goes = age > ABANDONED_SECONDS
        else:
            goes = total > limit and age >= grace
        if not goes:
            continue
        remove(entry.path)
        total -= entry.size
        gone.append(entry.path)
    return gone


def _entries(cache: Path) -> Iterator[Entry]:
    for folder in (cache, cache / OBJECTS):
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            if path.name == OBJECTS:
                continue
            try:
                inside = list(path.rglob("*")) if path.is_dir() else []
                sizes = [each.stat().st_size for each in (path, *inside)]
                yield Entry(path, path.stat().st_mtime, sum(sizes))
            except FileNotFoundError:  # another process took it away, or put it in its place
                continue


def remove(path: Path) -> None:
    """Remove a file or folder of the cache, so that no one finds half of it."""
    if path.is_dir():
        doomed = path.with_name(f"{BUILDING}gone-{path.name}-{os.getpid()}")
        try:
            path.rename(doomed)
        except FileNotFoundError:
            return
        shutil.rmtree(doomed, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
