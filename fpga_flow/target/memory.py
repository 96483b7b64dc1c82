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


def bram18_of(
    family: Family, width: NDArray[Any] | int, depth: NDArray[Any] | int, writable: bool = False
) -> NDArray[np.int64]:
    """Return the block RAMs of 18 Kibit of a memory of `depth` words of `width` bits."""
    found: NDArray[np.int64] = _block_rams(family, width, depth, writable)[0].astype(np.int64)
    return found


def _block_rams(
    family: Family, width: NDArray[Any] | int, depth: NDArray[Any] | int, writable: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return how many, in how many rows, one of which is selected for what is read, and their cost.

    Yosys' `memory_libmap` puts all rows beside each other as one wide word, takes whole groups of bits with
    a write enable where it is written, and the shape that costs least.
    """
    block = family.block_ram
    width, depth = np.broadcast_arrays(np.asarray(width)[..., None], np.asarray(depth)[..., None])
    if not block.shapes:  # as many as there never are
        whole = width[..., 0] * 1.0
        return whole, np.ones_like(whole), np.full_like(whole, np.inf)
    bits, words, units, costs = np.array(block.shapes).T
    rows = -(-depth // words)
    group = np.minimum(bits, block.written) if writable else 1
    count = -(-(-(-width // group) * group * rows) // bits)
    cost = costs * count + _selection(width, rows, writable)
    best = np.argmin(cost, axis=-1)[..., None]

    def chosen(amounts: NDArray[Any]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.take_along_axis(amounts, best, -1)[..., 0] * 1.0
        return found

    return chosen(count * units), chosen(rows), chosen(cost)


def _selection(width: NDArray[Any], rows: NDArray[Any], writable: bool) -> NDArray[np.float64]:
    """Return what `memory_libmap` weighs the selection among rows with, for reading and for writing."""
    found: NDArray[np.float64] = 0.5 * (rows - 1) * width + 0.5 * writable * np.where(rows > 1, rows, 0)
    return found


@functools.cache
def block_ram(
    family: Family, width: int, depth: int, writable: bool = False, alone: bool = False
) -> Resources:
    """Return a memory in block RAM, with what selects among its rows.

    `alone`: no LUT that reads it takes a part of the selection in.
    """
    count, rows = (int(found) for found in _block_rams(family, width, depth, writable)[:2])
    enables = rows if writable and rows > 1 else 0
    return Resources(lut=width * _select_row(rows, alone) + enables, ff=(rows - 1).bit_length(), bram18=count)


def lut_ram(family: Family, width: NDArray[Any] | int, depth: NDArray[Any] | int) -> NDArray[np.float64]:
    """Return the LUTs of a writable memory of `depth` words of `width` bits, with what joins its parts."""
    width, depth, luts = np.asarray(width), np.asarray(depth), family.lut_memory
    found = []
    for bits, words in luts.shapes:
        rows = np.ceil(depth / words)
        cells: NDArray[np.float64] = luts.luts * np.ceil(width / bits) * rows
        found.append(cells + width * np.ceil((rows - 1) / 3) + DECODED * (rows > 1) * rows)
    least: NDArray[np.float64] = np.min(found, axis=0)
    return least


DECODED = 2
"""LUTs of the write enable of each part of a memory in LUTs."""


@functools.cache
def memory(family: Family, width: int, depth: int, writable: bool = False, style: str = "auto") -> Resources:
    """Return a memory of `depth` words of `width` bits; `style` is FINN's `ram_style`."""
    if style == "block" or (style == "auto" and in_block_ram(family, width, depth, writable)):
        return Resources(lut=8, ff=8) + block_ram(family, width, depth, writable)
    if writable:
        return Resources(lut=float(lut_ram(family, width, depth)))
    return Resources(lut=width * rom_luts(family, depth))


@functools.cache
def in_block_ram(family: Family, width: int, depth: int, writable: bool = False) -> bool:
    """Return whether Yosys puts a memory into block RAM.

    Its `memory_libmap` takes what costs least: logic costs as many as LUTs hold a read-only memory.
    """
    if not width:  # constants all
        return False
    block = float(_block_rams(family, width, depth, writable)[2])
    if not writable:
        return width * depth / family.lut_memory.rom_bits >= block
    used, filled = family.lut_memory.cost
    bits, words = np.array(family.lut_memory.shapes).T
    rows = -(-depth // words)
    luts = used * -(-width // bits) * rows + filled * width * rows / bits
    return float(np.min(luts + _selection(np.asarray(width), rows, True))) > block


LOGIC_WORDS = 32
"""Of a read-only memory that is logic like any other: of more, each bit becomes LUTs by itself."""


def different_bits(family: Family, words: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return (...) how many bits of read-only memories are not constant, `words` (..., depth, width).

    Where a memory becomes logic, equal bits are one. Else a bit is constant where its LUTs are, which are
    filled up with 0.
    """
    depth = words.shape[-2]
    some, every = words.any(-2), words.all(-2)
    if depth > LOGIC_WORDS:
        return np.asarray((some & ~(every & (depth % family.lut_memory.rom_bits == 0))).sum(-1))
    contents = (words.astype(np.int64) << np.arange(depth)[:, None]).sum(-2)
    contents[every] = 0  # constant, as those that no word sets
    contents.sort(-1)
    new = np.diff(contents, axis=-1, prepend=0) != 0
    return np.asarray(new.sum(-1))


def rom_luts(family: Family, depth: int) -> int:
    """Return the LUTs of a bit of a read-only memory of `depth` words; four of them have multiplexers."""
    luts = math.ceil(depth / family.lut_memory.rom_bits)
    return luts + _select(math.ceil(luts / 4))


def _select_row(rows: int, alone: bool) -> float:
    """Return the LUTs of a bit that is selected among `rows`; see `block_ram`.

    Of more than 16 nothing is taken in (fitted).
    """
    return 0.0 if rows == 1 else 0.45 * rows if alone or rows > 16 else math.ceil(rows / 4)


def _select(ways: int) -> int:
    """Return the LUTs of a bit that is selected among so many, four in each LUT."""
    return math.ceil((ways - 1) / 3)


def constant_memory(family: Family, words: NDArray[np.bool_]) -> Resources:
    """Return a read-only memory in LUTs with the bits `words` (depth, width), and the register behind it."""
    depth = len(words)
    bits = int(different_bits(family, words))
    # Of two words a bit is the address, or its opposite.
    return Resources(lut=bits * rom_luts(family, depth) * (depth > 2), ff=bits)


def fifo(family: Family, bits: NDArray[Any] | int, depth: NDArray[Any] | int = 2) -> NDArray[np.float64]:
    """Return (..., 4) what `fifo.sv` takes for `depth` words of `bits` bits; see `Resources.row`.

    One word is in a register, two are in two; more are in a ring with a register behind it, with two
    addresses and a count. From two words on, words are whole bytes.
    """
    bits, depth = np.broadcast_arrays(np.asarray(bits), np.asarray(depth))
    width = -(-bits // 8) * 8
    addresses = np.ceil(np.log2(np.maximum(depth - 1, 2)))
    control = 2 + 2 * addresses + np.ceil(np.log2(depth + 1))
    deep = (depth > BLOCK_FIFO_DEPTH) & (width * depth > BLOCK_FIFO_BITS)
    whole = depth - 1 == 2**addresses  # addresses begin anew by themselves
    counted = np.select([whole, addresses <= 3], [11.5 + 1.45 * addresses, 17.0], 10 + 4 * addresses)
    ring = counted + np.where(deep, 0, lut_ram(family, width, depth - 1))
    lut = np.select([depth == 1, depth == 2], [2, width + 4], ring)
    ff = np.select([depth == 1, depth == 2], [bits + 1, 2 * width + 2], control + np.where(deep, 0, width))
    bram = np.where(deep, bram18_of(family, width, depth - 1, True), 0)
    return np.stack([lut, ff, bram, np.zeros_like(lut)], -1)


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
    places = ways_in * ways_out
    select = np.select(
        [ways_in == 1, ways_in <= 8], [0, np.ceil((ways_in - 1) / 3)], np.ceil(3 * ways_in / 8)
    )
    control = np.select(
        [ways_out == 1, ways_out >= 5],
        [3 + 3.4 * np.log2(ways_in), 11 + 1.3 * ways_out + 3 * np.log2(ways_in)],
        0.3 + 5.9 * np.log2(places),
    )
    lut = control + wide_out * select
    counters = [np.ceil(np.log2(count)) for count in (places + 1, ways_in, ways_out)]
    ff = places * group + sum(counters)
    both = np.stack([lut, ff, np.zeros_like(lut), np.zeros_like(lut)], -1)
    return np.where((wide_in == wide_out)[..., None], 0.0, both)
