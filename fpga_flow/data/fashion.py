"""Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): 70,000 pictures of clothes, 28 x 28, in ten classes.

Debian has it as the package dataset-fashion-mnist; nothing is downloaded here.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpga_flow.core.errors import InputError
from fpga_flow.data.frames import Frames, Indices, Split, Values
from fpga_flow.data.held_out import held_out
from fpga_flow.data.idx import Bytes, read_idx

FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package puts it."""
PACKAGE = "dataset-fashion-mnist"
CLASSES = (
    "T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
SIZE = 28


PARTS = tuple((part, kind) for part in ("train", "t10k") for kind in ("images", "labels"))


def installed(folder: Path = FOLDER) -> bool:
    """Whether the files are there."""
    return len(files(folder)) == len(PARTS)


def files(folder: Path = FOLDER) -> list[Path]:
    """Return those of the four files that are there."""
    found = (_file(folder, part, kind) for part, kind in PARTS)
    return [path for path in found if path is not None]


def _file(folder: Path, part: str, kind: str) -> Path | None:
    name = f"{part}-{kind}-idx{3 if kind == 'images' else 1}-ubyte"
    return next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)


@lru_cache(maxsize=2)
def pictures(part: str, folder: Path = FOLDER) -> tuple[Bytes, Indices]:
    """Return the pictures of `part` ("train" or "t10k"), uint8 (N, 28, 28), and their labels, int64 (N,).

    Raises `InputError` where they are not installed, or broken.
    """
    found = [_file(folder, part, kind) for kind in ("images", "labels")]
    if found[0] is None or found[1] is None:
        raise InputError(
            f"data.name: fashion-mnist is not in {folder}; install Debian's package {PACKAGE} "
            f"(apt-get install {PACKAGE}), or use digits"
        )
    images, labels = read_idx(found[0], axes=3), read_idx(found[1], axes=1)
    if images.shape[1:] != (SIZE, SIZE):
        raise InputError(
            f"{found[0]}: pictures must be {SIZE} x {SIZE}, not {images.shape[1]} x {images.shape[2]}"
        )
    check_pair(str(found[0]), images, str(found[1]), labels, len(CLASSES))
    return images, labels.astype(np.int64)


def check_pair(of_images: str, images: Bytes, of_labels: str, labels: NDArray[Any], classes: int) -> None:
    """Raise `InputError` where `labels` are not those of as many pictures, or not 0 to `classes` - 1.

    `of_images` and `of_labels` name where they come from.
    """
    if len(images) != len(labels):
        raise InputError(
            f"{of_labels}: holds {len(labels):,} labels for {len(images):,} pictures in {of_images}"
        )
    wrong = (labels < 0) | (labels >= classes)
    if wrong.any():
        raise InputError(f"{of_labels}: labels must be below {classes}, not {labels[wrong.argmax()]}")


def split_of(
    title: str,
    classes: tuple[str, ...],
    images: Bytes,
    labels: Indices,
    split: Split,
    validation_share: float,
    seed: int,
) -> Frames:
    """Return one split of pictures of 28 x 28, those of the test part or those of the other, from 0 to 1."""
    rows = held_out(labels, split, validation_share, seed)

    def fetch(indices: Indices) -> Values:
        values: Values = images[rows[indices], None].astype(np.float32) / np.float32(255)
        return values

    return Frames(
        classes=classes,
        labels=labels[rows],
        snr_db=None,
        shape=(1, SIZE, SIZE),
        generated=False,
        source=f"{title}; {split}: {len(rows):,} pictures",
        fetch=fetch,
    )


def frames(split: Split, validation_share: float, seed: int, folder: Path = FOLDER) -> Frames:
    """Return one split: test pictures are those of the set, validation is a part of each class's others."""
    images, labels = pictures("t10k" if split == "test" else "train", folder)
    return split_of("Fashion-MNIST", CLASSES, images, labels, split, validation_share, seed)
