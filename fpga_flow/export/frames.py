"""The frames a network is checked and scored on: the test split, or random ones where no data fits."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fpga_flow.export import host

RANDOM_FRAMES = 1024
UNKNOWN = -1
"""Label of a frame without one."""


class FrameSource(Protocol):
    """What is used of `fpga_flow.data.Frames`."""

    @property
    def labels(self) -> NDArray[Any]:
        """Class index of each frame."""
        ...

    @property
    def snr_db(self) -> NDArray[Any]:
        """Of each frame."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in the order of the indices."""
        ...

    @property
    def source(self) -> str:
        """One line: where the frames come from."""
        ...

    def __len__(self) -> int:
        """Return the number of frames."""
        ...

    def read(self, indices: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 frames (n, channels, ...)."""
        ...

    def sample(self, n: int, seed: int) -> NDArray[Any]:
        """Return indices of `n` frames, evenly over classes and SNRs."""
        ...


@dataclass(frozen=True)
class RandomFrames:
    """Frames whose codes are uniform over the input's range; they have no labels."""

    spec: dict[str, Any]
    """As `host.describe` returns it."""
    count: int = RANDOM_FRAMES
    seed: int = 1
    classes: tuple[str, ...] = ()
    source: str = "random: uniform over the range of the input (no data set fits this network)"

    @property
    def labels(self) -> NDArray[np.int64]:
        """All unknown."""
        return np.full(self.count, UNKNOWN, dtype=np.int64)

    @property
    def snr_db(self) -> NDArray[np.float64]:
        """Not a number."""
        return np.full(self.count, np.nan)

    def __len__(self) -> int:
        """Return the number of frames."""
        return self.count

    def read(self, indices: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 frames (n, *frame_shape), the same for the same index."""
        codes = [
            np.random.default_rng((self.seed, int(index))).integers(
                self.spec["low"], self.spec["high"] + 1, size=self.spec["shape"]
            )
            for index in indices
        ]
        return host.dequantise(np.stack(codes), self.spec)

    def sample(self, n: int, seed: int) -> NDArray[Any]:
        """Return `n` indices; all frames are alike."""
        return np.arange(min(n, self.count))


def labels_fit(source: FrameSource, classes: int) -> bool:
    """Whether the labels of `source` are those of a network of so many classes."""
    return len(source.classes) == classes and bool((np.asarray(source.labels) >= 0).all())


def choose(source: FrameSource, n: int, seed: int) -> NDArray[np.int64]:
    """Return the indices of at most `n` frames of `source`, evenly over classes and SNRs."""
    return np.asarray(source.sample(min(n, len(source)), seed), dtype=np.int64)


def cache_folder(cache: Path) -> Path:
    """Return where data sets keep what they generate."""
    return cache / "data"
