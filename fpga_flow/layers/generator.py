"""Which foldings FINN's sliding-window generator can be generated with."""

from collections.abc import Mapping
from typing import Any

SHORTEST_LINE = 2
"""Words of a line buffer: FINN's module for them has no address with fewer."""


def can_generate(attributes: Mapping[str, Any], simd: int, whole: bool) -> bool:
    """Return whether FINN 1.6.1 generates the RTL of a window generator with these attributes.

    One of its controller's loops must have two passes, three if it is the innermost one: else FINN takes the
    logarithm of 0. With `whole` windows (`parallel_window`) there is a memory for what lies between the rows
    of a window, which must not be too short.
    """
    kh, kw = attributes["ConvKernelDim"]
    rows, columns = attributes["OFMDim"]
    fold = attributes["IFMChannels"] // simd
    if whole or kh * kw == 1:
        loops = [rows, columns, fold]
        innermost = 2 if fold > 1 else (1 if columns > 1 else 0)
        if whole and kh > 1 and not _in_one_dimension(attributes):
            width, (down, across) = attributes["IFMDim"][1], attributes["Dilation"]
            line = (width * down - ((kw - 1) * across + 1)) * fold
            if line < SHORTEST_LINE:
                return False
    else:
        inner = [fold, kh, kw] if attributes["depthwise"] and fold > 1 else [kh, kw, fold]
        loops = [rows, columns, *inner]
        innermost = 4 if loops[4] > 1 else (3 if loops[3] > 1 else 2)
    loops[innermost] -= 1
    return bool(max(loops) > 1)


def _in_one_dimension(attributes: Mapping[str, Any]) -> bool:
    return 1 in attributes["IFMDim"]
