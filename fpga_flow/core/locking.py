"""One flow at a time in a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import say

LOCK = ".lock"
"""Name of the file in a folder that a flow holds while it works there."""
LOOK = 0.5
"""Seconds that a lock is waited for in any case: `is_held` may be looking at it."""


def is_held(lock: Path) -> bool:
    """Return whether another flow holds the file `lock`; one that may not be looked at counts as free."""
    if not lock.is_file():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


@contextmanager
def locked(folder: Path, wait: float = 0.0, remedy: str = "wait for it or use --out") -> Iterator[None]:
    """Hold `folder`, which is made where it is missing, against other flows.

    `wait` is how many seconds another one is waited for; -1: as long as it takes. `remedy` is what
    the user can do.

    Raises `InputError` where another one has it, or it cannot be written.
    """
    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=LOOK)
        except Timeout:
            if not wait:
                raise
            say(f"waiting   for another flow that works on {folder}")
            lock.acquire(timeout=wait)
    except Timeout:
        raise InputError(f"{folder}: another flow is working on this run; {remedy}") from None
    except OSError as error:
        raise InputError(f"--out: {folder} must be a folder that can be written: {error}") from None
    try:
        yield
    finally:
        lock.release()
