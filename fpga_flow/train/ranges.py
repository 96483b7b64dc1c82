"""Frames that the user brings, brought into the range of a network's input quantiser."""

import numpy as np

from fpga_flow.data.frames import Frames, Steps
from fpga_flow.train.layers import InputGrid

READ_FRAMES = 4096
ENOUGH = 0.5
"""Part of the quantiser's range that frames which are used as they are must reach."""


def into_range(frames: Frames, grid: InputGrid) -> Steps:
    """Return what brings `frames`, those of training, into the range of `grid`; nothing where they are there.

    Frames that fit and use half of the range or more stay as they are. Others are divided, so that the
    largest magnitude becomes the largest value; where no code is negative but frames are, their smallest
    value is subtracted before.
    """
    low, high = _ends(frames)
    top = float(np.float32(grid.scale * grid.high))
    steps: list[tuple[str, tuple[float, ...]]] = []
    if grid.low == 0 and low < 0:
        steps.append(("sub", (low,)))
        size = high - low
    else:
        size = max(high, -low)
    factor = size / top
    if not size or (not steps and ENOUGH <= factor <= 1):
        return ()
    return (*steps, ("div", (factor,)))


def in_words(steps: Steps) -> str:
    """Return what `into_range` found, in words."""
    said = {"sub": "{:g} is subtracted", "div": "they are divided by {:.6g}"}
    return " and ".join(said[kind].format(*values) for kind, values in steps)


def _ends(frames: Frames) -> tuple[float, float]:
    """Return the least and the greatest number in `frames`."""
    low, high = np.inf, -np.inf
    for start in range(0, len(frames), READ_FRAMES):
        part = frames.read(np.arange(start, min(start + READ_FRAMES, len(frames))))
        low, high = min(low, float(part.min())), max(high, float(part.max()))
    return low, high
