"""The file of RadioML 2018.01A, or a generated one of its layout: whether it is one, and what it holds.

X: float32 (N, length, 2), I and Q. Y: one-hot class (N, 24). Z: SNR in dB (N, 1). Frames are ordered by
class, then SNR, in blocks of equal size (4096 in the real file of 18 GB, of which only slices are read).
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import h5py
import numpy as np

from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import bar
from fpga_flow.core.recipe_parts.data import LENGTHS
from fpga_flow.data.constellations import CLASSES
from fpga_flow.data.hdf5 import dataset, opened

ROWS = 1 << 16
"""Rows of Y and Z that are checked at once."""
NAME = "RadioML 2018.01A (GOLD_XYZ_OSC.0001_1024.hdf5)"
HOLDS = "X, Y and Z"
_OLD = "which looks like RadioML 2016; only 2018.01A can be read"


@dataclass(frozen=True)
class Layout:
    """What a file was found to hold."""

    path: Path
    frames: int
    length: int
    """Complex samples per frame."""
    block: int
    """Frames of one class and SNR."""
    snr_db: tuple[int, ...]
    """Ascending."""
    origin: str | None
    """What the file says about its generator; None for recorded data."""


def inspect(path: Path) -> Layout:
    """Check the file at `path` and return its layout; Y and Z are looked at row by row.

    Raises `InputError` for everything that is not RadioML 2018.01A, ordered as that is.
    """
    try:
        status = path.stat()
    except OSError:
        raise InputError(f"{path}: no such file; data.file must name {NAME}") from None
    return _inspect(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=16)
def _inspect(path: Path, size: int, modified: int) -> Layout:
    with opened(path, NAME) as file:
        x, y, z = (dataset(path, file, key, HOLDS, NAME) for key in "XYZ")
        _check_shapes(path, x, y, z)
        starts, labels, ratios = _runs(path, y, z)
        block = _check_blocks(path, len(x), starts, labels, ratios)
        return Layout(
            path=path,
            frames=len(x),
            length=x.shape[1],
            block=block,
            snr_db=tuple(ratios[: len(ratios) // len(CLASSES)]),
            origin=_origin(file),
        )


def _origin(file: h5py.File) -> str | None:
    """Return what a generated file says about itself; it may be anyone's, so only a line of plain text."""
    if "generated" not in file.attrs:
        return None
    text = str(file.attrs.get("source", "generated, by what is not said"))
    return "".join(letter for letter in text if letter.isprintable())[:200]


def _check_shapes(path: Path, x: h5py.Dataset, y: h5py.Dataset, z: h5py.Dataset) -> None:
    for key, data, kinds in (("X", x, "f"), ("Y", y, "iuf"), ("Z", z, "iuf")):
        if data.dtype.kind not in kinds or (key == "X" and data.dtype != np.float32):
            must = "float32" if key == "X" else "numbers"
            raise InputError(f"{path}: {key} must be {must}, not {data.dtype}; data.file: {NAME}")
    if len(x.shape) != 3 or x.shape[2] != 2 or not x.shape[0] or not x.shape[1]:
        old = f", {_OLD}" if x.shape[1:] == (2, 128) else ""
        raise InputError(f"{path}: X must have shape (frames, length, 2), not {x.shape}{old}")
    if x.shape[1] > LENGTHS[1]:
        raise InputError(f"{path}: X must have frames of at most {LENGTHS[1]:,} samples, not {x.shape[1]:,}")
    if y.shape != (len(x), len(CLASSES)):
        old = f", {_OLD}" if len(y.shape) == 2 and y.shape[1] in (10, 11) else ""
        raise InputError(f"{path}: Y must have shape ({len(x)}, {len(CLASSES)}), not {y.shape}{old}")
    if z.shape != (len(x), 1):
        raise InputError(f"{path}: Z must have shape ({len(x)}, 1), not {z.shape}")


def _runs(path: Path, y: h5py.Dataset, z: h5py.Dataset) -> tuple[list[int], list[int], list[int]]:
    """Return where each run of equal class and SNR starts, and the class and SNR of each run."""
    starts: list[int] = []
    labels: list[int] = []
    ratios: list[int] = []
    with bar("checking labels and SNR of the data", len(y), "frames") as advance:
        for row in range(0, len(y), ROWS):
            one_hot, snr = y[row : row + ROWS], z[row : row + ROWS, 0]
            label = one_hot.argmax(axis=1)
            wrong = (np.count_nonzero(one_hot, axis=1) != 1) | (one_hot.max(axis=1) != 1)
            if wrong.any():
                raise InputError(
                    f"{path}: Y must have a single 1 in every row; row {row + wrong.argmax()} has not"
                )
            wrong = (snr != np.rint(snr)) | (np.abs(snr) > 1000)
            if wrong.any():
                at = wrong.argmax()
                raise InputError(f"{path}: Z must be SNR in whole dB, not {snr[at]} as in row {row + at}")
            both = np.stack([label, snr.astype(np.int64)])
            last = [[labels[-1]], [ratios[-1]]] if labels else [[-1], [0]]
            changed = np.flatnonzero((both != np.hstack([last, both[:, :-1]])).any(axis=0))
            starts += (row + changed).tolist()
            labels += both[0, changed].tolist()
            ratios += both[1, changed].tolist()
            if len(starts) > 1000 * len(CLASSES):
                raise InputError(f"{path}: must be ordered by class, then SNR; it is in no such order")
            advance(len(label))
    return starts, labels, ratios


def _check_blocks(path: Path, frames: int, starts: list[int], labels: list[int], ratios: list[int]) -> int:
    """Return the frames of a block; raise `InputError` where blocks are not as they must be."""
    must = "must be ordered by class, then ascending SNR, in blocks of equal size"
    per_class = labels.count(0)
    block = starts[1] if len(starts) > 1 else frames
    expected = [
        (number * block, label, ratio)
        for number, (label, ratio) in enumerate(
            (label, ratio) for label in range(len(CLASSES)) for ratio in sorted(set(ratios[:per_class]))
        )
    ]
    for want, found in zip(expected, zip(starts, labels, ratios, strict=True), strict=False):
        if want != found:
            raise InputError(
                f"{path}: {must}; at row {found[0]} {CLASSES[found[1]]} at {found[2]} dB starts, "
                f"expected {CLASSES[want[1]]} at {want[2]} dB at row {want[0]}"
            )
    if len(starts) != len(expected) or frames != block * len(expected):
        raise InputError(
            f"{path}: {must}; {frames:,} frames in {len(starts)} blocks were found, "
            f"expected {len(expected)} blocks of {block}"
        )
    return block
