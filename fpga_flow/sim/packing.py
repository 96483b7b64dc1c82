"""Integers to the words of a stream and back, as FINN's layers send them.

A word holds `lanes` integers of `bits` bits, lane 0 in the low bits, and is padded with zeros to
whole bytes; negative numbers are in two's complement, bipolar ones are 0 for -1.
"""

import numpy as np
from numpy.typing import NDArray
from qonnx.core.datatype import DataType

from fpga_flow.design.design import Stream
from fpga_flow.integer.golden import top_k

Words = NDArray[np.uint8]
Integers = NDArray[np.int64]


def channels_last(values: NDArray[np.generic]) -> Integers:
    """Return a tensor (frames, channels, ...) with its channels moved to the last axis."""
    return np.ascontiguousarray(np.moveaxis(values, 1, -1)).astype(np.int64)


def wanted(logits: Integers, k: int) -> Integers:
    """Return what the accelerator must give (frames, values) where the golden model gives `logits`."""
    return top_k(logits, k) if k else channels_last(logits).reshape(len(logits), -1)


def pack(values: NDArray[np.generic], stream: Stream) -> Words:
    """Return the words (frames * words, bytes) of `values` (frames, ...), channels last."""
    datatype = DataType[stream.datatype]
    bits = datatype.bitwidth()
    flat = values.reshape(-1, stream.lanes).astype(np.int64)
    if datatype.name == "BIPOLAR":
        flat = (flat + 1) // 2
    unpacked = ((flat[:, :, None] >> np.arange(bits)) & 1).astype(np.uint8).reshape(len(flat), -1)
    padding = stream.width - unpacked.shape[1]
    return np.packbits(np.pad(unpacked, ((0, 0), (0, padding))), axis=1, bitorder="little")


def unpack(words: Words, stream: Stream) -> Integers:
    """Return the integers (frames, values) of `words` (frames * words, bytes)."""
    datatype = DataType[stream.datatype]
    bits = datatype.bitwidth()
    unpacked = np.unpackbits(words, axis=1, bitorder="little")[:, : stream.lanes * bits]
    lanes = unpacked.reshape(len(words), stream.lanes, bits).astype(np.int64)
    values = lanes @ (np.int64(1) << np.arange(bits, dtype=np.int64))
    if datatype.name == "BIPOLAR":
        values = 2 * values - 1
    elif datatype.signed():
        values -= (values >> (bits - 1)) << bits
    return values.reshape(-1, stream.words * stream.lanes)
