"""Small files in the true layouts of the jet-tagging set."""

from pathlib import Path

import h5py
import numpy as np

FEATURES = (
    "zlogz", "c1_b0_mmdt", "c1_b1_mmdt", "c1_b2_mmdt", "c2_b1_mmdt", "c2_b2_mmdt", "d2_b1_mmdt", "d2_b2_mmdt",
    "d2_a1_b1_mmdt", "d2_a1_b2_mmdt", "m2_b1_mmdt", "m2_b2_mmdt", "n2_b1_mmdt", "n2_b2_mmdt", "mass_mmdt",
    "multiplicity",
)  # fmt: skip
OPENML = ("g", "q", "t", "w", "z")
"""The classes as OpenML and the tutorial order them."""
PYTHIA = ("g", "q", "w", "z", "t")
"""As the columns of the HDF5 file."""


def jets(count: int = 100, seed: int = 1) -> tuple[np.ndarray, list[str]]:
    """Return features (count, 16) whose mass is the letter of the class, and the letters, mixed."""
    rng = np.random.default_rng(seed)
    names = [OPENML[k % 5] for k in rng.permutation(count)]
    values = rng.normal(0, 1, (count, 16)).round(4)
    values[:, 14] = [ord(name) for name in names]
    return values, names


def lines(values: np.ndarray, names: list[str]) -> str:
    rows = (f"{','.join(map(repr, row.tolist()))},{name}\n" for row, name in zip(values, names, strict=True))
    return "".join(rows)


def arff(path: Path, values: np.ndarray, names: list[str], kind: str = "{g, q, t, w, z}") -> Path:
    head = "".join(f"@ATTRIBUTE {name} REAL\n" for name in FEATURES)
    text = f"% OpenML\n@RELATION hls4ml_lhc_jets_hlf\n\n{head}@ATTRIBUTE 'class' {kind}\n\n@DATA\n"
    path.write_text(text + lines(values, names))
    return path


def csv(path: Path, values: np.ndarray, names: list[str]) -> Path:
    head = ",".join(f'"{name}"' for name in (*FEATURES, "class"))
    path.write_text(f"{head}\n{lines(values, names)}")
    return path


def pythia(path: Path, values: np.ndarray, names: list[str], particles: int = 3) -> Path:
    """Each jet stands in one row for every particle, with columns that differ between them."""
    columns = [("j_ptfrac", "f4"), *((f"j_{name}", "f4") for name in FEATURES)]
    columns += [*((f"j_{name}", "f4") for name in PYTHIA), ("j1_pt", "f4"), ("j_index", "i4")]
    table = np.zeros(len(names) * particles, dtype=columns)
    for k, name in enumerate(FEATURES):
        table[f"j_{name}"] = np.repeat(values[:, k], particles)
    for name in PYTHIA:
        table[f"j_{name}"] = np.repeat([name == other for other in names], particles)
    table["j1_pt"] = np.arange(len(table))
    table["j_index"] = np.repeat(np.arange(len(names)), particles)
    with h5py.File(path, "w") as file:
        file["t_allpar_new"] = table
    return path


def tutorial(folder: Path, values: np.ndarray, names: list[str], objects: bool = True) -> Path:
    """The five files as part 1 of hls4ml's tutorial writes them, with scikit-learn."""
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import LabelEncoder, StandardScaler

    encoder = LabelEncoder()
    one_hot = np.eye(5)[encoder.fit_transform(np.array(names, dtype=object if objects else "U1"))]
    x_train, x_test, y_train, y_test = train_test_split(values, one_hot, test_size=0.2, random_state=42)
    scaler = StandardScaler().fit(x_train)
    arrays = {
        "X_train_val": scaler.transform(x_train), "X_test": scaler.transform(x_test),
        "y_train_val": y_train, "y_test": y_test, "classes": encoder.classes_,
    }  # fmt: skip
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return folder / "X_train_val.npy"
