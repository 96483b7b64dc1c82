"""Files of MNIST's format, pictures in CIFAR's shape; tiny ones in the true layout."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from fpga_flow import data
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts.data import DataRecipe
from fpga_flow.data import colour, fashion
from fpga_flow.data.frames import Frames
from fpga_flow.data.idx import read_idx

PARTS = {"train": 40, "t10k": 20}


def idx(values: np.ndarray, kind: int = 8) -> bytes:
    return (
        bytes([0, 0, kind, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()
    )


def pictures(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder like that of Debian's package."""
    for seed, (part, count) in enumerate(PARTS.items()):
        images, labels = pictures(count, seed), (np.arange(count) % 10).astype(np.uint8)
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx(labels))  # plain, for a change
    return tmp_path


def refusal(path: Path, axes: int = 3) -> str:
    with pytest.raises(InputError) as raised:
        read_idx(path, axes)
    return str(raised.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("packed", [False, True])
def test_plain_and_compressed_files_hold_the_same(tmp_path: Path, packed: bool) -> None:
    images, path = pictures(3, 0), tmp_path / "a"
    path.write_bytes(gzip.compress(idx(images)) if packed else idx(images))
    assert np.array_equal(read_idx(path, 3), images)


def test_pictures_and_labels_of_both_parts(folder: Path) -> None:
    assert fashion.installed(folder)
    test = fashion.frames("test", 0.1, 1, folder)
    assert (len(test), test.shape, len(test.classes)) == (20, (1, 28, 28), 10)
    assert test.labels.tolist() == [k % 10 for k in range(20)]
    shown = test.read(np.array([3, 1]))
    assert np.array_equal(np.round(shown[:, 0] * 255), pictures(20, 1)[[3, 1]])
    assert shown.max() <= 1


def test_validation_is_taken_out_of_every_class(folder: Path) -> None:
    train, validation = (fashion.frames(split, 0.25, 1, folder) for split in ("train", "validation"))
    assert np.bincount(train.labels).tolist() == [3] * 10
    assert np.bincount(validation.labels).tolist() == [1] * 10
    sums = [part.read(np.arange(len(part))).sum(axis=(1, 2, 3)) for part in (train, validation)]
    expected = (pictures(40, 0) / 255).sum(axis=(1, 2))
    assert np.allclose(np.sort(np.concatenate(sums)), np.sort(expected), rtol=1e-5)


def test_colour_is_a_border_and_three_equal_planes(folder: Path) -> None:
    grey = fashion.frames("test", 0.1, 1, folder)
    shown: Frames = colour.as_colour(grey)
    assert shown.shape == (3, 32, 32)
    values = shown.read(np.arange(5))
    assert values.shape == (5, 3, 32, 32)
    for plane in range(3):
        assert np.array_equal(values[:, plane, 2:30, 2:30], grey.read(np.arange(5))[:, 0])
    assert np.count_nonzero(values) == 3 * np.count_nonzero(values[:, 0, 2:30, 2:30])
    assert "grey in three channels" in shown.source
    assert np.array_equal(shown.labels, grey.labels)


def test_wrong_missing_files_tell_how_to_get_them(tmp_path: Path) -> None:
    assert not fashion.installed(tmp_path)
    with pytest.raises(InputError, match=r"apt-get install dataset-fashion-mnist\), or use digits"):
        fashion.frames("test", 0.1, 1, tmp_path)


def test_wrong_pictures_and_labels_swapped(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(idx(np.zeros(3, np.uint8)))
    assert refusal(tmp_path / "a") == "must have 3 axes (pictures), not 1: it holds labels"
    (tmp_path / "b").write_bytes(idx(pictures(1, 0)))
    assert refusal(tmp_path / "b", 1) == "must have 1 axes (labels), not 3: it holds pictures"


def test_wrong_parts_that_do_not_belong_together(folder: Path) -> None:
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(np.zeros(19, np.uint8)))
    fashion.pictures.cache_clear()
    with pytest.raises(InputError, match="holds 19 labels for 20 pictures"):
        fashion.frames("test", 0.1, 1, folder)
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(np.full(20, 10, np.uint8)))
    with pytest.raises(InputError, match="labels must be below 10, not 10"):
        fashion.frames("test", 0.1, 1, folder)
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(idx(np.zeros((20, 32, 32), np.uint8)))
    with pytest.raises(InputError, match="pictures must be 28 x 28, not 32 x 32"):
        fashion.frames("test", 0.1, 1, folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no IDX file"),
        (b"\x89PNG\r\n", "is no IDX file: it must begin with two zero bytes, not '89 50 4e 47'"),
        (b"\0\0\x08", "is no IDX file"),
        (idx(np.zeros((1, 2, 2), np.float32), 13), "must hold unsigned bytes (type 8), not type 13"),
        (b"\0\0\x08\x03\0\0", "ends within its head"),
        (idx(pictures(2, 0))[:-1], "its head says 1,568 values, but it holds 1,567; get the file again"),
        (idx(pictures(2, 0)) + b"x", "its head says 1,568 values, but it holds more"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "must hold 1 to 268,435,456 values"),
        (b"\0\0\x08\x03" + bytes(12), "must hold 1 to 268,435,456 values, not 0"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_wrong_content(tmp_path: Path, content: bytes, message: str, packed: bool) -> None:
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert refusal(path).startswith(message)


@pytest.mark.parametrize("kept", [5, 30, 500])
def test_wrong_truncated_archive(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(idx(pictures(2, 0)))[:kept])
    assert refusal(path)


def test_wrong_damaged_archive_and_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    content = bytearray(gzip.compress(idx(pictures(2, 0))))
    content[300:400] = bytes(100)
    path.write_bytes(content)
    assert refusal(path)
    assert refusal(tmp_path / "none") == "No such file or directory"
    assert refusal(tmp_path)


@pytest.mark.parametrize(("name", "shape"), [("mnist", (1, 28, 28)), ("mnist-32", (3, 32, 32))])
def test_mnist_is_the_four_files_beside_the_one_named(
    folder: Path, name: str, shape: tuple[int, ...]
) -> None:
    recipe = DataRecipe(name=name, file=str(folder / "train-labels-idx1-ubyte"), validation_share=0.25)
    train, validation, test = (data.load(recipe, split, folder) for split in ("train", "validation", "test"))
    assert (len(train), len(validation), len(test)) == (30, 10, 20)
    assert test.classes == tuple("0123456789")
    assert test.shape == shape
    assert not test.generated
    assert test.source.startswith("MNIST as named by data.file; test: 20 pictures")
    border = (shape[1] - 28) // 2
    inside = slice(border, border + 28)
    expected = pictures(20, 1).astype(np.float32) / np.float32(255)
    assert np.array_equal(test.read(np.arange(20))[:, 0, inside, inside], expected)


def test_mnist_needs_its_files(folder: Path) -> None:
    with pytest.raises(InputError, match="data.file: must name a file of MNIST"):
        data.load(DataRecipe(name="mnist"), "train", folder)
    (folder / "t10k-labels-idx1-ubyte").unlink()
    recipe = DataRecipe(name="mnist", file=str(folder / "train-labels-idx1-ubyte"))
    with pytest.raises(InputError, match="must hold train-images-idx3-ubyte, .* all four"):
        data.load(recipe, "train", folder)
