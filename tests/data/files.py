"""Small files in the layout of RadioML 2018.01A, for tests of the loader."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

CLASSES = 24


def layout(block: int = 10, snr_db: tuple[int, ...] = (-20, 0, 30), length: int = 16) -> dict[str, Any]:
    """Return X, Y and Z as the real file has them; frame n holds the number n everywhere."""
    total = CLASSES * len(snr_db) * block
    x = np.broadcast_to(np.arange(total, dtype=np.float32)[:, None, None], (total, length, 2)).copy()
    x[:, :, 1] *= -1  # I and Q are told apart by their sign
    labels = np.repeat(np.arange(CLASSES), len(snr_db) * block)
    return {
        "X": x,
        "Y": np.eye(CLASSES, dtype=np.int64)[labels],
        "Z": np.tile(np.repeat(np.array(snr_db, dtype=np.int64), block), CLASSES)[:, None],
    }


def write(path: Path, arrays: dict[str, Any]) -> Path:
    """Write `arrays` to an HDF5 file at `path` and return it."""
    with h5py.File(path, "w") as file:
        for key, value in arrays.items():
            file[key] = value
    return path
