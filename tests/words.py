"""Integers to the words of a stream and back: lane 0 in the low bits, bytes little endian."""

import numpy as np
from numpy.typing import NDArray


def pack_words(values: NDArray[np.integer], bits: int, width: int | None = None) -> NDArray[np.uint8]:
    """Return `values` (words, lanes), integers of `bits` bits, as uint8 (words, bytes).

    `width` is the word's width in bits where it is padded above the lanes. Raises `ValueError` for
    a value that does not fit its lane, signed or unsigned.
    """
    words, lanes = values.shape
    width = lanes * bits if width is None else width
    if values.size and not (-(1 << (bits - 1)) <= int(values.min()) and int(values.max()) < 1 << bits):
        raise ValueError(f"values must fit {bits} bits, not {int(values.min())}..{int(values.max())}")
    if width < lanes * bits:
        raise ValueError(f"width must be at least {lanes} * {bits} bits, not {width}")
    planes = values[:, :, None].astype(np.int64) >> np.arange(bits) & 1
    packed = np.packbits(planes.astype(np.uint8).reshape(words, lanes * bits), axis=1, bitorder="little")
    padded = np.zeros((words, (width + 7) // 8), dtype=np.uint8)
    padded[:, : packed.shape[1]] = packed
    return padded


def unpack_words(words: NDArray[np.uint8], bits: int, lanes: int, *, signed: bool) -> NDArray[np.int64]:
    """Return the integers in `words` (words, bytes) as int64 (words, lanes); the padding is ignored."""
    flat = np.unpackbits(words, axis=1, bitorder="little", count=lanes * bits)
    planes = flat.reshape(len(words), lanes, bits).astype(np.int64)
    values: NDArray[np.int64] = (planes << np.arange(bits)).sum(axis=2)
    if signed:
        values -= (values >> (bits - 1)) << bits
    return values
