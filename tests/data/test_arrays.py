"""Frames that users bring as arrays in an .npz file."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fpga_flow import data
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts.data import DataRecipe
from fpga_flow.data import Frames, Split
from fpga_flow.data.frames import UNKNOWN

RNG = np.random.default_rng(1)
X, Y = RNG.normal(size=(30, 2, 8)), np.arange(30) % 3


def load(folder: Path, split: Split, **arrays: Any) -> Frames:
    np.savez(folder / "mine.npz", **arrays)
    return data.load(DataRecipe(name="own", file=str(folder / "mine.npz")), split, folder)


def read(frames: Frames) -> Any:
    return frames.read(np.arange(len(frames)))


def test_test_frames_alone(tmp_path: Path) -> None:
    frames = load(tmp_path, "test", x=X, y=Y)
    assert (len(frames), frames.shape, frames.classes) == (30, (2, 8), ("0", "1", "2"))
    assert np.array_equal(frames.labels, Y)
    assert np.array_equal(read(frames), X.astype(np.float32))
    assert frames.source == "mine.npz; test: 30 frames"


def test_frames_without_labels(tmp_path: Path) -> None:
    frames = load(tmp_path, "test", x=X)
    assert set(frames.labels) == {UNKNOWN} and frames.classes == ()
    assert len(frames.sample(7, 1)) == 7


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, bool, np.float64])
def test_numbers_of_any_kind_are_taken_as_they_are(tmp_path: Path, dtype: Any) -> None:
    values = RNG.integers(0, 2, (5, 3)).astype(dtype)
    assert np.array_equal(read(load(tmp_path, "test", x=values)), values.astype(np.float32))


@pytest.mark.parametrize("labels", [Y, Y.astype(np.float32), Y[:, None], np.eye(3)[Y]])
def test_labels_are_numbers_or_one_hot(tmp_path: Path, labels: Any) -> None:
    assert np.array_equal(load(tmp_path, "test", x=X, y=labels).labels, Y)


def test_parts_are_kept_apart_and_validation_is_taken_from_training(tmp_path: Path) -> None:
    parts = {"x_train": X, "y_train": Y, "x_test": X[:6] + 100, "y_test": Y[:6]}
    found = {split: load(tmp_path, split, **parts) for split in ("train", "validation", "test")}
    assert [len(frames) for frames in found.values()] == [27, 3, 6]
    assert read(found["test"]).min() > 50 > read(found["train"]).max()
    both = np.concatenate([read(found["train"]), read(found["validation"])])
    assert len(np.unique(both, axis=0)) == 30


def test_validation_part_of_the_user(tmp_path: Path) -> None:
    parts = {"x_train": X, "y_train": Y, "x_validation": X[:9] + 100, "y_validation": Y[:9]}
    assert read(load(tmp_path, "validation", **parts)).min() > 50
    assert len(load(tmp_path, "train", **parts)) == 30


def test_names_of_the_classes(tmp_path: Path) -> None:
    names = ["cat", "dog", "owl", "newt"]
    assert load(tmp_path, "test", x=X, y=Y, classes=names).classes == tuple(names)


@pytest.mark.parametrize(
    ("arrays", "split", "message"),
    [
        ({"images": X}, "test", "must hold x_train, .*, or x (and y) of test frames alone, not images"),
        ({"x": X, "y": Y}, "train", "holds x alone, which is for testing; to train on it, "),
        ({"x_train": X}, "train", "must hold y_train, the labels of x_train, to train on"),
        ({"x": X[:, 0, 0]}, "test", "x must be numbers of the shape (frames, ...), not float64 (30,)"),
        ({"x": np.where(X > 1, np.nan, X)}, "test", "x must be finite numbers; at "),
        ({"x": np.array([["a"]])}, "test", "x must be numbers of the shape (frames, ...), not <U1 (1, 1)"),
        ({"x": X, "y": Y[:5]}, "test", "y must hold 30 labels, one a frame, not (5,)"),
        ({"x": X, "y": Y + 0.5}, "test", "y must be whole numbers from 0 on, one a frame, or one-hot, not "),
        ({"x": X, "y": Y - 1}, "test", "y must be whole numbers from 0 on"),
        ({"x": X, "y": np.ones((30, 3))}, "test", "y must be whole numbers from 0 on"),
        ({"x": X, "y": Y, "classes": ["a", "b"]}, "test", "classes must be a list of texts, one for each of"),
        ({"x_train": X, "x_test": X[:, :1]}, "train", "x_train has frames of shape (2, 8), another "),
        ({"x": np.array([None])}, "test", "x must hold numbers or texts, not object; Python objects"),
    ],
)  # fmt: skip
def test_wrong_arrays_are_named(tmp_path: Path, arrays: Any, split: Split, message: str) -> None:
    pattern = re.escape(f"{tmp_path / 'mine.npz'}: {message}").replace(r"\.\*", ".*")
    with pytest.raises(InputError, match=f"^{pattern}"):
        load(tmp_path, split, **arrays)


def test_wrong_file_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "mine.npz").write_text("x")
    with pytest.raises(InputError, match=r"mine.npz: is no whole .npz file"):
        data.load(DataRecipe(name="own", file=str(tmp_path / "mine.npz")), "test", tmp_path)


def test_wrong_recipe_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^data.file: must name an .npz file with x_train, .* own has"):
        data.load(DataRecipe(name="own"), "test", tmp_path)
