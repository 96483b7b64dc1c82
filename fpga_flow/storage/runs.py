"""Runs are removed."""

import shutil
from pathlib import Path

from fpga_flow.core import places
from fpga_flow.core.errors import InputError
from fpga_flow.pipeline.run import RECIPE, check_run
from fpga_flow.storage.sizes import taken


def removable(folder: Path) -> Path:
    """Return the resolved path of the run `folder`.

    Raises `InputError` where it is none, is a link to one, or has other runs or the cache in it.
    """
    check_run(folder)
    if folder.is_symlink():
        raise InputError(f"RUN: {folder} is a link; name the folder itself, {folder.resolve()}")
    folder = folder.resolve()
    inside = [path.parent for path in folder.glob(f"*/{RECIPE}")]
    cache = places.cache().resolve()
    if cache.is_relative_to(folder):
        inside.append(cache)
    if inside:
        raise InputError(f"RUN: {folder} holds {inside[0]}, which would go too; remove it by hand")
    return folder


def remove(folder: Path) -> int:
    """Remove the run `folder`, which is locked; returns the bytes that were freed.

    Its recipe goes last: what an interruption leaves is still a run, and can be removed.
    """
    freed = taken(folder).own
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != RECIPE:
            path.unlink()
    shutil.rmtree(folder)
    return freed
