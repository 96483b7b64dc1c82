"""What the host does to a frame before the accelerator, and to what comes out behind it.

Before: reshape, turn, scale, limit, round, in float32. Behind: scale, turn, and the network's last functions.
The board's package has this very file, hence numpy only, and nothing newer than Python 3.10 and numpy 1.21.
"""

from collections.abc import Callable, Iterable, Sequence
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


def _sigmoid(x: NDArray[Any], _: Sequence[float]) -> NDArray[Any]:
    small = np.exp(-np.abs(x))  # does not overflow
    return np.asarray(np.where(x < 0, small, 1.0) / (1.0 + small))


def _tanh(x: NDArray[Any], _: Sequence[float]) -> NDArray[Any]:
    return np.asarray(np.tanh(x))


def _log_softmax(x: NDArray[Any], axes: Sequence[float]) -> NDArray[Any]:
    over = tuple(int(axis) for axis in axes)
    x = x - x.max(axis=over, keepdims=True)
    return np.asarray(x - np.log(np.exp(x).sum(axis=over, keepdims=True)))


def _softmax(x: NDArray[Any], axes: Sequence[float]) -> NDArray[Any]:
    return np.asarray(np.exp(_log_softmax(x, axes)))


def _leaky_relu(x: NDArray[Any], slope: Sequence[float]) -> NDArray[Any]:
    return np.asarray(np.where(x < 0, slope[0] * x, x))


def _arg_max(x: NDArray[Any], axis: Sequence[float]) -> NDArray[Any]:
    return np.asarray(x.argmax(axis=int(axis[0])), dtype=np.int64)


def _reshape(x: NDArray[Any], sizes: Sequence[float]) -> NDArray[Any]:
    return x.reshape(len(x), *(int(size) for size in sizes))


def _transpose(x: NDArray[Any], axes: Sequence[float]) -> NDArray[Any]:
    return x.transpose([int(axis) for axis in axes])


def _pad(x: NDArray[Any], sizes: Sequence[float]) -> NDArray[Any]:
    half = len(sizes) // 2
    ends = zip(sizes[:half], sizes[half:])  # noqa: B905  (Python 3.10 on the board)
    return np.pad(x, [(0, 0), *((int(begin), int(end)) for begin, end in ends)])


def _take(x: NDArray[Any], order: Sequence[float]) -> NDArray[Any]:
    return x.reshape(len(x), -1)[:, [int(place) for place in order]]


_FUNCTIONS: dict[str, Callable[[NDArray[Any], Sequence[float]], NDArray[Any]]] = {
    "reshape": _reshape,
    "transpose": _transpose,
    "pad": _pad,
    "take": _take,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "leaky_relu": _leaky_relu,
    "arg_max": _arg_max,
}


def carry_out(steps: Iterable[Any], frames: NDArray[Any]) -> NDArray[Any]:
    """Return `frames`, floats (N, channels, ...), after `steps`: (kind, numbers), one or one a channel.

    "reshape" has the sizes behind the batch, "transpose" the axes in their new order, batch first, "pad" the
    zeros at the begin of each axis behind the batch, then those at the ends, "take" the place of each flat
    value, "softmax", "log_softmax" and "arg_max" their axes, "leaky_relu" its slope.
    """
    x: NDArray[Any] = frames
    for kind, values in steps:
        if kind in _FUNCTIONS:
            x = _FUNCTIONS[kind](x, values)
            continue
        numbers = np.asarray(values, dtype=np.float32)
        x = _STEPS[kind](x, numbers if numbers.size == 1 else numbers.reshape((1, -1) + (1,) * (x.ndim - 2)))
    return x


def code_type(low: int, high: int) -> "np.dtype[Any]":
    """Return the type of the codes `low` to `high`: int8 or uint8, of more than 8 bits int16 or uint16."""
    wide = high - min(low, 0) > 255 or low < -128 or (low < 0 and high > 127)
    return np.dtype(f"{'i' if low < 0 else 'u'}{2 if wide else 1}")


def quantise(frames: NDArray[Any], spec: dict[str, Any]) -> NDArray[Any]:
    """Return float frames (N, ...) as integer codes (N, *shape), of the type `code_type`.

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
    return codes.astype(code_type(spec["low"], spec["high"])).reshape(len(codes), *spec["shape"])


def values(integers: NDArray[Any], spec: dict[str, Any]) -> NDArray[Any]:
    """Return the network's own values for what the accelerator gives, integers (N, *shape), channels first.

    `spec` (export's result, key `output`) has their `scale` and `offset`, and the steps behind them. Float32,
    as the network's file has it, but computed in float64; int64 where the last step is an arg-max.
    """
    x = np.asarray(integers, dtype=np.float64).reshape(len(integers), *spec["shape"])
    x = carry_out(spec["steps"], x * spec["scale"] + spec["offset"])
    return x if x.dtype == np.int64 else x.astype(np.float32)
