"""MNIST in Keras' file, and what of the sets in several files counts for a stage."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fpga_flow import data
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts.data import DataRecipe
from fpga_flow.data import fashion
from fpga_flow.data.frames import Frames
from fpga_flow.pipeline import flow
from tests import fakes
from tests.data.test_idx import idx, pictures

TRAIN, TEST = 40, 20


def arrays() -> dict[str, np.ndarray]:
    return {
        "x_train": pictures(TRAIN, 1),
        "y_train": (np.arange(TRAIN) % 10).astype(np.uint8),
        "x_test": pictures(TEST, 2),
        "y_test": (np.arange(TEST) % 10).astype(np.uint8),
    }


def npz(folder: Path, **changes: np.ndarray) -> Path:
    path = folder / "mnist.npz"
    np.savez_compressed(path, **{**arrays(), **changes})  # type: ignore[arg-type]
    return path


def load(path: Path, split: data.Split = "test", name: str = "mnist") -> Frames:
    recipe = DataRecipe.model_validate({"name": name, "file": str(path), "validation_share": 0.25})
    return data.load(recipe, split, Path("unused"))


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as raised:
        load(path)
    return str(raised.value).removeprefix(f"{path}: ")


def test_keras_file_holds_what_the_four_files_hold(tmp_path: Path) -> None:
    path, held = npz(tmp_path), arrays()
    for part, kind in (("train", "train"), ("t10k", "test")):
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx(held[f"x_{kind}"]))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx(held[f"y_{kind}"]))
    for split in ("train", "validation", "test"):
        one, other = load(path, split), load(tmp_path / "t10k-images-idx3-ubyte", split)
        assert (len(one), one.source, one.classes) == (len(other), other.source, other.classes)
        assert np.array_equal(one.labels, other.labels)
        assert np.array_equal(one.read(np.arange(len(one))), other.read(np.arange(len(one))))
    assert np.array_equal(np.round(load(path).read(np.arange(TEST))[:, 0] * 255), held["x_test"])


def test_keras_file_in_the_shape_of_cifar(tmp_path: Path) -> None:
    assert load(npz(tmp_path), name="mnist-32").shape == (3, 32, 32)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"x_test": pictures(TEST, 2).reshape(TEST, 784)},
            "x_test: must have shape (N, 28, 28), not (20, 784)",
        ),
        ({"x_test": arrays()["y_test"], "y_test": arrays()["x_test"]}, "x_test: must have shape (N, 28, 28)"),
        ({"x_test": pictures(TEST, 2) / 255}, "x_test: must hold unsigned whole numbers, not float64"),
        ({"x_test": pictures(TEST, 2).astype(np.uint16)}, "x_test: must hold bytes (uint8), not uint16"),
        ({"y_test": np.full(TEST, 10)}, "y_test: labels must be below 10, not 10"),
        ({"y_test": np.full(TEST, -1)}, "y_test: labels must be below 10, not -1"),
        ({"y_test": np.zeros(3, np.uint8)}, "y_test: holds 3 labels for 20 pictures in"),
        ({"y_test": np.array([print] * TEST)}, "y_test: must hold whole numbers; it holds Python objects"),
    ],
)
def test_wrong_arrays_in_the_keras_file(changes: dict[str, np.ndarray], message: str, tmp_path: Path) -> None:
    assert refusal(npz(tmp_path, **changes)).startswith(message)


def test_wrong_keras_file(tmp_path: Path) -> None:
    path = npz(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert refusal(path).startswith("is no whole .npz file")
    damaged = bytearray(whole)
    damaged[2000:2100] = bytes(100)
    path.write_bytes(damaged)
    assert refusal(path).startswith(("is no whole .npz file", "x_train"))
    path.write_bytes(b"hello")
    assert refusal(path).startswith("is no whole .npz file")
    np.savez(path, images=pictures(2, 1))
    names = "x_train, y_train, x_test, y_test"
    assert refusal(path) == f"must hold {names}, has no {names} (it holds images)"
    assert refusal(tmp_path / "none.npz") == "No such file or directory"


def test_wrong_heads_that_claim_too_much_allocate_nothing(tmp_path: Path) -> None:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "|u1", "fortran_order": False, "shape": (10**12, 28, 28)}
    )
    with zipfile.ZipFile(tmp_path / "mnist.npz", "w") as archive:
        for name in arrays():
            archive.writestr(f"{name}.npy", head.getvalue())
    assert refusal(tmp_path / "mnist.npz").startswith("x_train: must hold 1 to 1,073,741,824 bytes")


def four(folder: Path) -> Path:
    for part, count in (("train", TRAIN), ("t10k", TEST)):
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(pictures(count, 1)))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx((np.arange(count) % 10).astype(np.uint8)))
    return folder / "train-images-idx3-ubyte"


def made(folder: Path, **parts: object) -> list[str]:
    run = fakes.run_of(folder, **parts)
    flow.execute(run, "train")
    return run.made


def test_every_file_that_is_read_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages())
    named = four(tmp_path)
    recipe = {"name": "mnist", "file": str(named)}
    assert len(data.files(DataRecipe.model_validate(recipe))) == 4
    assert made(tmp_path / "r", data=recipe) == ["train"]
    assert made(tmp_path / "r", data=recipe) == []
    other = tmp_path / "t10k-labels-idx1-ubyte"
    other.write_bytes(other.read_bytes()[:-1] + b"\7")
    assert made(tmp_path / "r", data=recipe) == ["train"]


def test_files_that_no_key_names_count_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages())
    four(tmp_path)
    here = fashion.files(tmp_path)
    monkeypatch.setattr(fashion, "files", lambda: here)
    recipe = {"name": "fashion-mnist-32"}
    assert made(tmp_path / "r", data=recipe) == ["train"]
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(pictures(TEST, 9)))
    assert made(tmp_path / "r", data=recipe) == ["train"]
    assert made(tmp_path / "r", data=recipe) == []
