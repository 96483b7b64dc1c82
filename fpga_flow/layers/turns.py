"""What concatenation and split share: the channels of several streams, one stream after the other."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpga_flow.layers.base import Folding, divisors, fold


def common_foldings(layer: Any) -> list[Folding]:
    """Return the foldings by common divisors of the channels of all streams."""
    channels = layer.get_nodeattr("ChannelsPerStream")
    return [fold(SIMD=simd) for simd in divisors(math.gcd(*map(int, channels)))]


def turns(layer: Any) -> NDArray[np.int64]:
    """Return the bit of the stream whose turn it is, word by word of a pixel."""
    words = [channels // layer.get_nodeattr("SIMD") for channels in layer.get_nodeattr("ChannelsPerStream")]
    return np.repeat(1 << np.arange(len(words)), words)
