"""Integers to and from the bits that the accelerator reads and writes, vectorised.

A frame is the sequence of its integers, each `bits` wide, low bit first, filled up to whole bytes.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 15
"""Integers that are packed at a time: few enough to stay in a small processor's cache."""


def frame_bytes(values: int, bits: int) -> int:
    """Return the bytes of a frame of `values` integers of `bits` bits."""
    return (values * bits + 7) // 8


def pack(frames: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Return integers (N, values), int8 or uint8 and of at most 8 bits, as bytes (N, bytes)."""
    if not 1 <= bits <= 8:
        raise ValueError(f"bits must be 1 to 8, not {bits}")
    if frames.dtype.itemsize != 1:
        raise TypeError(f"integers must be int8 or uint8, not {frames.dtype}")
    octets = np.ascontiguousarray(frames).view(np.uint8)
    count, values = octets.shape
    if bits == 8:
        return octets
    group = 8 // math.gcd(8, bits)  # integers that fill whole bytes
    if values % group:
        filled = np.zeros((count, -(-values // group) * group), np.uint8)
        filled[:, :values] = octets
        octets = filled
    packed = np.empty((octets.size // group, group * bits // 8), np.uint8)
    flat = octets.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        block = flat[start : start + BLOCK]
        packed[start // group : (start + block.size) // group] = _joined(block, bits, group)
    return packed.reshape(count, -1)[:, : frame_bytes(values, bits)]


def _joined(octets: NDArray[np.uint8], bits: int, group: int) -> NDArray[np.uint8]:
    """Return the bits of each `group` of integers side by side (groups, bytes)."""
    fields = octets.view(f"<u{group}")
    fields = fields & fields.dtype.type(_every(8, bits, group))
    moved = np.empty_like(fields)
    # Neighbours move together: integers to pairs, pairs to fours, fours to eight.
    width, used = 8, bits
    while width < 8 * group:
        np.right_shift(fields, width - used, out=moved)
        moved &= fields.dtype.type(_every(2 * width, used, group) << used)
        fields &= fields.dtype.type(_every(2 * width, used, group))
        fields |= moved
        width, used = 2 * width, 2 * used
    joined: NDArray[np.uint8] = fields.view(np.uint8).reshape(-1, group)
    return joined[:, : group * bits // 8]


def _every(width: int, used: int, group: int) -> int:
    """Return `used` ones at the bottom of every `width` bits of `group` bytes."""
    return sum(((1 << used) - 1) << position for position in range(0, 8 * group, width))


def unpack(data: NDArray[np.uint8], values: int, bits: int, signed: bool) -> NDArray[np.int64]:
    """Return the integers (N, values) of at most 63 bits in frames of bytes (N, bytes)."""
    if bits in (8, 16, 32):
        kind = f"<{'i' if signed else 'u'}{bits // 8}"
        return np.ascontiguousarray(data).view(kind).astype(np.int64)
    flat = np.unpackbits(data, axis=1, count=values * bits, bitorder="little")
    places = np.int64(1) << np.arange(bits, dtype=np.int64)
    if signed:
        places[-1] = -places[-1]
    return flat.reshape(len(data), values, bits).astype(np.int64) @ places
