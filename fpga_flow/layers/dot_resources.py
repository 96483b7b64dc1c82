"""What the units around `hdl/df_dot.sv` take, by their structure: weights, operands, trees of sums, rows.

Of weights in LUTs the contents count: a bit that no word of the memory sets is no logic, and what it would
select is not added.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fpga_flow.finn.weights import adder_stages
from fpga_flow.layers.base import Attributes
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of, block_ram, constant_memory, in_block_ram, memory, rom_luts
from fpga_flow.target.resources import Resources

MOST_WORDS = 64
"""Of a memory of weights that is looked at: of more words, nearly every bit is set in one of them."""
MOST_BITS = 16_384
"""Of a word of it: wider ones take Yosys' front end too many steps, whatever is left in the end."""
FIRST, ONES, LATER = 4, 8, 8
"""Terms, ones of bits, and sums of either that are added at a time (`df_dot.sv`)."""
CONSTANTS = 0.65
"""Of the LUTs of sums, those that are left where all weights are constants."""
Used = NDArray[np.bool_]


class Operands(NamedTuple):
    """How the operands of a unit are coded, and what is made of them."""

    pe: int
    simd: int
    weight_bits: int
    input_bits: int
    sum_bits: int
    bipolar: tuple[bool, bool]
    """Weights, inputs."""
    in_luts: bool

    @classmethod
    def of(cls, a: Attributes) -> "Operands":
        """Return those of a layer with the attributes `a`."""
        w, x, out = (bits_of(a[f"{role}DataType"]) for role in ("weight", "input", "output"))
        bipolar = a["weightDataType"] == "BIPOLAR", a["inputDataType"] == "BIPOLAR"
        shifts = all(bipolar) and not a.get("binaryXnorMode", 0)
        return cls(a["PE"], a["SIMD"], w, x, max(1, out - shifts), bipolar, a["resType"] == "lut")

    @property
    def counts(self) -> bool:
        """Products are counted where they are 1."""
        return all(self.bipolar)

    @property
    def selects(self) -> bool:
        """The bits of the narrower operand select the other one."""
        small = min(self.weight_bits, self.input_bits) <= 2
        return not any(self.bipolar) and (small or self.in_luts)

    @property
    def multiplies(self) -> bool:
        """Products are what synthesis makes of `*`."""
        return not any(self.bipolar) and not self.selects


def dot(
    family: Family, a: Attributes, fold: int, depth: int, sets: int, weights: NDArray[np.int64] | None
) -> Resources:
    """Return `df_dot.sv` for sums of `fold` words, its operands, and a memory of `depth` words of weights.

    `weights`: the memory (..., PE, SIMD), if it is known. There are `sets` sets of inputs in a word.
    """
    given = Operands.of(a)
    pe, simd, w, x = given.pe, given.simd, given.weight_bits, given.input_bits
    stored, used = _memory(family, a, given, depth, weights)
    count = (fold - 1).bit_length()
    control = Resources(
        lut=7 + _counter(depth, 1.3) + _counter(fold, 1.5),
        ff=sets * simd * x + 2 + (depth - 1).bit_length() + count + adder_stages(simd),
    )
    if given.multiplies:
        return stored + control + _multiplied(family, given)
    if given.counts or not given.selects:
        width = 1 if given.counts else w if given.bipolar[1] else x
        sums = _trees(np.ones((pe, simd), np.bool_), width, given.sum_bits, ones=given.counts)
        rows = Resources(lut=pe * given.sum_bits, ff=pe * given.sum_bits * (1 + (fold > 1)))
        if not given.counts:  # what is the same in all rows, and added to each
            both = np.ones((sets, simd), np.bool_)
            fix = _trees(both, 1 if given.bipolar[1] else x, given.sum_bits, ones=given.bipolar[1])
            rows = rows + Resources(*fix[:2]) + Resources(lut=pe * given.sum_bits)
        return stored + control + Resources(*sums[:2]) + rows
    by_weight = w <= x
    planes = w if by_weight else x
    # (PE, planes, SIMD): the products of a bit of the narrower operand.
    terms = used.transpose(0, 2, 1) if by_weight else np.repeat(np.any(used, axis=-1)[:, None], planes, 1)
    lut, ff, bits = _trees(terms.reshape(-1, simd), max(w, x), given.sum_bits, selected=True)
    rows = _rows(given, bits.reshape(pe, planes), fold)
    # Of constants Yosys finds sums and bits that are equal.
    found = CONSTANTS if depth == 1 and weights is not None else 1.0
    return stored + control + Resources(lut=PLANES + found * (lut + rows.lut), ff=ff + rows.ff)


def _memory(
    family: Family, a: Attributes, given: Operands, depth: int, weights: NDArray[np.int64] | None
) -> tuple[Resources, Used]:
    """Return the weights' memory with its register, and which bits (PE, SIMD, weight's) are ever set."""
    pe, simd, w = given.pe, given.simd, given.weight_bits
    width, style = pe * simd * w, a["ram_style"]
    every = np.ones((pe, simd, w), np.bool_)
    if style == "block" or (style == "auto" and in_block_ram(family, width, depth)):
        return block_ram(family, width, depth), every
    if weights is None or any(given.bipolar) or depth > MOST_WORDS or width > MOST_BITS:
        return Resources(lut=width * rom_luts(family, depth), ff=width), every
    digits = (weights.reshape(depth, pe, simd)[..., None] >> np.arange(w) & 1).astype(np.bool_)
    used = np.any(digits, axis=0)
    return constant_memory(family, digits.reshape(depth, -1)), np.asarray(used)


def _trees(
    terms: Used, width: int, most: int, *, ones: bool = False, selected: bool = False
) -> tuple[float, float, NDArray[np.int64]]:
    """Return LUTs, registers, and the bits (trees) of the sums, at most `most`, of trees of adders.

    Those of `terms` (trees, lanes), of `width` bits, are not always 0; `selected`: they may be, by a bit.
    """
    count = np.asarray(terms, np.int64)
    size = ONES if ones else FIRST
    lut = ff = 0.0
    stage = 0
    children, below = count, np.where(count > 0, width, 0)
    while True:
        lanes = -(-count.shape[1] // size) * size
        spare = ((0, 0), (0, lanes - count.shape[1]))
        groups = (len(count), -1, size)
        widths = np.pad(below, spare).reshape(groups)
        children = (widths > 0).sum(-1)
        count = np.pad(count, spare).reshape(groups).sum(-1)
        bits = np.where(count > 0, _sum_bits(count, width, ones), 0).clip(max=most)
        if stage == 0 and ones:
            lut += float((1.25 * count).sum())
        else:
            picked = selected and width > WIDE and stage == 0
            lut += float(_added(children, widths.max(-1), bits, picked).sum())
            # What selects a term is within its adder, but for one that the carry chain takes besides.
            lone = (children == 1) | (children == 2) & selected
            lut += (stage == 0) * float((width * lone).sum())
        ff += float(bits.sum())
        if count.shape[1] == 1:
            return lut, ff, bits[:, 0]
        stage, below, size = stage + 1, bits, FIRST if ones and stage == 0 else LATER


WIDE = 4
"""Bits of a term up to which a selected one is added in the LUTs of a carry chain."""
TINY = 2
"""Bits of a term up to which sums are logic without a carry chain."""
TOGETHER = 1.8
"""LUTs a bit of each number more than two that is added at once (fitted)."""
PLANES = 10
"""LUTs of the control of sums by the bits of an operand, besides that of all units (fitted)."""


def _added(
    terms: NDArray[np.int64], width: NDArray[np.int64], bits: NDArray[np.int64], selected: bool
) -> NDArray[np.float64]:
    """Return the LUTs of sums of `terms` numbers of `width` bits, which have `bits`; `selected`: or of 0.

    An adder is a LUT a bit, the first ones of a tree of tiny numbers one less. Of wide numbers
    that are selected Yosys adds more than two at once; of narrow ones it does not (fitted).
    """
    together = TOGETHER * np.maximum(terms - 2, 0) * width + bits
    apart = (terms - 1.0) * bits - np.where(width <= TINY, terms - 2.0, 0.0)
    return np.where(terms > 1, np.where(selected & (width > WIDE), together, apart), 0.0)


def _sum_bits(count: NDArray[np.int64], width: int, ones: bool) -> NDArray[np.int64]:
    if ones:
        return np.ceil(np.log2(count + 1)).astype(np.int64)
    return width + np.ceil(np.log2(np.maximum(count, 1))).astype(np.int64)


def _rows(given: Operands, bits: NDArray[np.int64], fold: int) -> Resources:
    """Return what adds the planes of each row, whose sums have `bits` (PE, planes), and what accumulates."""
    planes = (bits > 0).sum(-1)
    wide = (bits + np.arange(bits.shape[1])).max(-1).clip(max=given.sum_bits) * (planes > 0)
    lut = float(_added(planes, bits.max(-1), wide, given.input_bits > WIDE).sum())
    held = float(wide.sum()) if given.in_luts and given.input_bits > 2 else 0.0
    live = int((planes > 0).sum())
    if fold == 1:
        return Resources(lut=lut, ff=held + float(wide.sum()))
    return Resources(lut=lut + live * given.sum_bits, ff=held + 2 * live * given.sum_bits)


def _multiplied(family: Family, given: Operands) -> Resources:
    """Return products that are left to Yosys, and their sums.

    It takes a DSP from a certain size on, and its adder for a part of the sums.
    """
    pe, simd, w, x, out = given.pe, given.simd, given.weight_bits, given.input_bits, given.sum_bits
    count = pe * simd
    ff = 0.45 * count * (w + x) + 2.3 * pe * out
    if w + x >= family.dsp_product:
        return Resources(lut=0.5 * pe * (simd - 1) * (w + x) + pe * out, ff=ff, dsp=count)
    return Resources(lut=2 * count * w * x + 0.3 * pe * out, ff=ff)


def _counter(steps: int, bit: float) -> float:
    """Return the LUTs of a counter of so many steps, `bit` a bit; a power of two ends by itself (fitted)."""
    return (steps - 1).bit_length() * (bit - 0.5 * (steps.bit_count() == 1))


def vector_buffer(family: Family, passes: int, length: int, bits: int) -> Resources:
    """Return what gives a vector of `length` words of `bits` bits to `passes` groups of rows in turn."""
    if passes == 1:
        return Resources()
    turns = Resources(lut=4 + math.log2(passes), ff=(passes - 1).bit_length() + 2)
    if length == 1:
        return turns
    places, fill = (length - 1).bit_length(), length.bit_length()
    held = memory(family, bits, length, writable=True)
    ends = _counter(length, 1.0) + _counter(length, 1.0)
    # The register of what is read is the block RAM's own.
    inside = bits * in_block_ram(family, bits, length, writable=True)
    return turns + held + Resources(lut=4 + ends, ff=2 * places + fill - inside)
