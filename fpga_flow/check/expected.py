"""Compares what the user expects a network to give with what the golden model gives, frame by frame."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpga_flow import results
from fpga_flow.core.errors import InputError
from fpga_flow.integer.golden import top_k
from fpga_flow.integer.output import DECISIONS, Output
from fpga_flow.results.export import ExportResult

CHUNK = 256
"""Frames that are compared at once."""
FLOAT32 = 16 * float(np.finfo(np.float32).eps)
"""Share of a frame's largest number that its numbers may be off because they are float32."""
TURNS = ("reshape", "transpose", "take")
"""Steps behind the integers that calculate nothing."""
OVER_CHANNELS = ("softmax", "log_softmax")
"""Steps in which a number depends on other integers than its own."""
Numbers = NDArray[Any]


@dataclass(frozen=True)
class Compared:
    """How many frames were compared, how many differ, and the first difference in words."""

    frames: int
    differing: int
    first: str = ""


def compare(export: Path, expected: Numbers) -> Compared:
    """Compare `expected` (frames, ...) with the golden outputs in the artifact `export` of the same frames.

    A number is right where the integer behind it is: it lies nearer to what that integer gives than to what
    the next one would. Raises `InputError` where `expected` has another shape than the network's output, but
    for axes of length 1.
    """
    result = results.read(ExportResult, export)
    output = result.output
    indices = output.decides and any(name in DECISIONS for name in output.behind)
    shape = (output.k,) if indices else output.value_shape
    if _sizes(expected.shape[1:]) != _sizes(shape):
        raise InputError(
            f"--vectors: out must have the shape {(len(expected), *shape)}, as the network's output has it, "
            f"not {expected.shape}"
        )
    with np.load(export / "vectors.npz") as vectors:
        order = np.argsort(vectors["index"])
        frames, logits = vectors["index"][order], vectors["logits"][order]
    differing, first = 0, ""
    reach = 0.5 + result.logits.error / abs(output.scale)
    for start in range(0, len(frames), CHUNK):
        integers = logits[start : start + CHUNK]
        numbers = frames[start : start + CHUNK]
        wanted = expected[numbers].reshape(len(numbers), *shape)
        if indices:
            own = low = high = top_k(integers, output.k)
        else:
            own, low, high = _ranges(integers, output, reach)
        wrong = ~((low <= wanted) & (wanted <= high))  # so that nan is wrong
        if not first and wrong.any():
            place = tuple(int(i) for i in np.argwhere(wrong)[0])
            first = _words(int(numbers[place[0]]), place[1:], own[place], wanted[place], output)
        differing += int(wrong.reshape(len(numbers), -1).any(axis=1).sum())
    return Compared(len(frames), differing, first)


def _sizes(shape: tuple[int, ...]) -> list[int]:
    return [size for size in shape if size > 1]


def _ranges(integers: Numbers, output: Output, reach: float) -> tuple[Numbers, Numbers, Numbers]:
    """Return the network's own values for `integers`, and the least and largest number that mean the same."""
    own = output.values(integers, 0)
    if own.dtype.kind == "i":
        return own, own, own
    low, high = own.astype(np.float64), own.astype(np.float64)
    for channels in _moved_together(output):
        for sign in (-reach, reach):
            moved = output.values(integers.reshape(len(integers), *output.shape) + sign * channels, 0)
            low, high = np.minimum(low, moved), np.maximum(high, moved)
    largest = np.abs(own).reshape(len(own), -1).max(axis=1).reshape(-1, *[1] * (own.ndim - 1))
    return own, low - FLOAT32 * largest, high + FLOAT32 * largest


def _moved_together(output: Output) -> Iterable[Numbers]:
    """Yield masks of the integers, (channels, 1, ...), that are moved at once to see what each one does."""
    channels, *rest = output.shape
    shape = (channels, *[1] * len(rest))
    if any(kind in OVER_CHANNELS for kind, _ in output.steps):
        return (row.reshape(shape) for row in np.eye(channels))
    return [np.ones(shape)]


def _words(frame: int, place: tuple[int, ...], own: Any, wanted: Any, output: Output) -> str:
    where = f"channel {place[0]}" if len(place) == 1 else f"index {list(place)}"
    linear = own.dtype.kind == "f" and all(kind in TURNS for kind, _ in output.steps)
    given, asked = (_number(value, output if linear else None) for value in (own, wanted))
    return f"frame {frame}, {where}: the network gives {given}, out has {asked}"


def _number(value: Any, output: Output | None) -> str:
    """Return `value` in words, with the integer that means it where `output` says what one is worth."""
    if output is None or not np.isfinite(value):
        return f"{value:.9g}"
    return f"{value:.9g} (integer {round((float(value) - output.offset) / output.scale):,})"
