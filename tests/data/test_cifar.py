import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fpga_flow import data
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts.data import DataRecipe
from fpga_flow.data import cifar
from tests.data import archives


def refusal(path: Path, name: str = "cifar10") -> str:
    with pytest.raises(InputError) as raised:
        cifar.frames(name, path, "train", 0.1, 1)
    return str(raised.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("files", [archives.cifar10_python, archives.cifar10_binary])
def test_both_archives_of_cifar10_give_the_same_pictures_in_three_planes(
    tmp_path: Path, files: Callable[[], dict[str, bytes]]
) -> None:
    path = archives.archive(tmp_path / "c.tar.gz", files())
    test = cifar.frames("cifar10", path, "test", 0.1, 1)
    images, labels = archives.pictures(20, 10, 5)
    assert test.shape == (3, 32, 32)
    assert test.classes == tuple(f"class{k}" for k in range(10))
    assert test.labels.tolist() == labels
    assert not test.generated
    assert test.source == "CIFAR-10; test: 20 pictures"
    shown = test.read(np.array([7, 0]))
    assert shown.dtype == np.float32
    expected = images[[7, 0]].reshape(2, 3, 32, 32) / 255
    assert np.allclose(shown, expected, rtol=1e-6, atol=0)
    assert np.array_equal(np.round(shown * 255), images[[7, 0]].reshape(2, 3, 32, 32))


def test_planes_are_red_green_blue_and_rows_come_first(tmp_path: Path) -> None:
    files = archives.cifar10_binary(1)
    picture = np.zeros((3, 32, 32), np.uint8)
    picture[0, 0, 31], picture[1, 31, 0], picture[2, 5, 6] = 10, 20, 30
    files["cifar-10-batches-bin/test_batch.bin"] = b"\x03" + picture.tobytes()
    test = cifar.frames("cifar10", archives.archive(tmp_path / "c.tar.gz", files), "test", 0.1, 1)
    assert np.array_equal(np.round(test.read(np.array([0]))[0] * 255), picture)
    assert test.labels.tolist() == [3]


@pytest.mark.parametrize("files", [archives.cifar100_python, archives.cifar100_binary])
def test_cifar100_has_its_fine_classes(tmp_path: Path, files: Callable[[], dict[str, bytes]]) -> None:
    path = archives.archive(tmp_path / "c.tar.gz", files())
    test = cifar.frames("cifar100", path, "test", 0.1, 1)
    images, labels = archives.pictures(200, 100, 1)
    assert test.labels.tolist() == labels
    assert test.classes[99] == "fine99"
    assert np.array_equal(np.round(test.read(np.arange(200)) * 255).reshape(200, -1), images)


def test_train_and_validation_are_disjoint_complete_and_follow_the_seed(tmp_path: Path) -> None:
    path = archives.archive(tmp_path / "c.tar.gz", archives.cifar10_python())
    train = cifar.frames("cifar10", path, "train", 0.1, 1)
    validation = cifar.frames("cifar10", path, "validation", 0.1, 1)
    assert (len(train), len(validation)) == (90, 10)
    assert np.bincount(validation.labels).tolist() == [1] * 10
    shown = np.concatenate([part.read(np.arange(len(part))) for part in (train, validation)])
    stored = np.concatenate([archives.pictures(20, 10, k)[0] for k in range(5)])
    assert np.array_equal(
        np.sort(np.round(shown * 255).reshape(100, -1).sum(1)), np.sort(stored.sum(1, dtype=np.int64))
    )
    other = cifar.frames("cifar10", path, "validation", 0.1, 2)
    assert not np.array_equal(other.read(np.arange(10)), validation.read(np.arange(10)))


def test_a_recipe_names_the_archive(tmp_path: Path) -> None:
    path = archives.archive(tmp_path / "c.tar.gz", archives.cifar10_binary())
    recipe = DataRecipe(name="cifar10", file=str(path))
    assert data.prepare(recipe, tmp_path) is None
    assert len(data.load(recipe, "train", tmp_path)) == 90
    for name in ("cifar10", "cifar100"):
        with pytest.raises(
            InputError, match=r"data.file: must name cifar-10+-python.tar.gz .*, which you bring"
        ):
            data.load(DataRecipe(name=name), "train", tmp_path)


def test_wrong_path(tmp_path: Path) -> None:
    wanted = "cifar-10-python.tar.gz or cifar-10-binary.tar.gz, as downloaded"
    assert refusal(tmp_path / "none") == f"no such file; data.file must name {wanted}"
    assert wanted in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello", bytes(1024), b"\x1f\x8b\x08" + bytes(20)])
def test_wrong_content(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(content)
    assert "must be cifar-10-python.tar.gz or cifar-10-binary.tar.gz, as downloaded" in refusal(path)


@pytest.mark.parametrize("part", [0.75, 0.5, 0.1])
def test_wrong_truncated(tmp_path: Path, part: float) -> None:
    path = archives.archive(tmp_path / "c.tar.gz", archives.cifar10_python())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    assert "download it again" in refusal(path)


def test_wrong_swapped_with_cifar100(tmp_path: Path) -> None:
    path = archives.archive(tmp_path / "c.tar.gz", archives.cifar100_python())
    assert "has no folder cifar-10-batches-py or cifar-10-batches-bin (it has cifar-100-python)" in refusal(
        path
    )
    path = archives.archive(tmp_path / "d.tar.gz", archives.cifar10_binary())
    assert "(it has cifar-10-batches-bin)" in refusal(path, "cifar100")


def test_wrong_missing_file_is_named(tmp_path: Path) -> None:
    files = archives.cifar10_python()
    del files["cifar-10-batches-py/data_batch_3"]
    path = archives.archive(tmp_path / "c.tar.gz", files)
    assert refusal(path) == "cifar-10-batches-py has no file data_batch_3; download the archive again"


def test_wrong_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    files = archives.cifar10_binary()
    secret = tmp_path / "secret"
    secret.write_bytes(files.pop("cifar-10-batches-bin/test_batch.bin"))
    path = tmp_path / "c.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        link = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        tar.addfile(link)
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    with pytest.raises(InputError, match="has no file test_batch.bin"):
        cifar.frames("cifar10", path, "test", 0.1, 1)


def test_wrong_member_that_claims_terabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "c.tar"
    member = tarfile.TarInfo("cifar-10-batches-bin/data_batch_1.bin")
    member.size = 1 << 40
    path.write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    assert "claims 1,099,511,627,776 bytes, more than any file of CIFAR-10" in refusal(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": [0] * 19}, "data_batch_1: holds 19 labels for 20 pictures"),
        ({"labels": [10] * 20}, "data_batch_1: labels must be 0 to 9, but go from 10 to 10"),
        ({"labels": [-1] * 20}, "data_batch_1: labels must be 0 to 9, but go from -1 to -1"),
        ({"labels": ["1"] * 20}, "data_batch_1: labels must be whole numbers"),
        ({"labels": "1"}, "data_batch_1: must hold labels, a list; it has 'data', 'labels'"),
        ({"data": "pictures"}, "data_batch_1: data must be an array of (N, 3,072) bytes, but is none"),
        (
            {"data": np.zeros((20, 3071), np.uint8)},
            "data_batch_1: data must be an array of (N, 3,072) bytes, but is an array of shape (20, 3071)",
        ),
        (
            {"data": np.zeros((20, 3072), np.float32)},
            "data_batch_1: holds an array of type f4; only unsigned bytes (u1) can be read; "
            "download the archive again",
        ),
    ],
)
def test_wrong_batch(tmp_path: Path, change: dict[str, object], message: str) -> None:
    images, labels = archives.pictures(20, 10, 0)
    files = archives.cifar10_python()
    held = {"data": images, "labels": labels} | change
    files["cifar-10-batches-py/data_batch_1"] = archives.python2(held)
    assert refusal(archives.archive(tmp_path / "c.tar.gz", files)) == message


def test_wrong_binary_batch(tmp_path: Path) -> None:
    files = archives.cifar10_binary()
    files["cifar-10-batches-bin/data_batch_2.bin"] += b"x"
    message = refusal(archives.archive(tmp_path / "c.tar.gz", files))
    assert message.startswith(
        "data_batch_2.bin: must hold pictures of 3,073 bytes each, but has 61,461 bytes"
    )


def test_wrong_number_of_names(tmp_path: Path) -> None:
    files = archives.cifar10_python()
    files["cifar-10-batches-py/batches.meta"] = archives.python2({"label_names": ["a"]})
    message = refusal(archives.archive(tmp_path / "c.tar.gz", files))
    assert message == "batches.meta: must hold 10 names of classes, not 1"
