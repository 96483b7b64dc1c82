"""Bytes that files and folders take."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Taken(NamedTuple):
    """Bytes."""

    size: int
    """Of all files; one with several links is counted once."""
    own: int
    """Of those that have no link elsewhere: what removing them frees."""


def taken(*paths: Path) -> Taken:
    """Return what `paths`, files or folders, take together; what vanishes meanwhile takes nothing."""
    links = Counter[tuple[int, int]]()
    files: dict[tuple[int, int], os.stat_result] = {}
    for path in paths:
        for status in _files(path):
            key = status.st_dev, status.st_ino
            links[key] += 1
            files[key] = status
    size = sum(status.st_size for status in files.values())
    return Taken(size, sum(status.st_size for key, status in files.items() if links[key] >= status.st_nlink))


def _files(path: Path) -> Iterator[os.stat_result]:
    if path.is_dir() and not path.is_symlink():
        inside = [Path(folder) / name for folder, _, names in os.walk(path) for name in names]
    else:
        inside = [path]
    for file in inside:
        try:
            yield file.lstat()
        except FileNotFoundError:
            continue
