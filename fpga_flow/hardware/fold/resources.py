"""What layers and the streams between them take of a part, as the folding weighs it.

FINN has no figure for the LUTs of its RTL matrix units, for flip-flops, and for the layers of our own; its
DSP counts hold for 4-bit weights only. The formulas here follow from the modules' structure; their factors
were fitted to Yosys' counts for a PYNQ-Z1's part of layers with different foldings. Where a layer
has been synthesised, its counts are taken instead (`known`).
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qonnx.core.datatype import DataType

from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of, converter, fifo, in_block_ram, memory
from fpga_flow.target.resources import Resources

Attributes = Mapping[str, Any]
"""The attributes of a layer of FINN's by name."""
Weights = NDArray[np.float32] | None


def matrix_lanes(weight_bits: int, input_bits: int, narrow: bool, family: Family) -> int:
    """Return the products that FINN's matrix unit gets from one DSP (its `NUM_LANES`)."""
    lane = weight_bits + input_bits - 1
    return 1 + max(0, family.multiplier[0] - (not narrow) - weight_bits) // lane


def _matrix(a: Attributes, weights: Weights, family: Family) -> Resources:
    pe, simd = a["PE"], a["SIMD"]
    w, x, out = (bits_of(a[f"{role}DataType"]) for role in ("weight", "input", "output"))
    depth = math.ceil(a["MW"] / simd) * math.ceil(a["MH"] / pe)
    streamer = memory(family, pe * simd * w, depth, style=a["ram_style"])
    replay = memory(family, simd * x, math.ceil(a["MW"] / simd), writable=True)
    queue = Resources(lut=1.3 * pe * out + 25, ff=pe * out + 30)
    narrow = weights is not None and float(weights.min()) > DataType[a["weightDataType"]].min()
    dsp = simd * math.ceil(pe / matrix_lanes(w, x, narrow, family))
    shared = 8 * pe * simd if pe > 1 else 0  # products in one DSP are told apart
    core = Resources(
        lut=pe * (simd - 1) * out + 2 * dsp + shared,
        ff=pe * simd * (0.8 * out + 2 * w) + 2 * simd * x + shared,
        dsp=dsp,
    )
    return streamer + replay + queue + core + Resources(lut=20, ff=60)


def _matrix_vector(a: Attributes, weights: Weights, family: Family) -> Resources:
    depth = math.ceil(a["MW"] / a["SIMD"]) * math.ceil(a["MH"] / a["PE"])
    x = bits_of(a["inputDataType"])
    replay = memory(family, a["SIMD"] * x, math.ceil(a["MW"] / a["SIMD"]), writable=True)
    return replay + _products(family, a, depth, a["SIMD"] * x)


def _depthwise(a: Attributes, weights: Weights, family: Family) -> Resources:
    kernel = math.prod(int(k) for k in a["Kernel"])
    depth = math.ceil(a["Channels"] / a["PE"]) * math.ceil(kernel / a["SIMD"])
    return _products(family, a, depth, a["PE"] * a["SIMD"] * bits_of(a["inputDataType"]))


def _products(family: Family, a: Attributes, depth: int, activations: int) -> Resources:
    """Return `df_dot.sv` with a memory of `depth` words of weights; `activations` bits come in a word."""
    pe, simd = a["PE"], a["SIMD"]
    w, x, out = (bits_of(a[f"{role}DataType"]) for role in ("weight", "input", "output"))
    registers = Resources(lut=30, ff=40 + activations + pe * simd * w)
    sums = _sums(family, pe, simd, w, x, out, in_luts=a["resType"] == "lut")
    return memory(family, pe * simd * w, depth, style=a["ram_style"]) + sums + registers


def _sums(family: Family, pe: int, simd: int, w: int, x: int, out: int, in_luts: bool) -> Resources:
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
    if w + x >= family.dsp_product:
        return Resources(lut=0.5 * pe * (simd - 1) * (w + x) + pe * out, ff=ff, dsp=count)
    return Resources(lut=2 * count * w * x + 0.3 * pe * out, ff=ff)


def _threshold(a: Attributes, weights: Weights, family: Family) -> Resources:
    pe, steps = a["PE"], a["numSteps"]
    bits, width = math.ceil(math.log2(steps + 1)), bits_of(a["weightDataType"])
    fold = a["NumChannels"] // pe
    # A stage a bit: stage i has 2**i thresholds a channel, and one comparison.
    depths = [fold * 2**i for i in range(bits)]
    stages = [
        memory(family, width, depth)
        if in_block_ram(family, width, depth)
        else Resources(lut=0.75 * width * depth / family.lut_memory.rom_bits)
        for depth in depths
    ]
    lane = sum(stages, Resources(lut=bits * width * 0.5, ff=2 * bits * width))
    return lane.times(pe) + Resources(lut=30, ff=40)


def _window(a: Attributes, weights: Weights, family: Family) -> Resources:
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
        lines = memory(family, width, line, True, a["ram_style"]) if kh > 1 else Resources()
        held = Resources(lut=values * width * 0.1, ff=values * width)
        return control + held + lines.times(kh - 1)
    depth = (rows + (kw - 1) * dw + 1) * fold
    return control + memory(family, width, depth, True, a["ram_style"]) + Resources(lut=width, ff=width)


def _padding(a: Attributes, weights: Weights, family: Family) -> Resources:
    width = a["SIMD"] * bits_of(a["inputDataType"])
    return Resources(lut=26 + 0.5 * width, ff=26 + width)


def _pool(a: Attributes, weights: Weights, family: Family) -> Resources:
    width = a["PE"] * bits_of(a["OutputDataType"])
    return Resources(lut=6 + 2 * width, ff=6 + 2 * width)


def _label_select(a: Attributes, weights: Weights, family: Family) -> Resources:
    width, k = bits_of(a["inputDataType"]), a["K"]
    return Resources(lut=12 + (a["PE"] + k - 1) * 2.5 * width, ff=16 + k * (width + 8))


def _elementwise(a: Attributes, weights: Weights, family: Family) -> Resources:
    left, right, out = (bits_of(a[f"{role}_dtype"]) for role in ("lhs", "rhs", "out"))
    pe, channels = a["PE"], a["out_shape"][-1]
    constants = memory(family, pe * right, channels // pe) if a["rhs_style"] == "const" else Resources()
    return constants + Resources(lut=10 + pe * max(left, right, out), ff=10 + pe * out)


def _product(a: Attributes, weights: Weights, family: Family) -> Resources:
    left, right = bits_of(a["lhs_dtype"]), bits_of(a["rhs_dtype"])
    if min(left, right) > 1 and left + right >= family.dsp_product:
        return _elementwise(a, weights, family) + Resources(dsp=a["PE"])
    return _elementwise(a, weights, family) + Resources(lut=a["PE"] * left * right)


def _fork(a: Attributes, weights: Weights, family: Family) -> Resources:
    width = a["PE"] * bits_of(a["inputDataType"])
    return Resources(lut=2 * a["NumOutputStreams"], ff=a["NumOutputStreams"] + width)


def _concat(a: Attributes, weights: Weights, family: Family) -> Resources:
    width = a["SIMD"] * max(bits_of(name) for name in a["inputDataTypes"])
    return Resources(lut=7 + width * len(a["ChannelsPerStream"]) / 2, ff=4 + width)


def _split(a: Attributes, weights: Weights, family: Family) -> Resources:
    width = a["SIMD"] * bits_of(a["inputDataType"])
    return Resources(lut=9, ff=5 + width)


def _global_pool(a: Attributes, weights: Weights, family: Family) -> Resources:
    pe, fold = a["PE"], a["NumChannels"] // a["PE"]
    width = pe * (bits_of(a["inputDataType"]) + math.ceil(math.log2(math.prod(a["numInputVectors"]) + 1)))
    return memory(family, width, fold, writable=True) + Resources(lut=20 + 1.5 * width, ff=20 + width)


def _decimate(a: Attributes, weights: Weights, family: Family) -> Resources:
    width = a["SIMD"] * bits_of(a["inputDataType"])
    return Resources(lut=30, ff=30 + width)


def _upsample(a: Attributes, weights: Weights, family: Family) -> Resources:
    width, fold = a["SIMD"] * bits_of(a["inputDataType"]), a["NumChannels"] // a["SIMD"]
    return memory(family, width, a["WI"] * fold, writable=True) + Resources(
        lut=50 + 0.5 * width, ff=50 + width
    )


def _other(a: Attributes, weights: Weights, family: Family) -> Resources:
    bits = [bits_of(name) for key, name in a.items() if key.lower().endswith(("datatype", "dtype")) and name]
    width = a.get("PE", a.get("SIMD", 1)) * max(bits, default=8)
    return Resources(lut=40 + 2 * width, ff=40 + 2 * width)


def _fifo(a: Attributes, weights: Weights, family: Family) -> Resources:
    return Resources(*fifo(family, bits_of(a["dataType"]) * a["folded_shape"][-1], a["depth"]))


def _converter(a: Attributes, weights: Weights, family: Family) -> Resources:
    return Resources(*converter(np.array(a["inWidth"]), np.array(a["outWidth"])))


OTHER = "Other"
"""A layer that nothing is known about: taken as a few registers."""
FORMULAS: dict[str, Callable[[Attributes, Weights, Family], Resources]] = {
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
    "StreamingFIFO": _fifo,
    "StreamingDataWidthConverter": _converter,
    OTHER: _other,
}
"""A layer of FINN's, or our backend for it where that is another matter -> what estimates one."""


def estimate(layer: str, attributes: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what a `layer` (a name in `FORMULAS`) takes of a part of `family`."""
    return FORMULAS[layer](attributes, weights, family)
