"""What units of products share: `hdl/df_dot.sv`, and how long a product is on its way.

Those of a kind share how their folding is checked and what they compute, whatever their RTL is.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.weights import dot_stages
from fpga_flow.layers.base import Attributes, Weights
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of, memory
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


def products(
    family: Family, a: Attributes, depth: int, activations: int, weights: Weights = None
) -> Resources:
    """Return `df_dot.sv` with a memory of `depth` words of weights; `activations` bits come in a word.

    `weights`, (results, terms) if they are known: where they are one word, synthesis sees constants.
    """
    pe, simd = a["PE"], a["SIMD"]
    w, x, out = (bits_of(a[f"{role}DataType"]) for role in ("weight", "input", "output"))
    in_luts = a["resType"] == "lut"
    if depth == 1 and weights is not None and (in_luts or min(w, x) <= 2):
        return _constants(np.count_nonzero(weights, axis=1), w, x, out) + Resources(lut=30, ff=40)
    registers = Resources(lut=30, ff=40 + activations + pe * simd * w)
    sums = _sums(family, pe, simd, w, x, out, in_luts=in_luts)
    return memory(family, pe * simd * w, depth, style=a["ram_style"]) + sums + registers


def _constants(terms: NDArray[np.int64], w: int, x: int, out: int) -> Resources:
    """Return products with constants, so many for each sum that are not with 0, and their sums."""
    planes, wide, count = min(w, x), max(w, x), int(terms.sum())
    partial, sums = int(np.ceil(terms / 4).sum()), int(np.count_nonzero(terms))
    return Resources(
        lut=0.6 * count * w * x,
        ff=count * x + 1.6 * planes * partial * (wide + 2) + 1.9 * sums * out,
    )


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
