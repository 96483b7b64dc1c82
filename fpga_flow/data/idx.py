"""Files in the IDX format of MNIST: a head of big-endian numbers, then bytes; plain or compressed by gzip.

The format is described by Y. LeCun's page of MNIST: two zero bytes, the type of the values (8: unsigned
bytes), the number of axes, the length of each axis in four bytes, the values in C order.
"""

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from fpga_flow.core.errors import InputError

Bytes = NDArray[np.uint8]
UNSIGNED_BYTES = 8
MAX_VALUES = 1 << 28
"""A file that claims to hold more is refused before anything is read: MNIST's largest holds 47 million."""
_GZIP = b"\x1f\x8b"


def read_idx(path: Path, axes: int) -> Bytes:
    """Return the values of `path`, which must have so many axes: 3 for pictures, 1 for labels.

    Raises `InputError` naming the file where it is missing, no IDX file of bytes, of another number of axes
    (as where pictures and labels are swapped), truncated, longer than its head says, or unreasonably large.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
            file.seek(0)
            if not packed:
                return _read(file, path, axes)
            with gzip.open(file) as stream:
                return _read(stream, path, axes)
    except (OSError, EOFError, zlib.error) as error:
        what = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"{path}: {what}") from None


def _read(stream: BinaryIO | gzip.GzipFile, path: Path, axes: int) -> Bytes:
    head = stream.read(4)
    if len(head) < 4 or head[:2] != b"\0\0":
        raise InputError(
            f"{path}: is no IDX file: it must begin with two zero bytes, not {head[:4].hex(' ')!r}"
        )
    if head[2] != UNSIGNED_BYTES:
        raise InputError(f"{path}: must hold unsigned bytes (type 8), not type {head[2]}")
    if head[3] != axes:
        kind = {1: "labels", 3: "pictures"}
        raise InputError(
            f"{path}: must have {axes} axes ({kind.get(axes, 'values')}), not {head[3]}"
            + (f": it holds {kind[head[3]]}" if head[3] in kind else "")
        )
    lengths = stream.read(4 * axes)
    if len(lengths) < 4 * axes:
        raise InputError(f"{path}: ends within its head; get the file again")
    shape = tuple(int(n) for n in np.frombuffer(lengths, dtype=">u4"))
    count = math.prod(shape)
    if not 0 < count <= MAX_VALUES:
        raise InputError(
            f"{path}: must hold 1 to {MAX_VALUES:,} values, not {count:,} (its shape is {shape})"
        )
    values = stream.read(count + 1)
    if len(values) != count:
        found = f"holds {len(values):,}" if len(values) < count else "holds more"
        raise InputError(f"{path}: its head says {count:,} values, but it {found}; get the file again")
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)
