"""The validation part of a data set that comes with train and test alone."""

import numpy as np

from fpga_flow.data.frames import Indices, Split


def held_out(labels: Indices, split: Split, share: float, seed: int) -> Indices:
    """Return the rows, ascending, of `split` among the training frames that have these `labels`.

    Validation is `share` of each class, chosen by `seed`; train is what is left. Of test frames, whose labels
    are asked with "test", all are taken.
    """
    if split == "test":
        return np.arange(len(labels), dtype=np.int64)
    chosen = []
    for label in np.unique(labels):
        of_class = np.random.default_rng((seed, int(label))).permutation(np.flatnonzero(labels == label))
        cut = int(np.ceil(share * len(of_class)))
        chosen.append(of_class[:cut] if split == "validation" else of_class[cut:])
    return np.sort(np.concatenate(chosen)).astype(np.int64)
