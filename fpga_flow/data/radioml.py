"""RadioML 2018.01A: its splits, and frames read out of `GOLD_XYZ_OSC.0001_1024.hdf5` or one of its layout.

The data set is DeepSig's, for non-commercial use; users bring it themselves.
"""

from collections.abc import Iterator
from math import ceil
from pathlib import Path

import numpy as np

from fpga_flow.core.errors import InputError
from fpga_flow.data.constellations import CLASSES
from fpga_flow.data.frames import Frames, Indices, Split, Values
from fpga_flow.data.hdf5 import dataset, opened
from fpga_flow.data.radioml_file import HOLDS, NAME, Layout

CHALLENGE_SEED = 2018
TEST_SHARE = 0.1
READ_FRAMES = 2048
"""At most so many frames stand between the first and the last of one read."""
READ_GAP = 16
"""Frames that are read and thrown away rather than starting another read."""


def split_indices(block: int, ratios: int, split: Split, validation_share: float, seed: int) -> list[Indices]:
    """Return the rows of `split`, one array a block, in the order of the file's blocks.

    Test and train are the split of the ITU challenge of 2021: numpy's `RandomState(2018)` shuffles the
    rows of each block in turn, and the first tenth (rounded up) is test. Of what is left the part
    `validation_share` (rounded up) is validation, chosen with `seed`.
    """
    challenge = np.random.RandomState(CHALLENGE_SEED)
    chosen = []
    for number in range(len(CLASSES) * ratios):
        rows = np.arange(number * block, (number + 1) * block)
        challenge.shuffle(rows)
        test = ceil(TEST_SHARE * block)
        if split == "test":
            chosen.append(rows[:test])
            continue
        kept = rows[test:]
        aside = np.random.default_rng((seed, number)).permutation(len(kept))
        validation = ceil(validation_share * len(kept))
        chosen.append(kept[np.sort(aside[:validation] if split == "validation" else aside[validation:])])
    return chosen


def frames(
    layout: Layout,
    split: Split,
    snr_db: tuple[int, ...],
    validation_share: float,
    seed: int,
    train_per_block: int | None = None,
) -> Frames:
    """Return one split of the file, of the blocks whose SNR is in `snr_db`.

    `train_per_block` limits the training frames of each block.

    Raises `InputError` where the file has no such SNR, or its blocks are too small to split.
    """
    missing = sorted(set(snr_db) - set(layout.snr_db))
    if missing:
        raise InputError(f"data.snr_db: {layout.path} has {list(layout.snr_db)} dB, not {missing}")
    blocks = split_indices(layout.block, len(layout.snr_db), split, validation_share, seed)
    wanted = [
        (label, ratio, blocks[label * len(layout.snr_db) + place])
        for label in range(len(CLASSES))
        for place, ratio in enumerate(layout.snr_db)
        if ratio in snr_db
    ]
    if split == "train" and train_per_block is not None:
        wanted = [(label, ratio, rows[:train_per_block]) for label, ratio, rows in wanted]
    rows = np.concatenate([rows for _, _, rows in wanted])
    if not len(rows):
        raise InputError(
            f"{layout.path}: blocks of {layout.block} frames are too small for train, validation and test"
        )
    sizes = [len(rows) for _, _, rows in wanted]

    def fetch(indices: Indices) -> Values:
        return read_rows(layout.path, rows[indices])

    kind = layout.origin or "RadioML 2018.01A, recorded"
    return Frames(
        classes=CLASSES,
        labels=np.repeat([label for label, _, _ in wanted], sizes).astype(np.int64),
        snr_db=np.repeat([ratio for _, ratio, _ in wanted], sizes).astype(np.int64),
        shape=(2, layout.length),
        generated=layout.origin is not None,
        source=f"{kind}; {split}: {len(rows):,} frames at {min(snr_db)} to {max(snr_db)} dB",
        fetch=fetch,
    )


def read_rows(path: Path, rows: Indices) -> Values:
    """Return rows of X, channels first, float32 (n, 2, length), reading runs of neighbours at once."""
    unique, place = np.unique(rows, return_inverse=True)
    with opened(path, NAME) as file:
        x = dataset(path, file, "X", HOLDS, NAME)
        values = np.empty((len(unique), *x.shape[1:]), dtype=np.float32)
        for start, stop in _stretches(unique):
            first = int(unique[start])
            piece = x[first : int(unique[stop - 1]) + 1]
            values[start:stop] = piece[unique[start:stop] - first]
    if not np.isfinite(values).all():
        bad = unique[~np.isfinite(values).all(axis=(1, 2))][0]
        raise InputError(f"{path}: X must be finite, row {bad} is not; copy or download the file again")
    return np.ascontiguousarray(values[place].transpose(0, 2, 1))


def _stretches(rows: Indices) -> Iterator[tuple[int, int]]:
    """Cut ascending `rows` into stretches worth one read; yields where each starts and stops."""
    start = 0
    for position in range(1, len(rows) + 1):
        if (
            position == len(rows)
            or rows[position] - rows[position - 1] > READ_GAP
            or rows[position] - rows[start] >= READ_FRAMES
        ):
            yield start, position
            start = position


def one_hot(label: int, count: int) -> Indices:
    """Return `count` rows of Y for class `label`, int64 (count, 24), as the real file has them."""
    rows = np.zeros((count, len(CLASSES)), dtype=np.int64)
    rows[:, label] = 1
    return rows
