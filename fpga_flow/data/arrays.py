"""Frames that users bring as arrays, in one .npz file (`numpy.savez`).

`x_train`, `y_train`, `x_test`, `y_test` (and `x_validation`, `y_validation`, where that part is not to be
taken out of the training frames), or `x` and `y` of test frames alone. Frames are numbers (N, ...), channels
first, as the network takes them; labels whole numbers (N,) from 0 on, or one-hot (N, classes), and may be
missing from test frames. `classes` (texts) names the classes. `out` (or `out_test`) is what a network is
expected to give for each of the test frames, numbers (N, ...) or indices of classes.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpga_flow.core.errors import InputError
from fpga_flow.data.frames import UNKNOWN, Frames, Indices, Split, Values
from fpga_flow.data.held_out import held_out
from fpga_flow.data.npy import read_all

WANTED = "x_train, y_train, x_test, y_test, or x (and y) of test frames alone"
Arrays = Mapping[str, NDArray[Any]]


def frames(path: Path, split: Split, validation_share: float, seed: int) -> Frames:
    """Return one split of the frames in `path`; validation is `validation_share` of the training frames.

    Raises `InputError` naming the file, the array, what it is and what it must be.
    """
    held = _held(path)
    part = _part(path, held, split)
    values, labels = _frames(path, held, part), _labels(path, held, part)
    rows = np.arange(len(values))
    if split != "test":
        if (labels == UNKNOWN).any():
            raise InputError(f"{path}: must hold y_{part}, the labels of x_{part}, to train on")
        if "x_validation" not in held:
            rows = held_out(labels, split, validation_share, seed)
    return Frames(
        classes=_classes(path, held),
        labels=labels[rows],
        snr_db=None,
        shape=values.shape[1:],
        generated=False,
        source=f"{path.name}; {split}: {len(rows):,} frames",
        fetch=lambda wanted: values[rows[wanted]].astype(np.float32),
    )


def expected_outputs(path: Path) -> NDArray[Any] | None:
    """Return what the test frames in `path` are expected to give, (N, ...); None where it does not say.

    Raises as `frames`.
    """
    held = _held(path)
    part = _part(path, held, "test")
    key, count = _key("out", part), len(held[_key("x", part)])
    if key not in held:
        return None
    values = held[key]
    if values.dtype.kind not in "fiub" or not values.ndim or len(values) != count:
        raise InputError(
            f"{path}: {key} must be numbers for {count:,} frames, (frames, ...), not {values.dtype} "
            f"{values.shape}"
        )
    return values


def _held(path: Path) -> Arrays:
    status = path.stat() if path.is_file() else None
    return _read(path, status.st_size if status else 0, status.st_mtime_ns if status else 0)


@lru_cache(maxsize=2)
def _read(path: Path, _size: int, _time: int) -> Arrays:
    return read_all(path)


def _part(path: Path, held: Arrays, split: Split) -> str:
    """Return the suffix of the arrays that `split` is taken from; empty for `x` and `y`."""
    if split == "validation" and "x_validation" in held:
        return "validation"
    part = "test" if split == "test" else "train"
    if f"x_{part}" in held:
        return part
    if split == "test" and "x" in held:
        return ""
    if split != "test" and "x" in held:
        raise InputError(
            f"{path}: holds x alone, which is for testing; to train on it, it must hold x_train, y_train, "
            "x_test and y_test"
        )
    raise InputError(f"{path}: must hold {WANTED}, not {', '.join(sorted(held)) or 'nothing'}")


def _key(name: str, part: str) -> str:
    return f"{name}_{part}" if part else name


def _frames(path: Path, held: Arrays, part: str) -> Values:
    key = _key("x", part)
    values = held[key]
    if values.dtype.kind not in "fiub" or values.ndim < 2:
        raise InputError(
            f"{path}: {key} must be numbers of the shape (frames, ...), not {values.dtype} {values.shape}"
        )
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise InputError(f"{path}: {key} must be finite numbers; at {where} it is {values[where]}")
    other = next((held[name] for name in ("x_test", "x_train") if name in held), values)
    if other.shape[1:] != values.shape[1:]:
        raise InputError(
            f"{path}: {key} has frames of shape {values.shape[1:]}, another part of {other.shape[1:]}"
        )
    return values


def _labels(path: Path, held: Arrays, part: str) -> Indices:
    """Return the labels of a part, `UNKNOWN` for all of it where there are none."""
    key, count = _key("y", part), len(held[_key("x", part)])
    if key not in held:
        return np.full(count, UNKNOWN, dtype=np.int64)
    labels = held[key]
    if not labels.ndim or len(labels) != count:
        raise InputError(f"{path}: {key} must hold {count:,} labels, one a frame, not {labels.shape}")
    rows = labels.reshape(count, -1)
    if labels.dtype.kind in "fiub":
        if rows.shape[1] == 1 and (rows == np.floor(rows)).all() and rows.min() >= 0:
            return np.asarray(rows[:, 0], dtype=np.int64)
        if rows.shape[1] > 1 and ((rows == 0) | (rows == 1)).all() and (rows.sum(axis=1) == 1).all():
            return np.asarray(rows.argmax(axis=1), dtype=np.int64)
    raise InputError(
        f"{path}: {key} must be whole numbers from 0 on, one a frame, or one-hot, not {labels.dtype} "
        f"{labels.shape} of other numbers; leave it out where frames have no class"
    )


def _classes(path: Path, held: Arrays) -> tuple[str, ...]:
    """Return the names of the classes; numbers up to the largest label where there are none."""
    parts = [name.removeprefix("y").removeprefix("_") for name in held if name in _LABELS]
    largest = max((int(_labels(path, held, part).max()) for part in parts), default=UNKNOWN)
    if "classes" not in held:
        return tuple(str(number) for number in range(largest + 1))
    names = held["classes"]
    if names.dtype.kind != "U" or names.ndim != 1 or len(names) <= largest:
        raise InputError(
            f"{path}: classes must be a list of texts, one for each of the labels up to {largest}, not "
            f"{names.dtype} {names.shape}"
        )
    return tuple(str(name) for name in names)


_LABELS = ("y", "y_train", "y_validation", "y_test")
