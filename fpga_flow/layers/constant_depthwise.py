"""A depthwise unit that is built of shared adders, all channels of a position together.

It is a matrix unit whose matrix has a block for each channel. The windows come as the dense unit takes them:
channel group by channel group, so they are collected until all of them are there.
"""

import math
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.rtlbackend import RTLBackend
from finn.custom_op.fpgadataflow.vectorvectoractivation import VVAU

from fpga_flow.finn.backend import replaces
from fpga_flow.layers.base import Attributes
from fpga_flow.layers.constant.adders import Integers
from fpga_flow.layers.constant.choice import Form, constant, small
from fpga_flow.layers.constant_matrix import ATTRIBUTES, OfAdders
from fpga_flow.layers.products import convolve, depthwise_folding_of


def suits(layer: Any) -> bool:
    """Return whether a depthwise unit can be built of adders: it multiplies, and is not too large."""
    weights = int(layer.get_nodeattr("Channels")) * math.prod(layer.get_nodeattr("Kernel"))
    return not layer.get_nodeattr("binaryXnorMode") and small(weights, weights)


def matrix(weights: Integers) -> Integers:
    """Return (channels, channels x positions) of `weights` (channels, 1, KH, KW), channel by channel."""
    channels = len(weights)
    blocks = np.zeros((channels, channels, weights[0].size), np.int64)
    blocks[np.arange(channels), np.arange(channels)] = weights.reshape(channels, -1)
    return blocks.reshape(channels, -1)


def as_matrix(a: Attributes) -> Attributes:
    """Return the attributes of the matrix unit that does the same, from those of FINN's `VVAU`."""
    channels, kernel = int(a["Channels"]), math.prod(a["Kernel"])
    return {
        **a,
        "MW": channels * kernel,
        "MH": channels,
        "SIMD": a["SIMD"] * a["PE"],
        "numInputVectors": a["Dim"],
    }


def order(a: Attributes) -> Integers:
    """Return which input of the matrix each value of a window is, by attributes of `as_matrix`.

    Values come in groups of PE channels, position by position.
    """
    numbers = np.arange(a["MW"]).reshape(a["MH"] // a["PE"], a["PE"], -1)
    return numbers.transpose(0, 2, 1).reshape(-1)


FORM = Form(
    "ConstantDepthwise_rtl",
    suits,
    matrix,
    lambda a: (a["Channels"], math.prod(a["Kernel"])),
    as_matrix,
    order,
)
CONSTANT = constant(FORM)
"""Of depthwise units."""


@replaces(None)
class ConstantDepthwise_rtl(OfAdders, VVAU):  # type: ignore[misc]
    """FINN's `VVAU` as a network of adders."""

    form = FORM

    def get_nodeattr_types(self) -> dict[str, Any]:
        """Return the attributes of FINN's layer, and the network."""
        return {**VVAU.get_nodeattr_types(self), **RTLBackend.get_nodeattr_types(self), **ATTRIBUTES}

    def check_folding(self) -> None:
        """See `OfAdders.check_folding`."""
        depthwise_folding_of(self)

    execute_node = convolve
