"""One part of a data set: labels in memory, frames read on demand."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fpga_flow.integer.quantise import carry_out

Indices = NDArray[np.int64]
Values = NDArray[np.float32]
Split = Literal["train", "validation", "test"]
Steps = tuple[tuple[str, tuple[float, ...]], ...]
"""What is done to frames, one after the other: kind and numbers, as in `fpga_flow.integer.quantise`."""


UNKNOWN = -1
"""Label of a frame without one."""


@dataclass(eq=False)
class Frames:
    """One split of a data set."""

    classes: tuple[str, ...]
    """Names, in the order of the labels."""
    labels: Indices
    """Class of each frame, int64 (N,), or `UNKNOWN`."""
    snr_db: Indices | None
    """Signal-to-noise ratio of each frame, int64 (N,); None for data that has none."""
    shape: tuple[int, ...]
    """Of one frame: (channels, length), or (channels, height, width)."""
    generated: bool
    """Whether the frames are computed and not recorded."""
    source: str
    """One line for a report: where the frames come from."""
    fetch: Callable[[Indices], Values] = field(repr=False)
    """Returns the frames of valid indices, float32 (n, *shape)."""
    steps: Steps = ()
    """What the host does to a frame before the network, such as to standardise it by the training part."""

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.labels)

    def read(self, indices: NDArray[Any]) -> Values:
        """Return the frames at `indices` (any order, repeats allowed), float32 (n, *shape).

        Raises `IndexError` where an index is not below the number of frames or not an integer, and
        `InputError` where the file holds something else than finite numbers.
        """
        wanted = np.asarray(indices)
        if wanted.ndim != 1 or (wanted.size and wanted.dtype.kind not in "iu"):
            raise IndexError(f"indices must be a one-dimensional array of integers, not {indices!r}")
        wanted = wanted.astype(np.int64)
        if wanted.size and not (wanted.min() >= 0 and wanted.max() < len(self)):
            raise IndexError(f"indices must be from 0 to {len(self) - 1}")
        if not wanted.size:
            return np.empty((0, *self.shape), dtype=np.float32)
        return self.fetch(wanted)

    def prepared(self, indices: NDArray[Any]) -> Values:
        """Return the frames at `indices` as the network takes them: `read`, then `steps`, in float32."""
        prepared: Values = carry_out(self.steps, self.read(indices))
        return prepared

    def only(self, indices: Indices) -> "Frames":
        """Return the frames at `indices` (valid ones) alone."""
        return replace(
            self,
            labels=self.labels[indices],
            snr_db=None if self.snr_db is None else self.snr_db[indices],
            fetch=lambda wanted: self.fetch(indices[wanted]),
        )

    def sample(self, n: int, seed: int) -> Indices:
        """Return the indices of `n` frames (of all, where there are fewer), evenly over class and SNR.

        A smaller sample of the same seed is the beginning of a larger one. Any beginning holds every
        class, and every SNR, as often as every other, as far as that is possible with that many frames.
        """
        rng = np.random.default_rng(seed)
        snr_db = np.zeros(len(self), dtype=np.int64) if self.snr_db is None else self.snr_db
        labels, label_of = np.unique(self.labels, return_inverse=True)
        ratios, ratio_of = np.unique(snr_db, return_inverse=True)
        # step k takes class k mod C with SNR k mod R; when all such pairs are used up, the SNRs move on
        step = np.arange(len(labels) * len(ratios))
        moved = step // math.lcm(len(labels), len(ratios))
        rank = np.empty((len(labels), len(ratios)), dtype=np.int64)
        rank[
            rng.permutation(len(labels))[step % len(labels)],
            rng.permutation(len(ratios))[(step + moved) % len(ratios)],
        ] = step
        shuffled = rng.permutation(len(self))
        group = label_of[shuffled] * len(ratios) + ratio_of[shuffled]
        by_group = np.argsort(group, kind="stable")
        counts = np.bincount(group, minlength=len(labels) * len(ratios))
        starts = np.cumsum(counts) - counts
        turn = np.empty(len(self), dtype=np.int64)
        turn[shuffled[by_group]] = np.arange(len(self)) - starts[group[by_group]]
        order = np.lexsort((rank[label_of, ratio_of], turn))
        return order[: max(n, 0)].astype(np.int64)
