"""The frames a network is checked and scored on: a test split, or random ones where no data fits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpga_flow.data.frames import UNKNOWN, Frames
from fpga_flow.export import host


def random_frames(spec: dict[str, Any], count: int, seed: int) -> Frames:
    """Return frames without labels whose codes are uniform over the input's range (see `host.describe`)."""

    def fetch(indices: NDArray[np.int64]) -> NDArray[np.float32]:
        codes = [
            np.random.default_rng((seed, int(index))).integers(spec["low"], spec["high"] + 1, spec["shape"])
            for index in indices
        ]
        return host.dequantise(np.stack(codes), spec)

    return Frames(
        classes=(),
        labels=np.full(count, UNKNOWN, dtype=np.int64),
        snr_db=None,
        shape=tuple(spec["frame_shape"]),
        generated=True,
        source=f"random: {count:,} frames uniform over the input's range, as no data set fits this network",
        fetch=fetch,
    )


def labels_fit(frames: Frames, classes: int) -> bool:
    """Whether the labels of `frames` are those of a network of so many classes."""
    return len(frames.classes) == classes
