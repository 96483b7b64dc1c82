"""MNIST (LeCun, Cortes and Burges): 70,000 handwritten digits of 28 x 28.

Nothing is downloaded here: users bring the data and name it in `data.file`. That is one of the four files of
MNIST's own page, plain or compressed by gzip, the other three beside it, called and laid out as
Fashion-MNIST's; or Keras' `mnist.npz`, with x_train, y_train, x_test and y_test as bytes.
"""

from functools import lru_cache
from pathlib import Path

from fpga_flow.core.errors import InputError
from fpga_flow.data import digits, fashion
from fpga_flow.data.fashion import SIZE, check_pair, split_of
from fpga_flow.data.frames import Frames, Indices, Split
from fpga_flow.data.idx import Bytes
from fpga_flow.data.npy import read_npz

FILES = "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte"
NPZ = ".npz"


def files(path: Path) -> list[Path]:
    """Return the files that are read where `data.file` names `path`; those of them that are there."""
    return [path] if path.suffix == NPZ else fashion.files(path.parent)


def frames(path: Path, split: Split, validation_share: float, seed: int) -> Frames:
    """Return one split: test pictures are those of the set, validation is a part of each class's others."""
    test = split == "test"
    if path.suffix == NPZ:
        status = path.stat() if path.is_file() else None
        held = _npz(path, status.st_size if status else 0, status.st_mtime_ns if status else 0)
        images, labels = held[2:] if test else held[:2]
    else:
        if not fashion.installed(path.parent):
            raise InputError(
                f"data.file: {path.parent} must hold {FILES}, plain or with .gz, all four; get what is "
                "missing, or name Keras' mnist.npz"
            )
        images, labels = fashion.pictures("t10k" if test else "train", path.parent)
    return split_of(
        "MNIST as named by data.file", digits.CLASSES, images, labels, split, validation_share, seed
    )


@lru_cache(maxsize=1)
def _npz(path: Path, _size: int, _modified: int) -> tuple[Bytes, Indices, Bytes, Indices]:
    pictures, numbers = ((None, SIZE, SIZE), "u"), ((None,), "iu")
    held = read_npz(path, {"x_train": pictures, "y_train": numbers, "x_test": pictures, "y_test": numbers})
    for part in ("train", "test"):
        images = held[f"x_{part}"]
        if images.dtype.itemsize != 1:
            raise InputError(f"{path}: x_{part}: must hold bytes (uint8), not {images.dtype}")
        labels = (f"{path}: y_{part}", held[f"y_{part}"])
        check_pair(f"{path}: x_{part}", images, *labels, len(digits.CLASSES))
    return (
        held["x_train"], held["y_train"].astype("int64"), held["x_test"], held["y_test"].astype("int64"),
    )  # fmt: skip
