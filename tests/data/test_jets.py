"""The jet-tagging set in every form it comes in; small files in the true layouts."""

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from fpga_flow import data
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts.data import DataRecipe
from fpga_flow.data import jet_tables, jets_generated
from fpga_flow.data.frames import Frames, Split
from fpga_flow.data.jet_features import CLASSES, FEATURES
from fpga_flow.export import host
from tests.data import jet_files

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
MASS = FEATURES.index("mass_mmdt")
Writer = Callable[..., Path]


def parquet(path: Path, values: np.ndarray, names: list[str], column: str = "class") -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as writer

    columns = {name: values[:, k] for k, name in enumerate(FEATURES)}
    texts = pyarrow.array(names).dictionary_encode()
    writer.write_table(pyarrow.table({**columns, column: texts}), path)
    return path


FORMS: dict[str, tuple[str, Writer]] = {
    "arff": ("jets.arff", jet_files.arff),
    "csv": ("jets.csv", jet_files.csv),
    "parquet": ("jets.pq", parquet),
    "pythia": ("jets.h5", jet_files.pythia),
    "pythia-z": ("processed.z", jet_files.pythia),
}


def load(path: Path, split: Split = "train") -> Frames:
    return data.load(DataRecipe(name="jets", file=str(path), validation_share=0.25), split, Path("unused"))


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as raised:
        load(path)
    return str(raised.value).replace(f"{path.parent}/", "")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_jets_and_classes_by_name(form: str, tmp_path: Path) -> None:
    values, names = jet_files.jets()
    name, write = FORMS[form]
    path = write(tmp_path / name, values, names)
    parts = {split: load(path, split) for split in SPLITS}
    assert [len(part) for part in parts.values()] == [59, 21, 20]
    for part in parts.values():
        assert (part.classes, part.shape, part.generated) == (CLASSES, (16,), False)
        found = part.read(np.arange(len(part)))
        assert found.dtype == np.float32
        assert [chr(int(mass)) for mass in found[:, MASS]] == [CLASSES[label] for label in part.labels]
    everything = np.concatenate([part.read(np.arange(len(part))) for part in parts.values()])
    assert {tuple(row) for row in everything} == {tuple(row) for row in values.astype(np.float32)}
    assert parts["test"].source == "jets as named by data.file; test: 20 jets"


def test_test_jets_are_those_of_the_tutorial(tmp_path: Path) -> None:
    from sklearn.model_selection import train_test_split

    values, names = jet_files.jets(103)
    expected = train_test_split(values, test_size=0.2, random_state=42)[1].astype(np.float32)
    found = load(jet_files.csv(tmp_path / "jets.csv", values, names), "test")
    assert np.array_equal(found.read(np.arange(len(found))), expected)


@pytest.mark.parametrize("objects", [True, False])
@pytest.mark.parametrize("named", ["X_train_val.npy", "classes.npy"])
def test_files_of_the_tutorial(objects: bool, named: str, tmp_path: Path) -> None:
    values, names = jet_files.jets()
    jet_files.tutorial(tmp_path, values, names, objects)
    file = jet_files.csv(tmp_path / "jets.csv", values, names)
    for split in SPLITS:
        one, other = load(tmp_path / named, split), load(file, split)
        assert np.array_equal(one.labels, other.labels)
        rows = np.arange(len(one))
        # the tutorial standardises by training and validation, we by training alone: twice is once
        assert np.abs(one.prepared(rows) - other.prepared(rows)).max() < 1e-4


def test_frames_are_standardised_by_the_training_part_alone(tmp_path: Path) -> None:
    values, names = jet_files.jets(200)
    path = jet_files.csv(tmp_path / "jets.csv", values * np.arange(1, 17) + 5, names)
    train, test = load(path, "train"), load(path, "test")
    prepared = train.prepared(np.arange(len(train)))
    assert np.abs(prepared.mean(axis=0)).max() < 1e-5
    assert np.abs(prepared.std(axis=0) - 1).max() < 1e-5
    assert test.steps == train.steps
    assert np.abs(test.prepared(np.arange(len(test))).mean(axis=0)).max() > 0.01


def test_the_host_does_what_training_did(tmp_path: Path) -> None:
    """Features as in the file, through the board's own code, are the codes that were trained on."""
    values, names = jet_files.jets()
    part = load(jet_files.csv(tmp_path / "jets.csv", values, names), "test")
    spec = {
        "frame_shape": [16], "shape": [16], "steps": part.steps, "scale": 1 / 32, "low": -128, "high": 127,
        "rounding": "ROUND", "zero": 0, "shift": 0,
    }  # fmt: skip
    rows = np.arange(len(part))
    expected = np.clip(np.rint(part.prepared(rows) * 32), -128, 127)
    assert np.array_equal(host.quantise(part.read(rows), spec), expected)
    assert np.abs(expected).max() > 30


def test_a_feature_that_never_changes_is_not_divided_by_zero(tmp_path: Path) -> None:
    values, names = jet_files.jets()
    values[:, 3] = 7.5
    part = load(jet_files.csv(tmp_path / "jets.csv", values, names))
    assert np.all(part.prepared(np.arange(len(part)))[:, 3] == 0)


def test_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    values, names = jet_files.jets()
    path = tmp_path / "jets.csv"
    order = np.random.default_rng(3).permutation(16)
    head = ",".join(["kind", *(FEATURES[k] for k in order)])
    rows = (
        ",".join([name, *map(repr, row[order].tolist())]) for row, name in zip(values, names, strict=True)
    )
    path.write_text("\n".join([head, *rows]))
    other = load(jet_files.csv(tmp_path / "other.csv", values, names))
    rows = np.arange(len(other))
    assert np.array_equal(load(path).read(rows), other.read(rows))


def test_arff_with_classes_as_texts_and_quotes(tmp_path: Path) -> None:
    values, names = jet_files.jets()
    quoted = [f"'{name}'" for name in names]
    path = jet_files.arff(tmp_path / "jets.arff", values, quoted, "STRING")
    other = load(jet_files.csv(tmp_path / "other.csv", values, names))
    assert np.array_equal(load(path).labels, other.labels)


def test_files_longer_than_a_piece_are_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values, names = jet_files.jets()
    path = jet_files.csv(tmp_path / "jets.csv", values, names)
    rows = np.arange(len(load(path)))
    whole = load(path).read(rows)
    monkeypatch.setattr(jet_tables, "LINES", 7)
    os.utime(path, (1, 1))  # another file, for the cache
    assert np.array_equal(load(path).read(rows), whole)
    path.write_text(path.read_text().replace(f",{names[50]}\n", ",top\n"))
    first = names.index(names[50])
    assert refusal(path).endswith(f"by name, not 'top' as of jet {first}")


def changed(path: Path, line: int, text: str) -> Path:
    rows = path.read_text().splitlines()
    rows[line - 1] = text
    path.write_text("\n".join(rows) + "\n")
    return path


def test_wrong_lines_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values, names = jet_files.jets()
    monkeypatch.setattr(jet_tables, "LINES", 10)
    path = jet_files.csv(tmp_path / "jets.csv", values, names)
    good = path.read_text().splitlines()[13]
    assert refusal(changed(path, 14, good.replace(",", ",x", 1))).startswith(
        "jets.csv: line 14: must be 17 values, numbers but for the class (could not convert string"
    )
    path = jet_files.arff(tmp_path / "jets.arff", values, names)
    line = path.read_text().splitlines().index("@DATA") + 5
    assert f"jets.arff: line {line}: must be 17 values" in refusal(changed(path, line, "1,2,g"))
    assert "could not convert" in refusal(changed(path, line, "{0 1.5, 16 g}" + "," * 15))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("zlogz", "zlogx", "must have columns zlogz, .*; zlogz is missing \\(it has 'zlogx', 'c1_b0_mmdt'"),
        ('"class"', '"zlogz"', "must have each column once, has 'zlogz' 2 times"),
        (",g\n", ",0\n", "classes must be g, q, w, z, t, by name, not '0' as of jet"),
        (",g\n", ",b\n", "classes must be g, q, w, z, t, by name, not 'b' as of jet"),
        (",g\n", ",q\n", "must hold 3 jets or more of each class, .*; of g it has 0"),
        (",103.0,", ",nan,", "mass_mmdt must be finite; in jet [0-9]+ it is nan"),
        (",103.0,", ",1e999,", "mass_mmdt must be finite; in jet [0-9]+ it is inf"),
    ],
)
def test_wrong_columns_and_values(old: str, new: str, message: str, tmp_path: Path) -> None:
    path = jet_files.csv(tmp_path / "jets.csv", *jet_files.jets())
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=f"jets.csv: {message}"):
        load(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.arff", b"", "a.arff: is no ARFF file: it has no @data in its first 0 lines"),
        ("a.arff", b"hello\n", "a.arff: line 1: must be a line of an ARFF head, not 'hello\\n'"),
        ("a.csv", b"", "a.csv: must have columns zlogz"),
        ("a.csv", (",".join(FEATURES) + ",class\n").encode(), "a.csv: holds no jets"),
        ("a.h5", b"\x80\x04hello", "a.h5: is a Python pickle"),
        ("a.z", b"PK\x03\x04", "a.z: is a zip archive; unpack it and name the .hdf5 file; data.file"),
        ("a.pq", b"PAR1hello", "a.pq: cannot be read as Parquet"),
        (
            "a.root",
            b"root",
            "data.file: must be one of .arff, .csv, .parquet, .pq, .h5, .hdf5, .z, or one of",
        ),
    ],
)
def test_wrong_content(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    if name.endswith("pq"):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(content)
    assert refusal(tmp_path / name).startswith(message)


def test_wrong_missing_files_and_names(tmp_path: Path) -> None:
    for name in ("no.arff", "no.csv", "no.h5", "no.pq"):
        assert refusal(tmp_path / name).startswith(f"{name}: ")
    with pytest.raises(InputError, match="data.file: must name the jets' data .*, which you bring"):
        data.load(DataRecipe(name="jets"), "test", tmp_path)


def test_wrong_parquet_without_its_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    (tmp_path / "jets.pq").write_bytes(b"PAR1")
    assert refusal(tmp_path / "jets.pq") == (
        "jets.pq: needs pyarrow, which is not installed; install it with pip install 'fpga-flow[parquet]'"
    )


def test_wrong_tables_of_particles(tmp_path: Path) -> None:
    values, names = jet_files.jets()
    path = jet_files.pythia(tmp_path / "a.h5", values, names)
    with h5py.File(path, "r+") as file:
        table = file["t_allpar_new"][()]
        table["j_g"][7] = 1
        table["j_q"][7] = 1
        file["t_allpar_new"][...] = table
    assert "a.h5: t_allpar_new: classes must be one-hot, a single 1 in each row; row" in refusal(path)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["t_allpar_new"] = table[[name for name in table.dtype.names if name != "j_t"]]
    assert refusal(tmp_path / "b.h5").endswith("j_g, j_q, j_w, j_z, j_t; j_t is missing")
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["jets"] = values
    assert "c.h5: must hold t_allpar_new, has no t_allpar_new (it holds jets)" in refusal(tmp_path / "c.h5")
    whole = path.read_bytes()
    (tmp_path / "d.h5").write_bytes(whole[: len(whole) // 2])
    assert "d.h5: is truncated" in refusal(tmp_path / "d.h5")


class Boom:
    """Would write a file where a pickle of it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.write_text, (self.path, "boom"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    jet_files.tutorial(tmp_path, *jet_files.jets())
    return tmp_path


@pytest.mark.parametrize("name", ["X_train_val", "y_train_val", "X_test", "y_test", "classes"])
def test_wrong_objects_in_npy_are_never_loaded(name: str, folder: Path) -> None:
    ran = folder / "ran"
    np.save(folder / f"{name}.npy", np.array([Boom(ran)] * 5, dtype=object), allow_pickle=True)
    assert refusal(folder / "X_test.npy").startswith(f"{name}.npy: ")
    assert not ran.exists()


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("X_train_val", np.ones((80, 5)), "X_train_val.npy: must have shape (N, 16), not (80, 5)"),
        ("X_test", np.ones((20, 16), dtype=int), "X_test.npy: must hold floats, not int64"),
        ("y_test", np.ones((20, 16)), "y_test.npy: must have shape (N, 5), not (20, 16)"),
        ("y_test", np.eye(5)[[0, 1, 2, 3, 4]], "y_test.npy: holds 5 jets, but X_test.npy 20"),
        ("y_test", np.zeros((20, 5)), "y_test.npy: classes must be one-hot, a single 1 in each row; row 0"),
        ("y_test", np.array(["g"] * 20), "y_test.npy: must hold numbers, not <U1"),
        ("classes", np.array(list("gqtwx")), "classes.npy: must hold g, q, t, w, z, not"),
        ("classes", np.arange(5), "classes.npy: must hold texts, not int64"),
        ("classes", np.array([1, 2], dtype=object), "classes.npy: must hold texts, not other objects"),
        (
            "classes",
            np.array([list("gq")]),
            "classes.npy: must have one axis, of texts, not the shape (1, 2)",
        ),
    ],
)
def test_wrong_npy(name: str, array: np.ndarray, message: str, folder: Path) -> None:
    np.save(folder / f"{name}.npy", array)
    assert refusal(folder / "X_train_val.npy").startswith(message)


def test_wrong_swapped_truncated_and_missing_npy(folder: Path) -> None:
    whole = (folder / "X_test.npy").read_bytes()
    (folder / "X_test.npy").write_bytes(whole[:-8])
    assert refusal(folder / "X_test.npy") == (
        "X_test.npy: its head says 2,560 bytes, but it holds 2,552; get the file again"
    )
    (folder / "X_test.npy").write_bytes(whole + b"x")
    assert "but it holds more" in refusal(folder / "X_test.npy")
    (folder / "X_test.npy").write_bytes(b"hello")
    assert refusal(folder / "X_test.npy").startswith("X_test.npy: is no .npy array")
    (folder / "X_test.npy").write_bytes((folder / "y_test.npy").read_bytes())
    assert refusal(folder / "X_test.npy") == "X_test.npy: must have shape (N, 16), not (20, 5)"
    (folder / "X_test.npy").unlink()
    assert refusal(folder / "y_test.npy").endswith("data.file name one of them; X_test.npy is missing")
    assert [path.name for path in data.files(DataRecipe(name="jets", file=str(folder / "y_test.npy")))] == [
        "X_train_val.npy", "y_train_val.npy", "y_test.npy", "classes.npy",
    ]  # fmt: skip


def test_wrong_head_that_claims_too_much_allocates_nothing(folder: Path) -> None:
    whole = (folder / "X_test.npy").read_bytes()
    (folder / "X_test.npy").write_bytes(whole.replace(b"(20, 16)", b"(99999999999999, 16)"[:20]))
    assert "X_test.npy: must hold 1 to 1,073,741,824 bytes; its head says" in refusal(folder / "X_test.npy")


def generated(split: Split, **changes: object) -> Frames:
    recipe = DataRecipe(name="jets-generated", frames_per_block=200)
    return data.load(recipe.model_copy(update=changes), split, Path("unused"))


def test_generated_jets_say_so_and_depend_on_the_seed_alone() -> None:
    parts = [generated(split) for split in SPLITS]
    assert [len(part) for part in parts] == [717, 83, 200]
    assert all(part.generated and "generated jets" in part.source for part in parts)
    assert "not simulated physics" in parts[0].source
    rows = np.arange(200)
    once = parts[2].read(rows)
    jets_generated._jets.cache_clear()
    assert np.array_equal(generated("test").read(rows), once)
    assert not np.array_equal(generated("test", seed=1).read(rows), once)


def test_generated_jets_can_be_told_apart_but_not_all() -> None:
    from sklearn.linear_model import LogisticRegression

    train, test = generated("train", frames_per_block=600), generated("test", frames_per_block=600)
    model = LogisticRegression(max_iter=500).fit(train.prepared(np.arange(len(train))), train.labels)
    found = model.predict(test.prepared(np.arange(len(test))))
    assert 0.6 < (found == test.labels).mean() < 0.9
    w_or_z = np.isin(test.labels, [CLASSES.index("w"), CLASSES.index("z")])
    assert (found == test.labels)[w_or_z].mean() < (found == test.labels)[~w_or_z].mean()


def test_generated_features_are_correlated_and_of_different_sizes() -> None:
    part = generated("train")
    values = part.read(np.arange(len(part)))
    deviation = values.std(axis=0)
    assert deviation.max() > 20 * deviation.min() > 0
    correlation = np.abs(np.corrcoef(values.T)) - np.eye(16)
    assert correlation.max() > 0.5
    assert np.isfinite(values).all()
