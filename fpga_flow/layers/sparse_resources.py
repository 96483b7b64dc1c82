"""What the sparse matrix unit takes, by its structure (`hdl/df_sparse_matrix.sv`)."""

import math

import numpy as np
from qonnx.core.datatype import DataType

from fpga_flow.finn.datatypes import range_of
from fpga_flow.finn.weights import RAM_STYLES
from fpga_flow.layers.base import Attributes, Weights
from fpga_flow.layers.sparse_folding import walk_of
from fpga_flow.layers.sparse_lists import address_bits, part_range
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of, block_ram, bram18_of, lut_ram, memory, rom_luts
from fpga_flow.target.resources import Resources

BLOCK_IN_LUTS = 190
"""LUTs that a block RAM is worth, as the part of the smallest board has them: 53,200 to 280."""


def lists_in_block(family: Family, style: str, width: int, length: int) -> bool:
    """Return whether `length` words of `width` bits of lists are in block RAM; `style` as in FINN."""
    if RAM_STYLES[style] != "auto":
        return RAM_STYLES[style] == "block"
    return BLOCK_IN_LUTS * int(bram18_of(family, width, length)) < width * rom_luts(family, length)


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    rows, columns, simd, pe, lanes = (int(a[name]) for name in ("MH", "MW", "SIMD", "PE", "Lanes"))
    w, x, out = (bits_of(a[f"{role}DataType"]) for role in ("weight", "input", "output"))
    words, results, share = columns // simd, rows // pe, lanes // (simd * pe)
    length = walk_of(a)[0]
    width = lanes * (1 + w + address_bits(words))
    if lists_in_block(family, a["ram_style"], width, length):
        lists = block_ram(family, width, length)
    else:
        lists = Resources(lut=width * rom_luts(family, length), ff=width)
    places = math.ceil(results / share)
    sums = _sum_bits(a, weights, out)
    source = pe * simd * (address_bits(places) + (address_bits(share) if share > 1 else 0))
    order = Resources(lut=source * rom_luts(family, results), ff=source)
    copies = Resources(lut=simd * _vectors(family, x, 2 * words, pe * share))
    lane = _lane(family, a, w, x, sums, places)
    gathered = pe * simd * sums * math.ceil((share - 1) / 3)
    stages, nodes = [], simd  # parts of a row are added four at a time, with a register behind
    while nodes > 1:
        nodes = -(-nodes // 4)
        stages.append(nodes)
    output = Resources(
        lut=gathered + pe * (simd - 1) * out, ff=pe * (simd * sums + sum(stages) * out) + len(stages) + 1
    )
    counters = address_bits(length) + address_bits(words) + address_bits(results)
    return lists + order + copies + lane.times(lanes) + output + Resources(lut=36, ff=16 + counters)


def _sum_bits(a: Attributes, weights: Weights, out: int) -> int:
    """Return the bits of a lane's sums."""
    if weights is None:
        return max(1, out - math.ceil(math.log2(a["SIMD"]) / 2))
    taken = DataType[a["inputDataType"]]
    low, high = part_range(np.rint(weights.T).astype(np.int64), a["SIMD"], *range_of(taken))
    return max(high, -low - 1, 0).bit_length() + (low < 0) or 1


def _vectors(family: Family, bits: int, depth: int, readers: int) -> float:
    """Return the LUTs of a position's copies of `depth` words; three of the `readers` lanes share one."""
    luts = family.lut_memory
    wide, words = luts.shapes[0]
    tall = math.ceil(depth / (2 * words))
    three = luts.luts * (math.ceil(bits / 2) if depth <= words else bits * tall)
    one = (
        memory(family, bits, depth, writable=True).lut
        if depth <= words
        else (luts.luts * math.ceil(2 * bits / wide) * tall)
    )
    alone = readers % 3
    select = readers * bits * math.ceil((tall - 1) / 3)
    return readers // 3 * three + min(alone * one, three if alone else 0) + select


def _lane(family: Family, a: Attributes, w: int, x: int, sums: int, places: int) -> Resources:
    """Return a lane without its list: product, sum and the memory of its sums."""
    if a["resType"] == "lut":
        pairs = 1 + (max(w, x) > 3 and min(w, x) > 4)
        product = Resources(lut=_product_luts(min(w, x), max(w, x)), ff=pairs * (w + x))
        added = Resources(lut=sums, ff=2 + x + w + sums)
    else:
        product, added = Resources(dsp=1), Resources(ff=sums - 2)  # it has the operands' registers, and adds
    store = Resources(lut=float(lut_ram(family, sums, 2 * places)))
    counter = address_bits(places) if places > 1 else 0
    return product + added + store + Resources(lut=counter, ff=counter)


def _product_luts(narrow: int, wide: int) -> int:
    """Return the LUTs of `df_sparse_product.sv`: a table for each piece of the narrower operand, and sums."""
    if narrow == 1:
        return wide + (wide > 1)
    if wide <= 3:
        return narrow + wide
    pieces = math.ceil(narrow / 2)
    partial = wide + min(narrow, 2)
    # What is below a partial product goes around its adder.
    return pieces * (partial if wide <= 4 else 2 * partial) + (pieces - 1) * (partial - 2)
