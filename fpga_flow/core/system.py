"""What the operating system says, in the user's terms: a full disk, a path too long, no memory."""

import errno
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fpga_flow.core.errors import FlowError, InputError, ToolError

FULL = {errno.ENOSPC, errno.EDQUOT}
WRONG_PATH = {
    errno.ENAMETOOLONG,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ELOOP,
    errno.ENOTDIR,
    errno.EISDIR,
}
LITTLE = 1 << 20
"""Bytes free at which a disk counts as full."""
SHOWN = 200
"""Characters of a path in a message."""


def explained(error: BaseException, folders: Sequence[Path] = ()) -> FlowError | None:
    """Return `error` as one that the user can do something about, None where it is none of those.

    `folders` are those that were written to, for an error that does not say where.
    """
    if isinstance(error, MemoryError):
        return ToolError(f"out of memory ({error}); use a smaller network, or a machine that has more")
    if not isinstance(error, OSError):
        return None
    if error.errno in FULL or (error.errno is None and "written" in str(error)):  # NumPy's gives no number
        return ToolError(
            f"no space is left on the disk of {_place(error, folders)}; free some, or write elsewhere"
        )
    if error.errno in WRONG_PATH and error.filename is not None:
        name = str(error.filename)
        shown = name if len(name) <= SHOWN else f"{name[:SHOWN]}... ({len(name)} characters)"
        return InputError(f"{shown}: {error.strerror}; name another file or folder")
    return None


@contextmanager
def writing(*folders: Path) -> Iterator[None]:
    """Name `folders`, and the one for temporary files, where the disk gets full and no error says where."""
    try:
        yield
    except OSError as error:
        found = explained(error, folders)
        if not isinstance(found, ToolError):
            raise
        raise found from error


def _place(error: OSError, folders: Sequence[Path]) -> str:
    if error.filename is not None:
        return str(error.filename)
    written = [*folders, Path(tempfile.gettempdir())]
    full = [folder for folder in written if folder.exists() and shutil.disk_usage(folder).free < LITTLE]
    return " or ".join(str(folder) for folder in full or written)
