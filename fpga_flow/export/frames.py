"""The frames a network is checked and scored on: a test split, or random ones where no data fits."""

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpga_flow.core.errors import InputError
from fpga_flow.data.frames import UNKNOWN, Frames
from fpga_flow.export import host

CHUNK = 1024
"""Frames that are read at once."""


def random_frames(spec: dict[str, Any], count: int, seed: int) -> Frames:
    """Return frames without labels whose codes are uniform over the input's range (see `host.describe`)."""

    def fetch(indices: NDArray[np.int64]) -> NDArray[np.float32]:
        step = 2 if spec["rounding"] == "BIPOLAR" else 1
        levels = (spec["high"] - spec["low"]) // step + 1
        codes = [
            spec["low"] + step * np.random.default_rng((seed, int(index))).integers(0, levels, spec["shape"])
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


def fitted(frames: Frames, spec: dict[str, Any], classes: int, name: str) -> Frames:
    """Return the user's `frames`, called `name`, as the network takes them, with names for all its `classes`.

    Raises `InputError` where they have another shape than `spec`, but for unit axes or a flattened frame,
    and where there is a label that the network, which decides, has no class for.
    """
    wanted = tuple(spec["frame_shape"])
    if not _alike(frames.shape, wanted):
        turned = sorted(frames.shape) == sorted(wanted)
        raise InputError(
            f"{name}: frames must have the shape {wanted}, as the network's input, not {frames.shape}"
            + (" (the axes in another order: transpose them)" if turned else "")
        )
    largest = int(frames.labels.max(initial=UNKNOWN))
    if classes and largest >= classes:
        raise InputError(f"{name}: labels must be below {classes}, the network's outputs, not {largest}")
    names = (*frames.classes, *(str(number) for number in range(len(frames.classes), classes)))
    return replace(
        frames,
        classes=names,
        shape=wanted,
        fetch=lambda at: frames.fetch(at).reshape(len(at), *wanted),
    )


def _alike(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether frames of one shape are those of another but for unit axes, or for having been flattened."""
    if len(found) == 1 or len(wanted) == 1:
        return prod(found) == prod(wanted)
    return [size for size in found if size > 1] == [size for size in wanted if size > 1]


def largest_magnitude(frames: Frames) -> float:
    """Return the largest magnitude of all numbers in `frames`; 1 where all are 0."""
    chunks = (np.arange(start, min(start + CHUNK, len(frames))) for start in range(0, len(frames), CHUNK))
    return max((float(np.abs(frames.read(rows)).max()) for rows in chunks), default=0.0) or 1.0


def labels_fit(frames: Frames, classes: int) -> bool:
    """Whether the labels of `frames` are known, and those of a network of so many classes."""
    return len(frames.classes) == classes and bool((frames.labels != UNKNOWN).all())
