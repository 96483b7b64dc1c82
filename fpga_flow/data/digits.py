"""Handwritten digits that come with scikit-learn: 1,797 scans of 8 x 8 pixels from the UCI repository.

They stand in for MNIST, which would have to be downloaded. A scan is enlarged to 20 x 20, between the pixels
linearly, and has a border of four, as the digits of MNIST do: 28 x 28, values from 0 to 1. Networks trained
on MNIST see strokes of the right width and place, though from other hands and scanners: TFC of 2 bits from
the QONNX model zoo has 66 % of them right.
"""

from functools import lru_cache
from math import ceil

import numpy as np
from numpy.typing import NDArray

from fpga_flow.data.frames import Frames, Indices, Split, Values

SEED = 2018
TEST_SHARE = 1 / 3
SIZE, BORDER = 20, 4
SHAPE = (1, SIZE + 2 * BORDER, SIZE + 2 * BORDER)
CLASSES = tuple("0123456789")


@lru_cache(maxsize=1)
def pictures() -> tuple[Values, Indices]:
    """Return all digits, float32 (1797, 1, 28, 28) from 0 to 1, and their labels, int64 (1797,)."""
    from sklearn.datasets import load_digits  # type: ignore[import-untyped]  # takes a second to import

    loaded = load_digits()
    small: NDArray[np.float64] = loaded.images / 16
    enlarge = _enlargement(small.shape[1], SIZE)
    large = np.einsum("ai,nij,bj->nab", enlarge, small, enlarge)
    padded = np.pad(large, ((0, 0), (BORDER, BORDER), (BORDER, BORDER)))
    return padded[:, None].astype(np.float32), loaded.target.astype(np.int64)


def _enlargement(small: int, large: int) -> NDArray[np.float64]:
    """Return the weights (large, small) that put `large` pixels over the same width, edges held."""
    place = np.clip((np.arange(large) + 0.5) * small / large - 0.5, 0, small - 1)
    below = np.minimum(place.astype(int), small - 2)
    weights = np.zeros((large, small))
    rows = np.arange(large)
    weights[rows, below] = 1 - (place - below)
    weights[rows, below + 1] = place - below
    return weights


def frames(split: Split, validation_share: float, seed: int) -> Frames:
    """Return one split of the digits: a third of each class is test, and always the same."""
    images, labels = pictures()
    chosen = []
    for digit in range(len(CLASSES)):
        rows = np.random.default_rng((SEED, digit)).permutation(np.flatnonzero(labels == digit))
        test, kept = np.split(rows, [ceil(TEST_SHARE * len(rows))])
        kept = np.random.default_rng((seed, digit)).permutation(kept)
        validation, train = np.split(kept, [ceil(validation_share * len(kept))])
        chosen.append({"train": train, "validation": validation, "test": test}[split])
    rows = np.sort(np.concatenate(chosen))
    return Frames(
        classes=CLASSES,
        labels=labels[rows],
        snr_db=None,
        shape=SHAPE,
        generated=False,
        source=f"scikit-learn's digits, 8 x 8 enlarged to 28 x 28; {split}: {len(rows):,} pictures",
        fetch=lambda indices: images[rows[indices]],
    )
