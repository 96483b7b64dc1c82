"""What ONNX' operators that only move values do, in NumPy."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

OPERATORS = ("Transpose", "DepthToSpace", "SpaceToDepth", "Gather")
"""Those that `moved` knows."""


def moved(
    values: NDArray[Any], operator: str, attributes: Mapping[str, Any], indices: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Return what the `operator` makes of `values` (N, C, H, W).

    `operator` is one of `OPERATORS`, Gather that of the channels `indices`. Raises `ValueError` for another.
    """
    count, channels, height, width = values.shape
    if operator == "Transpose":
        return values.transpose(attributes["perm"])
    if operator == "Gather":
        assert indices is not None
        return values[:, np.asarray(indices, dtype=np.int64)]
    block = int(attributes["blocksize"])
    if operator == "DepthToSpace":
        depth = channels // block**2
        if attributes.get("mode", b"DCR") == b"CRD":
            parts = values.reshape(count, depth, block, block, height, width).transpose(0, 1, 4, 2, 5, 3)
        else:
            parts = values.reshape(count, block, block, depth, height, width).transpose(0, 3, 4, 1, 5, 2)
        return parts.reshape(count, depth, height * block, width * block)
    if operator == "SpaceToDepth":
        rows, columns = height // block, width // block
        parts = values.reshape(count, channels, rows, block, columns, block).transpose(0, 3, 5, 1, 2, 4)
        return parts.reshape(count, channels * block**2, rows, columns)
    raise ValueError(f"{operator} does not only move values")
