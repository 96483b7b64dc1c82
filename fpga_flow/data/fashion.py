"""Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): 70,000 pictures of clothes, 28 x 28, in ten classes.

Debian has it as the package dataset-fashion-mnist; nothing is downloaded here.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fpga_flow.data.frames import Frames, Indices, Values
from fpga_flow.data.idx import Bytes, read_idx
from fpga_flow.data.radioml import Split
from fpga_flow.errors import InputError

FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package puts it."""
PACKAGE = "dataset-fashion-mnist"
CLASSES = (
    "T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
SIZE = 28


def installed(folder: Path = FOLDER) -> bool:
    """Whether the files are there."""
    return all(
        _file(folder, part, kind) is not None for part in ("train", "t10k") for kind in ("images", "labels")
    )


def _file(folder: Path, part: str, kind: str) -> Path | None:
    name = f"{part}-{kind}-idx{3 if kind == 'images' else 1}-ubyte"
    return next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)


@lru_cache(maxsize=2)
def pictures(part: str, folder: Path = FOLDER) -> tuple[Bytes, Indices]:
    """Return the pictures of `part` ("train" or "t10k"), uint8 (N, 28, 28), and their labels, int64 (N,).

    Raises `InputError` where they are not installed, or broken.
    """
    files = [_file(folder, part, kind) for kind in ("images", "labels")]
    if files[0] is None or files[1] is None:
        raise InputError(
            f"data.name: fashion-mnist is not in {folder}; install Debian's package {PACKAGE}, or use digits"
        )
    images, labels = read_idx(files[0], axes=3), read_idx(files[1], axes=1)
    if images.shape[1:] != (SIZE, SIZE):
        raise InputError(
            f"{files[0]}: pictures must be {SIZE} x {SIZE}, not {images.shape[1]} x {images.shape[2]}"
        )
    if len(images) != len(labels):
        raise InputError(
            f"{files[1]}: holds {len(labels):,} labels for {len(images):,} pictures in {files[0]}"
        )
    if labels.max() >= len(CLASSES):
        raise InputError(f"{files[1]}: labels must be below {len(CLASSES)}, not {labels.max()}")
    return images, labels.astype(np.int64)


def frames(split: Split, validation_share: float, seed: int, folder: Path = FOLDER) -> Frames:
    """Return one split: test pictures are those of the set, validation is a part of each class's others."""
    images, labels = pictures("t10k" if split == "test" else "train", folder)
    rows: NDArray[np.int64] = np.arange(len(labels))
    if split != "test":
        chosen = []
        for label in range(len(CLASSES)):
            of_class = np.random.default_rng((seed, label)).permutation(np.flatnonzero(labels == label))
            cut = int(np.ceil(validation_share * len(of_class)))
            chosen.append(of_class[:cut] if split == "validation" else of_class[cut:])
        rows = np.sort(np.concatenate(chosen))

    def fetch(indices: Indices) -> Values:
        values: Values = images[rows[indices], None].astype(np.float32) / np.float32(255)
        return values

    return Frames(
        classes=CLASSES,
        labels=labels[rows],
        snr_db=None,
        shape=(1, SIZE, SIZE),
        generated=False,
        source=f"Fashion-MNIST; {split}: {len(rows):,} pictures",
        fetch=fetch,
    )
