"""RadioML 2018.01A: the file `GOLD_XYZ_OSC.0001_1024.hdf5`, or a generated one of the same layout.

X: float32 (N, length, 2), I and Q. Y: one-hot class (N, 24). Z: SNR in dB (N, 1). Frames are ordered by
class, then SNR, in blocks of equal size (4096 in the real file of 18 GB, of which only slices are read).
The data set is DeepSig's, for non-commercial use; users bring it themselves.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import Literal

import h5py
import numpy as np

from fpga_flow.data.constellations import CLASSES
from fpga_flow.data.frames import Frames, Indices, Values
from fpga_flow.errors import InputError
from fpga_flow.progress import bar
from fpga_flow.recipe_parts import LENGTHS

Split = Literal["train", "validation", "test"]
CHALLENGE_SEED = 2018
TEST_SHARE = 0.1
ROWS = 1 << 16
"""Rows of Y and Z that are checked at once."""
READ_FRAMES = 2048
"""At most so many frames stand between the first and the last of one read."""
READ_GAP = 16
"""Frames that are read and thrown away rather than starting another read."""
NAME = "RadioML 2018.01A (GOLD_XYZ_OSC.0001_1024.hdf5)"
_OLD = "which looks like RadioML 2016; only 2018.01A can be read"
_MAGIC = {
    b"\x80": "a Python pickle, as RadioML 2016 is, and pickles are never opened",
    b"(dp": "a Python pickle, as RadioML 2016 is, and pickles are never opened",
    b"BZh": "a bzip2 archive, as RadioML 2016 comes in; unpack it and name the .hdf5 file",
    b"\x1f\x8b": "a gzip archive; unpack it and name the .hdf5 file",
    b"PK": "a zip archive; unpack it and name the .hdf5 file",
}


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
    with _opened(path) as file:
        x, y, z = (_dataset(path, file, key) for key in "XYZ")
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


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """Open `path` for reading; errors of the HDF5 library in the body become `InputError`."""
    if not path.is_file():
        raise InputError(f"{path}: must be a file, {NAME}")
    try:
        with path.open("rb") as stream:
            start = stream.read(8)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if not h5py.is_hdf5(path):
        found = next((text for magic, text in _MAGIC.items() if start.startswith(magic)), "no HDF5 file")
        raise InputError(f"{path}: is {found}; data.file must name {NAME}")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError, ValueError) as error:  # all these h5py raises on damaged files
        what = "is truncated" if "truncated" in str(error) else f"cannot be read ({error})"
        raise InputError(
            f"{path}: {what}, {path.stat().st_size:,} bytes; copy or download it again"
        ) from error


def _dataset(path: Path, file: h5py.File, key: str) -> h5py.Dataset:
    link = file.get(key, getlink=True)
    if link is None:
        keys = ", ".join(sorted(map(str, file))[:8]) or "nothing"
        raise InputError(f"{path}: must hold X, Y and Z, has no {key} (it holds {keys}); data.file: {NAME}")
    found = file[key] if isinstance(link, h5py.HardLink) else None
    if not isinstance(found, h5py.Dataset) or found.is_virtual or found.external:
        raise InputError(f"{path}: {key} must be an array in this file, not a group or a link elsewhere")
    return found


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
    with bar("checking the data's blocks", len(y)) as advance:
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


def split_indices(block: int, ratios: int, split: Split, validation_share: float, seed: int) -> list[Indices]:
    """Return the rows of `split`, one array a block, in the order of the file's blocks.

    Test and train are the split of the ITU challenge of 2021: numpy's `RandomState(2018)` shuffles the
    rows of each block in turn, and the first tenth (rounded up) is test. Of what is left the part
    `validation_share` (rounded up) is validation, chosen with `seed`.
    """
    challenge = np.random.RandomState(CHALLENGE_SEED)
    chosen = []
    for number in range(len(CLASSES) * ratios):
        rows = np.arange(number * block, (number + 1) * block)
        challenge.shuffle(rows)
        test = ceil(TEST_SHARE * block)
        if split == "test":
            chosen.append(rows[:test])
            continue
        kept = rows[test:]
        aside = np.random.default_rng((seed, number)).permutation(len(kept))
        validation = ceil(validation_share * len(kept))
        chosen.append(kept[np.sort(aside[:validation] if split == "validation" else aside[validation:])])
    return chosen


def frames(
    layout: Layout,
    split: Split,
    snr_db: tuple[int, ...],
    validation_share: float,
    seed: int,
    train_per_block: int | None = None,
) -> Frames:
    """Return one split of the file, of the blocks whose SNR is in `snr_db`.

    `train_per_block` limits the training frames of each block.

    Raises `InputError` where the file has no such SNR, or its blocks are too small to split.
    """
    missing = sorted(set(snr_db) - set(layout.snr_db))
    if missing:
        raise InputError(f"data.snr_db: {layout.path} has {list(layout.snr_db)} dB, not {missing}")
    blocks = split_indices(layout.block, len(layout.snr_db), split, validation_share, seed)
    wanted = [
        (label, ratio, blocks[label * len(layout.snr_db) + place])
        for label in range(len(CLASSES))
        for place, ratio in enumerate(layout.snr_db)
        if ratio in snr_db
    ]
    if split == "train" and train_per_block is not None:
        wanted = [(label, ratio, rows[:train_per_block]) for label, ratio, rows in wanted]
    rows = np.concatenate([rows for _, _, rows in wanted])
    if not len(rows):
        raise InputError(
            f"{layout.path}: blocks of {layout.block} frames are too small for train, validation and test"
        )
    sizes = [len(rows) for _, _, rows in wanted]

    def fetch(indices: Indices) -> Values:
        return read_rows(layout.path, rows[indices])

    kind = layout.origin or "RadioML 2018.01A, recorded"
    return Frames(
        classes=CLASSES,
        labels=np.repeat([label for label, _, _ in wanted], sizes).astype(np.int64),
        snr_db=np.repeat([ratio for _, ratio, _ in wanted], sizes).astype(np.int64),
        shape=(2, layout.length),
        generated=layout.origin is not None,
        source=f"{kind}; {split}: {len(rows):,} frames at {min(snr_db)} to {max(snr_db)} dB",
        fetch=fetch,
    )


def read_rows(path: Path, rows: Indices) -> Values:
    """Return rows of X, channels first, float32 (n, 2, length), reading runs of neighbours at once."""
    unique, place = np.unique(rows, return_inverse=True)
    with _opened(path) as file:
        x = _dataset(path, file, "X")
        values = np.empty((len(unique), *x.shape[1:]), dtype=np.float32)
        for start, stop in _stretches(unique):
            first = int(unique[start])
            piece = x[first : int(unique[stop - 1]) + 1]
            values[start:stop] = piece[unique[start:stop] - first]
    if not np.isfinite(values).all():
        bad = unique[~np.isfinite(values).all(axis=(1, 2))][0]
        raise InputError(f"{path}: X must be finite, row {bad} is not; copy or download the file again")
    return np.ascontiguousarray(values[place].transpose(0, 2, 1))


def _stretches(rows: Indices) -> Iterator[tuple[int, int]]:
    """Cut ascending `rows` into stretches worth one read; yields where each starts and stops."""
    start = 0
    for position in range(1, len(rows) + 1):
        if (
            position == len(rows)
            or rows[position] - rows[position - 1] > READ_GAP
            or rows[position] - rows[start] >= READ_FRAMES
        ):
            yield start, position
            start = position


def one_hot(label: int, count: int) -> Indices:
    """Return `count` rows of Y for class `label`, int64 (count, 24), as the real file has them."""
    rows = np.zeros((count, len(CLASSES)), dtype=np.int64)
    rows[:, label] = 1
    return rows
