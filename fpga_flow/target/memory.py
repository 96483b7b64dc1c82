"""Memories, FIFOs and width converters of a family."""

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.datatype import DataType

from fpga_flow.target.family import Family
from fpga_flow.target.resources import Resources

LUTRAM_BITS = 64
"""Bits of a read-only memory in a LUT."""
BRAM_FROM = 512
"""Words from which Yosys puts a memory into block RAM, however narrow it is."""
BRAM_COST, LUTRAM_COST = 129, 8
"""What Yosys weighs a RAMB18 with, and four LUTs that hold 64 words of 4 bits (its `memory_libmap`)."""
DSP_PRODUCT = 9
"""Bits of a product from which Yosys takes a DSP for it."""
SHALLOW_FIFO = 32
"""Words that a FIFO holds in a row of LUT RAM."""
BLOCK_FIFO_DEPTH, BLOCK_FIFO_BITS = 256, 2048
"""A FIFO of more words and more bits than these is in block RAM (`fifo.sv`)."""


@functools.cache
def bits_of(datatype: str) -> int:
    """Return the bits of a value of a QONNX datatype."""
    return int(DataType[datatype].bitwidth())


BRAM18_SHAPES = np.array([(36, 512), (18, 1024), (9, 2048), (4, 4096), (2, 8192), (1, 16384)])
"""Bits and words of a RAMB18 as a simple dual-port memory (UG473)."""


def bram18_of(width: NDArray[Any] | int, depth: NDArray[Any] | int) -> NDArray[np.int64]:
    """Return the RAMB18 of a memory of `depth` words of `width` bits."""
    widths, depths = BRAM18_SHAPES.T
    parts = -(-np.asarray(width)[..., None] // widths) * -(-np.asarray(depth)[..., None] // depths)
    least: NDArray[np.int64] = parts.min(axis=-1)
    return least


@functools.cache
def memory(family: Family, width: int, depth: int, writable: bool = False, style: str = "auto") -> Resources:
    """Return a memory of `depth` words of `width` bits; `style` is FINN's `ram_style`."""
    if style == "block" or (style == "auto" and in_block_ram(family, width, depth)):
        return Resources(lut=8, ff=8, bram18=int(bram18_of(width, depth)))
    if writable:  # RAM32M: four LUTs hold 32 words of 6 bits
        return Resources(lut=4 * math.ceil(width / 6) * math.ceil(depth / 32))
    return Resources(lut=width * math.ceil(depth / LUTRAM_BITS))


def fifo(bits: NDArray[Any] | int, depth: NDArray[Any] | int = 2) -> NDArray[np.float64]:
    """Return (..., 4) what `fifo.sv` takes for `depth` words of `bits` bits."""
    width = -(-np.asarray(bits) // 8) * 8
    depth = np.asarray(depth)
    rows = np.where(depth <= 2, 0, np.ceil(depth / SHALLOW_FIFO))
    deep = (depth > BLOCK_FIFO_DEPTH) & (width * depth > BLOCK_FIFO_BITS)
    lut = np.where(depth <= 2, width + 4, 24 + 0.7 * width * rows + 6 * rows)
    ff = np.where(depth <= 2, 2 * width + 2, width + 16 + 4 * np.log2(np.maximum(depth, 2)))
    bram = bram18_of(width, depth - 1)  # one more word is in the memory's own register
    return np.stack(
        [np.where(deep, 40, lut), np.where(deep, 41, ff), np.where(deep, bram, 0), np.zeros_like(lut)], -1
    )


def converter(wide_in: NDArray[Any], wide_out: NDArray[Any]) -> NDArray[np.float64]:
    """Return (..., 4) what `vpc.sv` takes between words of `wide_in` and `wide_out` bits; 0 where equal.

    Its buffer holds the least common multiple of both; each output bit selects among `wide_in / divisor`.
    """
    group = np.gcd(wide_in, wide_out)
    ways_in, ways_out = wide_in // group, wide_out // group
    select = np.select([ways_in == 1, ways_in <= 4], [0, 1], np.ceil(3 * ways_in / 8))
    lut = 5 + 1.4 * ways_out + wide_out * select
    ff = ways_in * ways_out * group + 8
    both = np.stack([lut, ff, np.zeros_like(lut), np.zeros_like(lut)], -1)
    return np.where((wide_in == wide_out)[..., None], 0.0, both)


@functools.cache
def in_block_ram(family: Family, width: int, depth: int) -> bool:
    """Return whether Yosys puts a memory into block RAM."""
    small = LUTRAM_COST * math.ceil(width / 4) * math.ceil(depth / LUTRAM_BITS)
    return depth >= BRAM_FROM or small > BRAM_COST * int(bram18_of(width, depth))
