"""What the host does to a frame before the accelerator (`integer.quantise`): description, inverse."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpga_flow.export.operations import HostInput
from fpga_flow.export.rounding import HALVES
from fpga_flow.export.tensors import Tensor
from fpga_flow.integer.quantise import carry_out
from fpga_flow.integer.quantise import quantise as quantise

LAST_PLACES = 2.0**-22
"""Four last places of float32."""


def describe(host: HostInput, tensor: Tensor) -> dict[str, Any]:
    """Return the input as it stands in the result; `quantise` takes it."""
    return {
        "datatype": tensor.datatype,
        "shape": list(tensor.shape[1:]),
        "frame_shape": list(host.frame_shape),
        "steps": [[kind, list(values)] for kind, values in host.steps],
        "scale": host.scale,
        "zero": host.zero,
        "shift": host.shift,
        "edges": [edge for row in host.quantiser.edges for edge in row],
        "declared": host.declared,
        "low": int(tensor.low.min()),
        "high": int(tensor.high.max()),
        "rounding": host.quantiser.rounding,
    }


def at_ties(frames: NDArray[np.float32], host: HostInput) -> NDArray[np.bool_]:
    """Return for every code of `frames` (N, ...) whether the host's float32 may round it either way.

    Only steps that calculate are off; without any both sides do the same.
    """
    if not any(kind in _INVERSE for kind, _ in host.steps) or host.quantiser.rounding == "EDGES":
        return np.zeros((len(frames), 1), dtype=bool)
    x, largest = np.asarray(frames, dtype=np.float64), 1.0
    for step in host.steps:
        x = carry_out([step], x)
        largest = max(largest, float(np.abs(x).max(initial=0.0)) / host.scale)
    exact = x / host.scale + host.zero
    middle = 0.0 if host.quantiser.rounding not in HALVES else 0.5
    distance = np.abs(exact - middle - np.rint(exact - middle))
    if host.quantiser.rounding == "BIPOLAR":
        distance = np.abs(exact)
    return np.asarray(distance <= LAST_PLACES * largest).reshape(len(frames), -1)


_INVERSE = {"mul": np.divide, "div": np.multiply, "add": np.subtract, "sub": np.add}


def dequantise(codes: NDArray[Any], spec: dict[str, Any]) -> NDArray[np.float32]:
    """Return float frames (N, *frame_shape) that `quantise` turns into `codes` (N, *shape).

    Where a step limits or pads a frame, codes that are beyond it come out as the nearest that are not.
    """
    shapes = [tuple(spec["frame_shape"])]
    for kind, values in spec["steps"]:
        shapes.append(_shape_behind(kind, values, shapes[-1]))
    x = np.asarray(codes, dtype=np.float64).reshape(len(codes), *shapes.pop())
    if spec["rounding"] == "EDGES":
        x = _between(np.asarray(spec["edges"]), x - spec["low"])
    else:
        x = (x + (spec["shift"] - spec["zero"])) * spec["scale"]
    for kind, values in reversed(spec["steps"]):
        shape = shapes.pop()
        if kind == "reshape":
            x = x.reshape(len(x), *shape)
        elif kind == "transpose":
            x = x.transpose(np.argsort([int(axis) for axis in values]))
        elif kind == "pad":
            begins = [int(size) for size in values[: len(values) // 2]]
            x = x[(slice(None), *(slice(at, at + n) for at, n in zip(begins, shape, strict=True)))]
        elif kind in _INVERSE:
            numbers = np.asarray(values, dtype=np.float64)
            several = numbers.size > 1
            x = _INVERSE[kind](x, numbers.reshape((1, -1) + (1,) * (x.ndim - 2)) if several else numbers)
    return np.asarray(x, dtype=np.float32)


def _shape_behind(kind: str, values: Sequence[float], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of a frame, without the batch, behind a step."""
    whole = [int(value) for value in values]
    if kind == "reshape":
        return tuple(whole)
    if kind == "transpose":
        return tuple(shape[axis - 1] for axis in whole[1:])
    if kind == "pad":
        half = len(whole) // 2
        return tuple(n + a + b for n, a, b in zip(shape, whole[:half], whole[half:], strict=True))
    return shape


def _between(edges: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return numbers that reach so many of the ascending `edges`."""
    steps = np.diff(edges)
    width = float(steps[steps > 0].min()) if (steps > 0).any() else 1.0
    points = np.concatenate([edges[:1] - width, edges])
    return np.asarray(points[counts.astype(np.int64)] + width / 2)
