"""What memories, FIFOs and width converters take of a family.

The formulas follow from the modules' structure and from how Yosys maps memories; their factors were fitted to
Yosys' counts for a PYNQ-Z1's part.
"""

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.datatype import DataType

from fpga_flow.target.family import Family
from fpga_flow.target.resources import Resources

BLOCK_FIFO_DEPTH, BLOCK_FIFO_BITS = 256, 2048
"""A FIFO of more words and more bits than these is in block RAM (`fifo.sv`)."""


@functools.cache
def bits_of(datatype: str) -> int:
    """Return the bits of a value of a QONNX datatype."""
    return int(DataType[datatype].bitwidth())


def bram18_of(family: Family, width: NDArray[Any] | int, depth: NDArray[Any] | int) -> NDArray[np.int64]:
    """Return the block RAMs of 18 Kibit of a memory of `depth` words of `width` bits."""
    widths, depths = np.array(family.block_ram.shapes).T
    parts = -(-np.asarray(width)[..., None] // widths) * -(-np.asarray(depth)[..., None] // depths)
    least: NDArray[np.int64] = parts.min(axis=-1)
    return least


@functools.cache
def memory(family: Family, width: int, depth: int, writable: bool = False, style: str = "auto") -> Resources:
    """Return a memory of `depth` words of `width` bits; `style` is FINN's `ram_style`."""
    if style == "block" or (style == "auto" and in_block_ram(family, width, depth)):
        return Resources(lut=8, ff=8, bram18=int(bram18_of(family, width, depth)))
    luts = family.lut_memory
    if writable:
        return Resources(lut=luts.luts * math.ceil(width / luts.bits) * math.ceil(depth / luts.words))
    return Resources(lut=width * math.ceil(depth / luts.rom_bits))


@functools.cache
def in_block_ram(family: Family, width: int, depth: int) -> bool:
    """Return whether Yosys puts a memory into block RAM."""
    block = family.block_ram
    bits, words, cost = family.lut_memory.library
    small = cost * math.ceil(width / bits) * math.ceil(depth / words)
    return depth >= block.words or small > block.cost * int(bram18_of(family, width, depth))


def fifo(family: Family, bits: NDArray[Any] | int, depth: NDArray[Any] | int = 2) -> NDArray[np.float64]:
    """Return (..., 4) what `fifo.sv` takes for `depth` words of `bits` bits; see `Resources.row`."""
    width = -(-np.asarray(bits) // 8) * 8
    depth = np.asarray(depth)
    rows = np.where(depth <= 2, 0, np.ceil(depth / family.lut_memory.words))
    deep = (depth > BLOCK_FIFO_DEPTH) & (width * depth > BLOCK_FIFO_BITS)
    ring = 24 + 0.7 * width * rows + 6 * rows, width + 16 + 4 * np.log2(np.maximum(depth, 2))
    lut = np.select([depth == 1, depth == 2], [2, width + 4], ring[0])
    ff = np.select([depth == 1, depth == 2], [width + 1, 2 * width + 2], ring[1])
    bram = bram18_of(family, width, depth - 1)  # one more word is in the memory's own register
    return np.stack(
        [np.where(deep, 40, lut), np.where(deep, 41, ff), np.where(deep, bram, 0), np.zeros_like(lut)], -1
    )


def fifo_before(
    family: Family, bits: NDArray[Any] | int, words: NDArray[Any] | int = 2
) -> NDArray[np.float64]:
    """Return (..., 4) what a FIFO takes that needs `words` words at least, before its depth is known.

    Where two do, one word is enough for two of three FIFOs (`fifos.network.SINGLE`), if the rate allows it.
    """
    found: NDArray[np.float64] = np.where(
        (np.asarray(words) <= 2)[..., None],
        (2 * fifo(family, bits, 1) + fifo(family, bits, 2)) / 3,
        fifo(family, bits, words),
    )
    return found


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
