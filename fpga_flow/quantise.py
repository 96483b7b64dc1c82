"""What the host does to a frame before the accelerator: reshape, turn, scale, limit, round, in float32.

The board's package has this very file, hence numpy only, and nothing newer than Python 3.10 and numpy 1.21.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def _half_up(x: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.sign(x) * np.floor(np.abs(x) + 0.5))


def _half_down(x: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.sign(x) * np.ceil(np.abs(x) - 0.5))


def _up(x: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.sign(x) * np.ceil(np.abs(x)))


ROUNDINGS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "ROUND": np.rint,
    "FLOOR": np.floor,
    "CEIL": np.ceil,
    "UP": _up,
    "DOWN": np.trunc,
    "HALF_UP": _half_up,
    "HALF_DOWN": _half_down,
}
"""Half to even, down, up, away from zero, towards zero, halves away from zero, halves towards zero.
None ever decreases. The argument's floating-point type stays."""

_STEPS = {
    "mul": np.multiply,
    "div": np.divide,
    "add": np.add,
    "sub": np.subtract,
    "max": np.maximum,
    "min": np.minimum,
}


def carry_out(steps: Iterable[Any], frames: NDArray[Any]) -> NDArray[Any]:
    """Return `frames`, float32 (N, channels, ...), after `steps`: (kind, numbers), one or one a channel.

    "reshape" has the sizes behind the batch, "transpose" the axes in their new order, batch first, "pad" the
    zeros at the begin of each axis behind the batch, then those at the ends.
    """
    x: NDArray[Any] = frames
    for kind, values in steps:
        if kind == "reshape":
            x = x.reshape(len(x), *(int(size) for size in values))
            continue
        if kind == "transpose":
            x = x.transpose([int(axis) for axis in values])
            continue
        if kind == "pad":
            half = len(values) // 2
            ends = zip(values[:half], values[half:])  # noqa: B905  (Python 3.10 on the board)
            x = np.pad(x, [(0, 0), *((int(begin), int(end)) for begin, end in ends)])
            continue
        numbers = np.asarray(values, dtype=np.float32)
        x = _STEPS[kind](x, numbers if numbers.size == 1 else numbers.reshape((1, -1) + (1,) * (x.ndim - 2)))
    return x


def quantise(frames: NDArray[Any], spec: dict[str, Any]) -> NDArray[Any]:
    """Return float frames (N, ...) as integer codes (N, *shape), int8 or uint8.

    Every step of `spec` (export's result, key `input`) is carried out in float32, in the order the network
    was trained with; a tie of two codes goes to the even one. `zero` is added before rounding and `shift`
    subtracted behind it; `edges`, where there are any, are what a number must reach for each next code.
    """
    x: NDArray[Any] = np.asarray(frames, dtype=np.float32).reshape(len(frames), *spec["frame_shape"])
    x = carry_out(spec["steps"], x)
    if spec["rounding"] == "EDGES":
        edges = np.asarray(spec["edges"], dtype=np.float32)
        codes = np.asarray(spec["low"] + np.searchsorted(edges, x, side="right"))
    elif spec["rounding"] == "BIPOLAR":
        codes = np.where(x / np.float32(spec["scale"]) >= 0, 1, -1)
    else:
        x = x / np.float32(spec["scale"]) + np.float32(spec["zero"])
        codes = np.clip(ROUNDINGS[spec["rounding"]](x) - spec["shift"], spec["low"], spec["high"])
    dtype = np.int8 if spec["low"] < 0 else np.uint8
    return codes.astype(dtype).reshape(len(codes), *spec["shape"])
