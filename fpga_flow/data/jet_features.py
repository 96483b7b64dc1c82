"""What all forms of the jet-tagging set have in common: features, classes, the split, standardised frames.

The set is that of Duarte et al. 2018 (arXiv:1804.06913): simulated jets at 13 TeV, of five
kinds, by 16 features of their substructure. OpenML has 830,000 of them as data set 42468,
hls4ml_lhc_jets_hlf.
"""

from math import ceil

import numpy as np
from numpy.typing import NDArray

from fpga_flow.data.frames import Frames, Indices, Split, Values
from fpga_flow.data.held_out import held_out

FEATURES = (
    "zlogz", "c1_b0_mmdt", "c1_b1_mmdt", "c1_b2_mmdt", "c2_b1_mmdt", "c2_b2_mmdt", "d2_b1_mmdt", "d2_b2_mmdt",
    "d2_a1_b1_mmdt", "d2_a1_b2_mmdt", "m2_b1_mmdt", "m2_b2_mmdt", "n2_b1_mmdt", "n2_b2_mmdt", "mass_mmdt",
    "multiplicity",
)  # fmt: skip
"""In the order in which a frame has them."""
CLASSES = ("g", "q", "w", "z", "t")
"""Gluon, light quark, W, Z, top: the order of labels here, whatever that of the file is."""
SPLIT_SEED = 42
TEST_SHARE = 0.2
Jets = tuple[Values, Indices]
"""Features, float32 (N, 16), and classes, int64 (N,)."""


def tutorial_split(values: Values, labels: Indices) -> tuple[Jets, Jets]:
    """Return the jets for training and those of the test, as the tutorial of hls4ml takes them apart.

    That is scikit-learn's `train_test_split(test_size=0.2, random_state=42)` of the file's order.
    """
    rows = np.random.RandomState(SPLIT_SEED).permutation(len(labels))
    test = ceil(TEST_SHARE * len(labels))
    return (values[rows[test:]], labels[rows[test:]]), (values[rows[:test]], labels[rows[:test]])


def as_frames(
    training: Jets,
    test: Jets,
    split: Split,
    validation_share: float,
    seed: int,
    title: str,
    *,
    generated: bool = False,
) -> Frames:
    """Return one split; frames are the features as they are, and are standardised by the training part.

    Mean and standard deviation are in `Frames.steps`, so that the board's host does the same.
    """
    rows = held_out(training[1], "train", validation_share, seed)
    mean, deviation = _scale(training[0][rows])
    values, labels = test if split == "test" else training
    rows = held_out(labels, split, validation_share, seed)

    def fetch(indices: Indices) -> Values:
        found: Values = values[rows[indices]]
        return found

    return Frames(
        classes=CLASSES,
        labels=labels[rows],
        snr_db=None,
        shape=(len(FEATURES),),
        generated=generated,
        source=f"{title}; {split}: {len(rows):,} jets",
        fetch=fetch,
        steps=(("sub", tuple(mean.tolist())), ("div", tuple(deviation.tolist()))),
    )


def _scale(values: Values) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and standard deviation of each feature; of a feature that never changes, 1."""
    mean = values.mean(axis=0, dtype=np.float64)
    deviation = values.std(axis=0, dtype=np.float64)
    deviation[deviation == 0] = 1
    return mean.astype(np.float32), deviation.astype(np.float32)
