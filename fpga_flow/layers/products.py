"""What units of products share: `hdl/df_dot.sv`, and how long a product is on its way.

Those of a kind share how their folding is checked and what they compute, whatever their RTL is.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.weights import dot_stages
from fpga_flow.layers.base import Attributes
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of, in_block_ram, memory
from fpga_flow.target.resources import Resources


def folding_of(layer: Any) -> tuple[int, int, int, int]:
    """Return MW, MH, SIMD and PE of a matrix unit; raises `UnsupportedError` where they do not divide."""
    columns, rows, simd, pe = (int(layer.get_nodeattr(name)) for name in ("MW", "MH", "SIMD", "PE"))
    if columns % simd or rows % pe or layer.get_nodeattr("TH") != 1:
        raise UnsupportedError(
            layer.onnx_node.name,
            f"SIMD={simd} PE={pe} TH={layer.get_nodeattr('TH')}",
            f"use a divisor of {columns}, one of {rows}, and 1",
        )
    return columns, rows, simd, pe


def multiply(layer: Any, context: dict[str, Any], graph: object) -> None:
    """Execute a matrix unit in Python: its class's `execute_node`. Two BIPOLAR operands are multiplied."""
    node = layer.onnx_node
    vectors = context[node.input[0]].reshape(layer.get_normal_input_shape())
    products = np.matmul(vectors.astype(np.int64), context[node.input[1]].astype(np.int64))
    context[node.output[0]] = products.reshape(layer.get_normal_output_shape()).astype(np.float32)


def depthwise_folding_of(layer: Any) -> tuple[int, int, int, int]:
    """Return channels, positions of the kernel, SIMD and PE of a depthwise unit; raises as `folding_of`."""
    channels, simd, pe = (int(layer.get_nodeattr(name)) for name in ("Channels", "SIMD", "PE"))
    kernel = math.prod(layer.get_nodeattr("Kernel"))
    if channels % pe or kernel % simd:
        raise UnsupportedError(
            layer.onnx_node.name,
            f"SIMD={simd} PE={pe}",
            f"use a divisor of {kernel} and one of {channels}",
        )
    return channels, kernel, simd, pe


def convolve(layer: Any, context: dict[str, Any], graph: object) -> None:
    """Execute a depthwise unit in Python: its class's `execute_node`.

    The channels of a window lie next to each other, as the graph has them; FINN's own takes them in groups
    of PE, unless a window generator is in front of it, and counts where both operands are BIPOLAR.
    """
    node = layer.onnx_node
    channels, kernel = layer.get_nodeattr("Channels"), math.prod(layer.get_nodeattr("Kernel"))
    windows = context[node.input[0]].reshape(-1, kernel, channels).astype(np.int64)
    weights = context[node.input[1]].reshape(channels, kernel).T.astype(np.int64)
    if layer.get_nodeattr("binaryXnorMode"):
        sums = (windows == weights).sum(axis=1)
    else:
        sums = (windows * weights).sum(axis=1)
    context[node.output[0]] = sums.reshape(layer.get_normal_output_shape()).astype(np.float32)


def latency(a: Attributes) -> int:
    """Return the cycles from the last word of a sum in to the sum out: operand and result have a register."""
    return 2 + dot_stages(a["SIMD"], a["resType"], bits_of(a["inputDataType"]))


MOST_WORDS = 64
"""Of a memory of weights that is looked at: of more words, nearly every bit is set in one of them."""
MOST_BITS = 16_384
"""Of a word of it: wider ones take Yosys' front end too many steps, whatever is left in the end."""


def known_words(a: Attributes, blocks: NDArray[np.int64] | None, family: Family) -> NDArray[np.int64] | None:
    """Return weights as words (depth, PE, SIMD), where their memory is in LUTs and contents decide its size.

    `blocks` are they as a unit takes them, (..., ..., PE, SIMD), if they are known.
    """
    if blocks is None or "BIPOLAR" in (a["weightDataType"], a["inputDataType"]):
        return None
    *_, pe, simd = blocks.shape
    words = blocks.reshape(-1, pe, simd)
    width, depth = pe * simd * bits_of(a["weightDataType"]), len(words)
    if depth > MOST_WORDS or width > MOST_BITS or a["ram_style"] == "block":
        return None
    in_block = a["ram_style"] == "auto" and in_block_ram(family, width, depth)
    return None if in_block else words


class Columns(NamedTuple):
    """What is left of a memory of few words in LUTs: bits that no word sets, and equal ones, are no logic."""

    bits: int
    """Bits of a word that are different."""
    terms: int
    """Bits of a word, of the operand that selects, whose products can be anything but 0."""
    trees: int
    """Sums of such products, of one of these bits and one row."""
    constant: bool
    """There is only one word: no bit of it is logic."""


def columns_of(words: NDArray[np.int64], w: int, x: int) -> Columns:
    """Return what is left of a memory with `words` (depth, PE, SIMD) of `w` bits, times `x` bits."""
    depth = len(words)
    bits = (words[..., None] >> np.arange(w) & 1).astype(np.uint8)  # (depth, PE, SIMD, w)
    used: NDArray[np.bool_] = np.any(bits, axis=0)
    content = np.packbits(bits.reshape(depth, -1)[:, used.reshape(-1)], axis=0)
    different = len(np.unique(content, axis=1).T)
    if w <= x:
        terms, trees = int(used.sum()), int(np.any(used, axis=1).sum())
    else:
        products: NDArray[np.bool_] = np.any(used, axis=2)
        terms, trees = x * int(products.sum()), x * int(np.any(products, axis=1).sum())
    return Columns(0 if depth == 1 else different, terms, trees, depth == 1)


def products(
    family: Family, a: Attributes, depth: int, activations: int, words: NDArray[np.int64] | None = None
) -> Resources:
    """Return `df_dot.sv` with a memory of `depth` words of weights; `activations` bits come in a word.

    `words`: the memory, (depth, PE, SIMD), where it is known to be in LUTs and its operands to be numbers.
    """
    pe, simd = a["PE"], a["SIMD"]
    w, x, out = (bits_of(a[f"{role}DataType"]) for role in ("weight", "input", "output"))
    planes = min(w, x)
    selects = a["resType"] == "lut" or planes <= 2
    every = Columns(pe * simd * w, pe * simd * planes, pe * planes, False)
    found = every if words is None or not selects else columns_of(words, w, x)
    registers = Resources(lut=30, ff=40 + activations + found.bits)
    wide = max(w, x)
    sums = _selected(pe, simd, wide, out, found) if selects else _multiplied(family, pe, simd, w, x, out)
    return memory(family, found.bits, depth, style=a["ram_style"]) + sums + registers


def _selected(pe: int, simd: int, wide: int, out: int, found: Columns) -> Resources:
    """Return the products of `df_dot.sv` where the bits of the narrower operand select the other one.

    That has `wide` bits; there is a sum for each of them.
    """
    sums = 0.8 * (found.terms - found.trees) * (wide + 1) + found.trees * out
    return Resources(
        # Of constants Yosys finds sums and bits that are equal.
        lut=0.7 * sums if found.constant else 0.7 * found.terms * wide + sums,
        ff=1.6 * min(found.trees * math.ceil(simd / 4), found.terms) * (wide + 2) + 1.9 * pe * out,
    )


def _multiplied(family: Family, pe: int, simd: int, w: int, x: int, out: int) -> Resources:
    """Return the products of `df_dot.sv`, of `w` and `x` bits, that are left to Yosys, and their sums.

    It takes a DSP from a certain size on, and its adder for a part of the sums.
    """
    count = pe * simd
    ff = 0.45 * count * (w + x) + 2.3 * pe * out
    if w + x >= family.dsp_product:
        return Resources(lut=0.5 * pe * (simd - 1) * (w + x) + pe * out, ff=ff, dsp=count)
    return Resources(lut=2 * count * w * x + 0.3 * pe * out, ff=ff)
