"""The jet-tagging set as users bring it: OpenML's ARFF, CSV or Parquet, Pythia's HDF5, the tutorial's .npy.

* OpenML's 42468 (hls4ml_lhc_jets_hlf): 16 columns of features and one of classes, which are texts.
* The HDF5 file of the authors, `processed-pythia82-lhc13-all-pt1-50k-r1_h022_e0175_t220_nonu_truth` (.h5 or
  .z): one table `t_allpar_new` whose columns j_zlogz ... j_multiplicity are the features and j_g, j_q, j_w,
  j_z, j_t the classes, one-hot. It has a row for every particle, so the same jet many times.
* The tutorial of hls4ml (part 1) writes X_train_val.npy, y_train_val.npy, X_test.npy, y_test.npy (features
  standardised, classes one-hot in the order of their names) and classes.npy (the names).

Features and classes are found by name; the order of classes differs between these files.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from fpga_flow.core.errors import InputError
from fpga_flow.data import jet_pythia, jet_tables
from fpga_flow.data.frames import Frames, Indices, Split, Values
from fpga_flow.data.jet_features import CLASSES, FEATURES, Jets, as_frames, tutorial_split
from fpga_flow.data.npy import read_npy, read_texts

NPY = ".npy"
TUTORIAL = ("X_train_val.npy", "y_train_val.npy", "X_test.npy", "y_test.npy", "classes.npy")


_READERS: dict[str, Callable[[Path], Jets]] = {
    ".arff": jet_tables.arff,
    ".csv": jet_tables.csv,
    ".parquet": jet_tables.parquet,
    ".pq": jet_tables.parquet,
    ".h5": jet_pythia.read,
    ".hdf5": jet_pythia.read,
    ".z": jet_pythia.read,
}
WANTED = f"{', '.join(_READERS)}, or one of {', '.join(TUTORIAL)}"


def files(path: Path) -> list[Path]:
    """Return the files that are read where `data.file` names `path`; those of them that are there."""
    if path.suffix != NPY:
        return [path]
    return [path.parent / name for name in TUTORIAL if (path.parent / name).is_file()]


def frames(path: Path, split: Split, validation_share: float, seed: int) -> Frames:
    """Return one split of the jets in `path`, or beside it where it is one of the tutorial's.

    Test is the tutorial's. Raises `InputError` naming the file, the place in it, what it is and must be.
    """
    if path.suffix == NPY:
        missing = [name for name in TUTORIAL if not (path.parent / name).is_file()]
        if missing or path.name not in TUTORIAL:
            raise InputError(
                f"data.file: {path.parent} must hold {', '.join(TUTORIAL)}, and data.file name one of them"
                + (f"; {', '.join(missing)} is missing" if missing else f", not {path.name}")
            )
    elif path.suffix not in _READERS:
        raise InputError(f"data.file: must be one of {WANTED}, not {path.name}")
    stamps = tuple(
        (found.stat().st_size, found.stat().st_mtime_ns) for found in files(path) if found.is_file()
    )
    training, test = _read(path, stamps)
    return as_frames(training, test, split, validation_share, seed, "jets as named by data.file")


@lru_cache(maxsize=2)
def _read(path: Path, _stamps: tuple[tuple[int, int], ...]) -> tuple[Jets, Jets]:
    if path.suffix == NPY:
        return _tutorial(path.parent)
    values, labels = _READERS[path.suffix](path)
    _check(str(path), values, labels)
    return tutorial_split(values, labels)


def _check(where: str, values: Values, labels: Indices) -> None:
    finite = np.isfinite(values)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise InputError(
            f"{where}: {FEATURES[column]} must be finite; in jet {row} it is {values[row, column]}"
        )
    counts = np.bincount(labels, minlength=len(CLASSES))
    if counts.min() < 3:
        few = int(counts.argmin())
        raise InputError(
            f"{where}: must hold 3 jets or more of each class, for training, validation and test; "
            f"of {CLASSES[few]} it has {counts[few]}"
        )


def _tutorial(folder: Path) -> tuple[Jets, Jets]:
    names = read_texts(folder / "classes.npy")
    if sorted(names) != sorted(CLASSES):
        raise InputError(f"{folder / 'classes.npy'}: must hold {', '.join(sorted(CLASSES))}, not {names}")
    order = np.array([CLASSES.index(name) for name in names])
    parts = []
    for part in ("train_val", "test"):
        of_features, of_classes = folder / f"X_{part}.npy", folder / f"y_{part}.npy"
        values = read_npy(of_features, (None, len(FEATURES)), "f").astype(np.float32)
        one_hot = read_npy(of_classes, (None, len(CLASSES)), "fiu")
        if len(values) != len(one_hot):
            raise InputError(f"{of_classes}: holds {len(one_hot):,} jets, but {of_features} {len(values):,}")
        labels = order[jet_tables.from_one_hot(str(of_classes), one_hot)]
        _check(str(of_features), values, labels)
        parts.append((values, labels))
    return parts[0], parts[1]
