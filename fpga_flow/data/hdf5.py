"""HDF5 files of users, opened so that everything that can be wrong with them is said in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from fpga_flow.core.errors import InputError

_MAGIC = {
    b"\x80": "a Python pickle, as RadioML 2016 is, and pickles are never opened",
    b"(dp": "a Python pickle, as RadioML 2016 is, and pickles are never opened",
    b"BZh": "a bzip2 archive, as RadioML 2016 comes in; unpack it and name the .hdf5 file",
    b"\x1f\x8b": "a gzip archive; unpack it and name the .hdf5 file",
    b"PK": "a zip archive; unpack it and name the .hdf5 file",
}


@contextmanager
def opened(path: Path, wanted: str) -> Iterator[h5py.File]:
    """Open `path` for reading; errors of the HDF5 library in the body become `InputError`.

    `wanted` is what messages say it must be.
    """
    if not path.is_file():
        raise InputError(f"{path}: must be a file, {wanted}")
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if not h5py.is_hdf5(path):
        found = next((text for magic, text in _MAGIC.items() if start.startswith(magic)), "no HDF5 file")
        raise InputError(f"{path}: is {found}; data.file must name {wanted}")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError, ValueError) as error:  # all these h5py raises on damaged files
        what = "is truncated" if "truncated" in str(error) else f"cannot be read ({error})"
        raise InputError(
            f"{path}: {what}, {path.stat().st_size:,} bytes; copy or download it again"
        ) from error


def dataset(path: Path, file: h5py.File, key: str, holds: str, wanted: str) -> h5py.Dataset:
    """Return the array `key` of an open file; raises `InputError` where there is none in this very file.

    `holds` and `wanted` are what messages say the file must hold and be.
    """
    link = file.get(key, getlink=True)
    if link is None:
        keys = ", ".join(sorted(map(str, file))[:8]) or "nothing"
        raise InputError(f"{path}: must hold {holds}, has no {key} (it holds {keys}); data.file: {wanted}")
    found = file[key] if isinstance(link, h5py.HardLink) else None
    if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external:
        raise InputError(f"{path}: {key} must be an array in this file, not a group or a link elsewhere")
    return found
