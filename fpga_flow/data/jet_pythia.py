"""The HDF5 file of the jet-tagging set's authors: one table with a row for every particle of every jet."""

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from fpga_flow.core.errors import InputError
from fpga_flow.core.progress import bar
from fpga_flow.data.hdf5 import dataset, opened
from fpga_flow.data.jet_features import CLASSES, FEATURES, Jets
from fpga_flow.data.jet_tables import PREFIX, from_one_hot

WANTED = "the jets of processed-pythia82-lhc13-all-pt1-50k-r1_h022_e0175_t220_nonu_truth"
TABLE = "t_allpar_new"
ROWS = 1 << 16
"""That are read at once."""


def read(path: Path) -> Jets:
    """Return features, float32 (N, 16), and classes, int64 (N,), of the jets in `path`.

    As in the authors' own training, rows whose features and class are those of a row before are left out.
    """
    features, classes = ([f"{PREFIX}{name}" for name in names] for names in (FEATURES, CLASSES))
    with opened(path, WANTED) as file:
        table = dataset(path, file, TABLE, TABLE, WANTED)
        missing = [name for name in (*features, *classes) if name not in (table.dtype.names or ())]
        if missing or table.ndim != 1:
            raise InputError(
                f"{path}: {TABLE} must be a table with columns {', '.join((*features, *classes))}; "
                + (f"{', '.join(missing)} is missing" if missing else f"its shape is {table.shape}")
            )
        for name in (*features, *classes):
            if table.dtype[name].kind not in "fiu" or table.dtype[name].shape:
                raise InputError(f"{path}: {TABLE}: {name} must be numbers, not {table.dtype[name]}")
        rows = _jets_of(table, (*features, *classes), len(table))
    one_hot = rows[:, len(features) :]
    return rows[:, : len(features)], from_one_hot(f"{path}: {TABLE}", one_hot)


def _jets_of(table: h5py.Dataset, columns: Sequence[str], count: int) -> NDArray[np.float32]:
    """Return different rows of `columns`, float32 (N, columns), in the order in which they come first."""
    parts = [np.empty((0, len(columns)), dtype=np.float32)]
    with bar("reading jets", count, "jets") as advance:
        for start in range(0, count, ROWS):
            held = table[start : start + ROWS]
            rows = np.column_stack([held[name].astype(np.float32) for name in columns])
            repeats = (rows[1:] == rows[:-1]).all(axis=1)
            parts.append(rows[np.concatenate([[True], ~repeats])])
            advance(len(rows))
    rows = np.ascontiguousarray(np.concatenate(parts))
    _, first = np.unique(rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))), return_index=True)
    found: NDArray[np.float32] = rows[np.sort(first)]
    return found
