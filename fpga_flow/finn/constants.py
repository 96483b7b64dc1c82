"""Constants per channel, for a memory that the RTL reads when it starts."""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.datatypes import smallest


def per_channel(model: ModelWrapper, name: str, node: str, channels: int) -> NDArray[np.int64]:
    """Return the constant `name` as (channels,) integers.

    Raises `UnsupportedError` naming the `node` where it is no integer per channel, or for all.
    """
    values = model.get_initializer(name)
    if values is None:
        raise UnsupportedError(node, f"{name} is no constant", "give it as an initialiser")
    if values.size not in (1, channels) or values.size != math.prod(values.shape[-1:]):
        raise UnsupportedError(
            node,
            f"a constant of shape {list(values.shape)} for {channels} channels",
            "use one constant for all, or one per channel along the last axis",
        )
    integers = np.rint(values.reshape(-1)).astype(np.int64)
    if np.any(integers != values.reshape(-1)):
        raise UnsupportedError(node, f"{name} holds numbers that are no integers", "export integers")
    return np.broadcast_to(integers, (channels,))


def width(values: NDArray[np.int64]) -> tuple[int, bool]:
    """Return (bits, signed) of the smallest type for all of `values`."""
    datatype = smallest(int(values.min()), int(values.max()))
    return int(datatype.bitwidth()), bool(datatype.signed())


def write(values: NDArray[np.int64], bits: int, pe: int, path: Path) -> None:
    """Write `values` of `bits` bits, `pe` a line, the first one lowest, as hexadecimal numbers."""
    digits = math.ceil(pe * bits / 4)
    mask = (1 << bits) - 1
    words = (
        sum((int(value) & mask) << (bits * lane) for lane, value in enumerate(row))
        for row in values.reshape(-1, pe)
    )
    path.write_text("".join(f"{word:0{digits}x}\n" for word in words), encoding="utf-8")
