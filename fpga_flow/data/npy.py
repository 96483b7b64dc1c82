"""NumPy's own files, .npy alone or inside .npz, read without Python's pickles.

An array of objects is stored as a pickle, which runs code where it is loaded: it is refused, but for lists of
texts (`read_texts`), which `fpga_flow.data.pickled` reads without running anything. Heads are looked at
before anything is allocated, as they may claim any size.
"""

import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from fpga_flow.core.errors import InputError
from fpga_flow.data import pickled

MAX_BYTES = 1 << 30
"""An array that claims to be larger is refused: the largest that is known here has 85 MB."""
KINDS = {"u": "unsigned whole numbers", "iu": "whole numbers", "f": "floats", "fiu": "numbers"}
Shape = tuple[int | None, ...]


def read_npy(path: Path, shape: Shape, kinds: str) -> NDArray[Any]:
    """Return the array in `path`; of `shape`, None stands for any number of rows, of `kinds` one must be its.

    Raises `InputError` naming the file, what it holds and what it must hold.
    """
    with opened(path) as stream:
        return read_array(stream, str(path), shape, kinds)


def read_npz(path: Path, wanted: dict[str, tuple[Shape, str]]) -> dict[str, NDArray[Any]]:
    """Return the arrays `wanted` (name -> shape and kinds as of `read_npy`) of the .npz file `path`."""
    with _archive(path) as archive:
        held = {name.removesuffix(".npy") for name in archive.namelist()}
        missing = [name for name in wanted if name not in held]
        if missing:
            raise InputError(
                f"{path}: must hold {', '.join(wanted)}, has no {', '.join(missing)} "
                f"(it holds {_names(held)})"
            )
        found = {}
        for name, (shape, kinds) in wanted.items():
            with archive.open(f"{name}.npy") as stream:
                found[name] = read_array(stream, f"{path}: {name}", shape, kinds)
        return found


def read_all(path: Path) -> dict[str, NDArray[Any]]:
    """Return all arrays of the .npz file `path`, which must hold numbers, truth values or texts."""
    with _archive(path) as archive:
        found = {}
        for member in archive.namelist():
            name = member.removesuffix(".npy")
            with archive.open(member) as stream:
                shape, by_columns, dtype = _head(stream, f"{path}: {name}")
                if dtype.hasobject or dtype.kind not in "fiubU":
                    raise InputError(
                        f"{path}: {name} must hold numbers or texts, not {dtype}; Python objects are never "
                        "loaded"
                    )
                found[name] = _values(stream, f"{path}: {name}", shape, by_columns, dtype)
        return found


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the .npz file `path`; what is wrong with it as an archive becomes `InputError`."""
    try:
        with opened(path) as file, zipfile.ZipFile(file) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, KeyError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path}: is no whole .npz file ({error}); get the file again") from None


def read_texts(path: Path) -> list[str]:
    """Return the texts in `path`, an array of one axis of texts, or of objects that are texts."""
    with opened(path) as stream:
        shape, _, dtype = _head(stream, str(path))
        if len(shape) != 1:
            raise InputError(f"{path}: must have one axis, of texts, not the shape {shape}")
        if dtype.kind == "U":
            return [str(text) for text in _values(stream, str(path), shape, False, dtype)]
        if dtype.kind != "O":
            raise InputError(f"{path}: must hold texts, not {dtype}")
        try:
            held = pickled.read(stream.read(MAX_BYTES))
        except ValueError as error:
            raise InputError(f"{path}: holds objects, and its pickle {error}") from None
    if not isinstance(held, list) or not all(isinstance(text, str) for text in held):
        raise InputError(f"{path}: must hold texts, not other objects")
    return held


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open `path` for reading; errors of the system in the body become `InputError`."""
    try:
        with path.open("rb") as stream:
            yield stream
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def read_array(stream: IO[bytes], where: str, shape: Shape, kinds: str) -> NDArray[Any]:
    """Return the array that begins in `stream`; see `read_npy`."""
    found, by_columns, dtype = _head(stream, where)
    if dtype.hasobject:
        raise InputError(
            f"{where}: must hold {KINDS[kinds]}; it holds Python objects, which are never loaded"
        )
    if dtype.kind not in kinds:
        raise InputError(f"{where}: must hold {KINDS[kinds]}, not {dtype}")
    if len(found) != len(shape) or any(n is not None and n != m for n, m in zip(shape, found, strict=False)):
        raise InputError(f"{where}: must have shape {_shown(shape)}, not {_shown(found)}")
    return _values(stream, where, found, by_columns, dtype)


def _head(stream: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, by_columns, dtype = read(stream)
    except (ValueError, EOFError) as error:
        raise InputError(f"{where}: is no .npy array ({str(error).splitlines()[0]})") from None
    size = math.prod(shape) * max(dtype.itemsize, 1)
    if not 0 < size <= MAX_BYTES:
        raise InputError(
            f"{where}: must hold 1 to {MAX_BYTES:,} bytes; its head says {size:,}, shape {shape}"
        )
    return shape, by_columns, dtype


def _values(
    stream: IO[bytes], where: str, shape: tuple[int, ...], by_columns: bool, dtype: np.dtype[Any]
) -> NDArray[Any]:
    size = math.prod(shape) * dtype.itemsize
    content = stream.read(size + 1)
    if len(content) != size:
        found = f"holds {len(content):,}" if len(content) < size else "holds more"
        raise InputError(f"{where}: its head says {size:,} bytes, but it {found}; get the file again")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if by_columns else "C")


def _names(held: set[str]) -> str:
    return ", ".join(sorted(held)[:8])[:200] or "nothing"


def _shown(shape: Shape) -> str:
    return f"({', '.join('N' if n is None else str(n) for n in shape)})"
