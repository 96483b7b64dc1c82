"""One flow at a time in a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import say


@contextmanager
def locked(folder: Path, wait: float = 0.0) -> Iterator[None]:
    """Hold `folder`, which is made where it is missing, against other flows.

    `wait` is how many seconds another one is waited for; -1: as long as it takes.

    Raises `InputError` where another one has it, or it cannot be written.
    """
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if not wait:
                raise
            say(f"waiting   for another flow that works on {folder}")
            lock.acquire(timeout=wait)
    except Timeout:
        raise InputError(f"{folder}: another flow is working on this run; wait for it or use --out") from None
    except OSError as error:
        raise InputError(f"--out: {folder} must be a folder that can be written: {error}") from None
    try:
        yield
    finally:
        lock.release()
