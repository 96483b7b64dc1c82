"""Integer tensors, their types and limits, and what quantises an activation."""

from dataclasses import dataclass

import numpy as np

from fpga_flow.export.chain import Floats, Integers
from fpga_flow.export.rounding import ROUNDINGS, Edges, edge_columns

EXACT_LIMIT = 2**24
"""Integers up to this magnitude are exact in float32, the carrier of ONNX and FINN."""

WIDE_LIMIT = 2**47
"""Integers below this magnitude fit the 48 bits that the hardware's last operations can have."""

MAX_BITS = 16
"""Of a weight, an activation or an input."""

THRESHOLD_BITS = 10
"""Of an activation that is made by thresholds: with each bit more their number doubles, in every channel."""

SUM_BITS = 24
"""Of the sums behind an average that a matrix layer multiplies: float32 holds them exactly."""


def integer_type(low: int, high: int, at_least: int = 1) -> str:
    """Return the narrowest qonnx integer type that holds `low` to `high`, of `at_least` bits."""
    if low >= 0:
        return f"UINT{max(at_least, high.bit_length(), 1)}"
    return f"INT{max(at_least, 2, (-low - 1).bit_length() + 1, high.bit_length() + 1)}"


@dataclass
class Tensor:
    """An integer tensor; `shape` starts with a batch of 1, `low` and `high` are bounds per channel."""

    name: str
    shape: tuple[int, ...]
    datatype: str
    low: Integers
    high: Integers

    @property
    def channels(self) -> int:
        """Length of axis 1."""
        return self.shape[1]

    @property
    def magnitude(self) -> int:
        """The largest absolute value it can hold."""
        ends = [int(end) for bound in (self.low, self.high) for end in (bound.min(), bound.max())]
        return max(abs(end) for end in ends)

    @property
    def wide(self) -> bool:
        """Whether float32 cannot carry it exactly, so that float64 must."""
        return self.magnitude > EXACT_LIMIT


def bounded(name: str, shape: tuple[int, ...], low: Integers, high: Integers) -> Tensor:
    """Return a tensor of the narrowest type that holds `low` to `high`."""
    return Tensor(name, shape, integer_type(int(low.min()), int(high.max())), low, high)


@dataclass(frozen=True)
class Quantiser:
    """From real numbers (already divided by the scale) to integers in [low, high]."""

    low: int
    high: int
    datatype: str
    rounding: str = "ROUND"
    """One of `ROUNDINGS`, BIPOLAR: +1 where x >= 0, else -1, or EDGES."""
    edges: Edges = ()
    """Of EDGES: the integer is `low` and one more for every edge <= x. Edges may be equal; integers between
    are then never given."""
    zero: int = 0
    """The file's zero point: it is added before rounding and taken away behind it, which decides ties.

    `low` and `high` are the limits less it."""

    @property
    def step(self) -> int:
        """Distance of two neighbouring outputs."""
        return 2 if self.rounding == "BIPOLAR" else 1

    @property
    def levels(self) -> int:
        """Number of thresholds."""
        return (self.high - self.low) // self.step

    def apply(self, x: Floats) -> Floats:
        """Quantise in float64."""
        if self.rounding == "BIPOLAR":
            return np.where(x >= 0, 1.0, -1.0)
        if self.rounding == "EDGES":
            total = np.full(x.shape, float(self.low))
            for column in edge_columns(self.edges, x.ndim):
                total = total + (x >= column)
            return total
        return np.asarray(np.clip(ROUNDINGS[self.rounding](x + self.zero) - self.zero, self.low, self.high))

    def steps(self, codes: Integers) -> Integers:
        """Return how many of the outputs that it can give are smaller than each of these `codes`."""
        if len(self.edges) != 1:  # where each channel has its own, integers that none gives are not known
            return (codes - self.low) // self.step
        given = self.low + np.searchsorted(self.edges[0], np.unique(self.edges[0]), side="right")
        return np.searchsorted(given, codes, side="right")
