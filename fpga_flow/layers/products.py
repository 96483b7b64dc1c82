"""What units of products share: `hdl/df_dot.sv`, and how long a product is on its way.

Those of a kind share how their folding is checked and what they compute, whatever their RTL is.
"""

import math
from typing import Any

import numpy as np

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.weights import dot_stages
from fpga_flow.layers.base import Attributes
from fpga_flow.target.memory import bits_of


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
