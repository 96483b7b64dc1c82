"""What layers and the streams between them take of a part, as the folding weighs it.

FINN has no figure for the LUTs of its RTL matrix units, for flip-flops, and for the layers of our own; its
DSP counts hold for 4-bit weights only. The formulas here follow from the modules' structure; their factors
were fitted to Yosys' counts (`synth_xilinx -family xc7`) of layers with different foldings. Where a layer
has been synthesised, its counts are taken instead (`known`).
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from qonnx.core.datatype import DataType

from fpga_flow.target.board import Board


class Resources(NamedTuple):
    """Amounts of a part's resources; `lut` includes those used as memory."""

    lut: float = 0.0
    ff: float = 0.0
    bram18: float = 0.0
    dsp: float = 0.0

    def __add__(self, other: object) -> "Resources":
        if not isinstance(other, Resources):
            return NotImplemented
        return Resources(*(a + b for a, b in zip(self, other, strict=True)))


Attributes = Mapping[str, Any]
"""The attributes of a layer of FINN's by name."""
Weights = NDArray[np.float32] | None

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


def capacity(board: Board) -> Resources:
    """Return what the board's part holds."""
    return Resources(board.lut, board.ff, board.bram18, board.dsp)


def prices(board: Board) -> Resources:
    """Return the price of a unit of each resource in LUTs: a part's whole amount of any costs the same."""
    return Resources(*(board.lut / amount for amount in capacity(board)))


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
def memory(width: int, depth: int, writable: bool = False, style: str = "auto") -> Resources:
    """Return a memory of `depth` words of `width` bits; `style` is FINN's `ram_style`."""
    if style == "block" or (style == "auto" and in_block_ram(width, depth)):
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
def in_block_ram(width: int, depth: int) -> bool:
    """Return whether Yosys puts a memory into block RAM."""
    small = LUTRAM_COST * math.ceil(width / 4) * math.ceil(depth / LUTRAM_BITS)
    return depth >= BRAM_FROM or small > BRAM_COST * int(bram18_of(width, depth))


def matrix_lanes(weight_bits: int, input_bits: int, narrow: bool, part: str) -> int:
    """Return the products that FINN's matrix unit gets from one DSP (its `NUM_LANES`)."""
    port = 25 if part.startswith("xc7") else 27
    lane = weight_bits + input_bits - 1
    return 1 + max(0, port - (not narrow) - weight_bits) // lane


def _matrix(a: Attributes, weights: Weights, part: str) -> Resources:
    pe, simd = a["PE"], a["SIMD"]
    w, x, out = (bits_of(a[f"{role}DataType"]) for role in ("weight", "input", "output"))
    depth = math.ceil(a["MW"] / simd) * math.ceil(a["MH"] / pe)
    streamer = memory(pe * simd * w, depth, style=a["ram_style"])
    replay = memory(simd * x, math.ceil(a["MW"] / simd), writable=True)
    queue = Resources(lut=1.3 * pe * out + 25, ff=pe * out + 30)
    narrow = weights is not None and float(weights.min()) > DataType[a["weightDataType"]].min()
    dsp = simd * math.ceil(pe / matrix_lanes(w, x, narrow, part))
    shared = 8 * pe * simd if pe > 1 else 0  # products in one DSP are told apart
    core = Resources(
        lut=pe * (simd - 1) * out + 2 * dsp + shared,
        ff=pe * simd * (0.8 * out + 2 * w) + 2 * simd * x + shared,
        dsp=dsp,
    )
    return streamer + replay + queue + core + Resources(lut=20, ff=60)


def _matrix_vector(a: Attributes, weights: Weights, part: str) -> Resources:
    depth = math.ceil(a["MW"] / a["SIMD"]) * math.ceil(a["MH"] / a["PE"])
    x = bits_of(a["inputDataType"])
    replay = memory(a["SIMD"] * x, math.ceil(a["MW"] / a["SIMD"]), writable=True)
    return replay + _products(a, depth, a["SIMD"] * x)


def _depthwise(a: Attributes, weights: Weights, part: str) -> Resources:
    kernel = math.prod(int(k) for k in a["Kernel"])
    depth = math.ceil(a["Channels"] / a["PE"]) * math.ceil(kernel / a["SIMD"])
    return _products(a, depth, a["PE"] * a["SIMD"] * bits_of(a["inputDataType"]))


def _products(a: Attributes, depth: int, activations: int) -> Resources:
    """Return `df_dot.sv` with a memory of `depth` words of weights; `activations` bits come in a word."""
    pe, simd = a["PE"], a["SIMD"]
    w, x, out = (bits_of(a[f"{role}DataType"]) for role in ("weight", "input", "output"))
    registers = Resources(lut=30, ff=40 + activations + pe * simd * w)
    sums = _sums(pe, simd, w, x, out, in_luts=a["resType"] == "lut")
    return memory(pe * simd * w, depth, style=a["ram_style"]) + sums + registers


def _sums(pe: int, simd: int, w: int, x: int, out: int, in_luts: bool) -> Resources:
    """Return the products of `df_dot.sv`, of `w` and `x` bits, and their sums of `out` bits.

    Where an operand has one or two bits, or no DSP shall be taken, its bits select the other operand, with a
    sum for each of them. Else the products are left to Yosys, which takes a DSP from a certain size on, and
    its adder for a part of the sums.
    """
    count = pe * simd
    if in_luts or min(w, x) <= 2:
        planes, wide = min(w, x), max(w, x)
        trees = 0.8 * pe * planes * (simd - 1) * (wide + 1)
        return Resources(
            lut=0.7 * count * w * x + trees + pe * planes * out,
            ff=1.6 * pe * planes * math.ceil(simd / 4) * (wide + 2) + 1.9 * pe * out,
        )
    ff = 0.45 * count * (w + x) + 2.3 * pe * out
    if w + x >= DSP_PRODUCT:
        return Resources(lut=0.5 * pe * (simd - 1) * (w + x) + pe * out, ff=ff, dsp=count)
    return Resources(lut=2 * count * w * x + 0.3 * pe * out, ff=ff)


def _threshold(a: Attributes, weights: Weights, part: str) -> Resources:
    pe, steps = a["PE"], a["numSteps"]
    bits, width = math.ceil(math.log2(steps + 1)), bits_of(a["weightDataType"])
    fold = a["NumChannels"] // pe
    # A stage a bit: stage i has 2**i thresholds a channel, and one comparison.
    depths = [fold * 2**i for i in range(bits)]
    stages = [
        memory(width, depth)
        if in_block_ram(width, depth)
        else Resources(lut=0.75 * width * depth / LUTRAM_BITS)
        for depth in depths
    ]
    lane = sum(stages, Resources(lut=bits * width * 0.5, ff=2 * bits * width))
    return Resources(*(pe * amount for amount in lane)) + Resources(lut=30, ff=40)


def _window(a: Attributes, weights: Weights, part: str) -> Resources:
    (kh, kw), (_, w), (dh, dw) = a["ConvKernelDim"], a["IFMDim"], a["Dilation"]
    (sh, _), simd = a["Stride"], a["SIMD"]
    width = simd * bits_of(a["inputDataType"])
    fold = a["IFMChannels"] // simd
    control = Resources(
        lut=45 + 11 * math.log2(math.prod(a["OFMDim"]) * fold + 1), ff=40 + 4 * math.log2(w * fold + 1)
    )
    if kh * kw == 1:
        return control
    rows = ((kh - 1) * dh + max(0, sh - 1)) * w
    if a["parallel_window"]:  # a register for every value of the window, lines in memories
        values = ((kw - 1) * dw + 1) * kh * fold
        line = max(1, w - (kw - 1) * dw) * dh * fold
        lines = memory(width, line, True, a["ram_style"]) if kh > 1 else Resources()
        held = Resources(lut=values * width * 0.1, ff=values * width)
        return control + held + Resources(*((kh - 1) * amount for amount in lines))
    depth = (rows + (kw - 1) * dw + 1) * fold
    return control + memory(width, depth, True, a["ram_style"]) + Resources(lut=width, ff=width)


def _padding(a: Attributes, weights: Weights, part: str) -> Resources:
    width = a["SIMD"] * bits_of(a["inputDataType"])
    return Resources(lut=26 + 0.5 * width, ff=26 + width)


def _pool(a: Attributes, weights: Weights, part: str) -> Resources:
    width = a["PE"] * bits_of(a["OutputDataType"])
    return Resources(lut=6 + 2 * width, ff=6 + 2 * width)


def _label_select(a: Attributes, weights: Weights, part: str) -> Resources:
    width, k = bits_of(a["inputDataType"]), a["K"]
    return Resources(lut=12 + (a["PE"] + k - 1) * 2.5 * width, ff=16 + k * (width + 8))


def _elementwise(a: Attributes, weights: Weights, part: str) -> Resources:
    left, right, out = (bits_of(a[f"{role}_dtype"]) for role in ("lhs", "rhs", "out"))
    pe, channels = a["PE"], a["out_shape"][-1]
    constants = memory(pe * right, channels // pe) if a["rhs_style"] == "const" else Resources()
    return constants + Resources(lut=10 + pe * max(left, right, out), ff=10 + pe * out)


def _product(a: Attributes, weights: Weights, part: str) -> Resources:
    left, right = bits_of(a["lhs_dtype"]), bits_of(a["rhs_dtype"])
    if min(left, right) > 1 and left + right >= DSP_PRODUCT:
        return _elementwise(a, weights, part) + Resources(dsp=a["PE"])
    return _elementwise(a, weights, part) + Resources(lut=a["PE"] * left * right)


def _fork(a: Attributes, weights: Weights, part: str) -> Resources:
    width = a["PE"] * bits_of(a["inputDataType"])
    return Resources(lut=2 * a["NumOutputStreams"], ff=a["NumOutputStreams"] + width)


def _concat(a: Attributes, weights: Weights, part: str) -> Resources:
    width = a["SIMD"] * max(bits_of(name) for name in a["inputDataTypes"])
    return Resources(lut=7 + width * len(a["ChannelsPerStream"]) / 2, ff=4 + width)


def _split(a: Attributes, weights: Weights, part: str) -> Resources:
    width = a["SIMD"] * bits_of(a["inputDataType"])
    return Resources(lut=9, ff=5 + width)


def _global_pool(a: Attributes, weights: Weights, part: str) -> Resources:
    pe, fold = a["PE"], a["NumChannels"] // a["PE"]
    width = pe * (bits_of(a["inputDataType"]) + math.ceil(math.log2(math.prod(a["numInputVectors"]) + 1)))
    return memory(width, fold, writable=True) + Resources(lut=20 + 1.5 * width, ff=20 + width)


def _decimate(a: Attributes, weights: Weights, part: str) -> Resources:
    width = a["SIMD"] * bits_of(a["inputDataType"])
    return Resources(lut=30, ff=30 + width)


def _upsample(a: Attributes, weights: Weights, part: str) -> Resources:
    width, fold = a["SIMD"] * bits_of(a["inputDataType"]), a["NumChannels"] // a["SIMD"]
    return memory(width, a["WI"] * fold, writable=True) + Resources(lut=50 + 0.5 * width, ff=50 + width)


def _other(a: Attributes, weights: Weights, part: str) -> Resources:
    bits = [bits_of(name) for key, name in a.items() if key.lower().endswith(("datatype", "dtype")) and name]
    width = a.get("PE", a.get("SIMD", 1)) * max(bits, default=8)
    return Resources(lut=40 + 2 * width, ff=40 + 2 * width)


OTHER = "Other"
"""A layer that nothing is known about: taken as a few registers."""
FORMULAS: dict[str, Callable[[Attributes, Weights, str], Resources]] = {
    "MVAU": _matrix,
    "MatrixVector": _matrix_vector,
    "VVAU": _depthwise,
    "Thresholding": _threshold,
    "ConvolutionInputGenerator": _window,
    "FMPadding": _padding,
    "Pool": _pool,
    "LabelSelect": _label_select,
    "ElementwiseAdd": _elementwise,
    "ElementwiseMul": _product,
    "DuplicateStreams": _fork,
    "StreamingConcat": _concat,
    "StreamingSplit": _split,
    "GlobalAccPool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "UpsampleNearestNeighbour": _upsample,
    "Decimate": _decimate,
    OTHER: _other,
}
"""A layer of FINN's, or our backend for it where that is another matter -> what estimates one."""


def estimate(layer: str, attributes: Attributes, weights: Weights, part: str) -> Resources:
    """Return what a `layer` (a name in `FORMULAS`) takes of `part`."""
    return FORMULAS[layer](attributes, weights, part)
