"""Integer grids: are some scales small whole multiples of one step?"""

from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

from fpga_flow.export.chain import Floats, Integers

SCALE_TOLERANCE = 2.0**-22
"""Relative; what the ratio of two scales may be off, each being a product of float32 numbers."""

MAX_MULTIPLE = 256
"""The largest factor that an integer is multiplied by to bring it on the grid of another."""


def whole_multiples(scales: Floats) -> tuple[float, Integers] | None:
    """Return (step, multiples) with `scales = step * multiples`, None where no small multiples do.

    `scales` is flat; negative ones have negative multiples, zeros the multiple 0.
    """
    magnitudes = np.abs(scales)
    if not magnitudes.any():
        return 1.0, np.zeros(scales.shape, dtype=np.int64)
    smallest = float(magnitudes[magnitudes > 0].min())
    ratios, inverse = np.unique(magnitudes / smallest, return_inverse=True)
    if ratios[-1] > MAX_MULTIPLE * (1 + SCALE_TOLERANCE):
        return None
    fractions = [Fraction(float(ratio)).limit_denominator(MAX_MULTIPLE) for ratio in ratios]
    common = 1
    for fraction in fractions:
        common = lcm(common, fraction.denominator)
        if common > MAX_MULTIPLE:
            return None
    multiples = np.array([int(fraction * common) for fraction in fractions], dtype=np.int64)
    if multiples.max() > MAX_MULTIPLE:
        return None
    if np.any(np.abs(multiples / common - ratios) > SCALE_TOLERANCE * ratios):
        return None
    return smallest / common, multiples[inverse].reshape(scales.shape) * np.sign(scales).astype(np.int64)


def common_grid(left: Floats, right: Floats) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]] | None:
    """Return (steps, multiples of left, multiples of right), channel by channel; None where there are none.

    Both are scalar arrays or one value per channel; so is the result.
    """
    pairs = np.stack(np.broadcast_arrays(left, right), axis=-1).reshape(-1, 2)
    found = [whole_multiples(pair) for pair in pairs]
    if any(one is None for one in found):
        return None
    steps = np.array([one[0] for one in found if one is not None])
    multiples = np.array([one[1] for one in found if one is not None])
    shape = np.broadcast_shapes(left.shape, right.shape)
    return steps.reshape(shape), multiples[:, 0], multiples[:, 1]
