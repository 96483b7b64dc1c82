"""What the host does to a frame before the accelerator (`fpga_flow.quantise`): description, inverse."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpga_flow.export.operations import HostInput, Tensor
from fpga_flow.quantise import quantise as quantise


def describe(host: HostInput, tensor: Tensor) -> dict[str, Any]:
    """Return the input as it stands in the result; `quantise` takes it."""
    return {
        "datatype": tensor.datatype,
        "shape": list(tensor.shape[1:]),
        "frame_shape": list(host.frame_shape),
        "steps": [[kind, list(values)] for kind, values in host.steps],
        "scale": host.scale,
        "zero": 0,
        "low": host.quantiser.low,
        "high": host.quantiser.high,
        "rounding": host.quantiser.rounding,
    }


_INVERSE = {"mul": np.divide, "div": np.multiply, "add": np.subtract, "sub": np.add}


def dequantise(codes: NDArray[Any], spec: dict[str, Any]) -> NDArray[np.float32]:
    """Return float frames (N, *frame_shape) that `quantise` turns into `codes` (N, *shape)."""
    shapes = [tuple(spec["frame_shape"])]
    for kind, values in spec["steps"]:
        shapes.append(tuple(int(size) for size in values) if kind == "reshape" else shapes[-1])
    x = np.asarray(codes, dtype=np.float64).reshape(len(codes), *shapes.pop()) * spec["scale"]
    for kind, values in reversed(spec["steps"]):
        shape = shapes.pop()
        if kind == "reshape":
            x = x.reshape(len(x), *shape)
            continue
        numbers = np.asarray(values, dtype=np.float64)
        x = _INVERSE[kind](
            x, numbers if numbers.size == 1 else numbers.reshape((1, -1) + (1,) * (x.ndim - 2))
        )
    return np.asarray(x, dtype=np.float32)
