"""What the folding asks of the sparse matrix unit: its choices, its cycles, when it takes and gives words."""

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpga_flow.layers.base import Attributes, Counts, Folding, Timing, Weights, divisors, fold
from fpga_flow.layers.schedules import Pattern, Schedule
from fpga_flow.layers.sparse_lists import cycles, steps, work

MOST_LANES = 128
"""Beyond, a matrix as logic takes less."""
SHARES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32)
"""Lanes that may have the rows of a position among them."""


def derives(weights: Weights) -> Mapping[str, Any]:
    """Return which of `weights` (MW, MH) are not zero: row by row, a bit each, as hexadecimal digits."""
    if weights is None:
        raise ValueError("a matrix unit needs constant weights")
    return {"nonzero": np.packbits(weights.T != 0).tobytes().hex()}


@functools.lru_cache(maxsize=64)
def _nonzero(digits: str, rows: int, columns: int) -> NDArray[np.bool_]:
    """Return (MH, MW) what `derives` wrote; all of them where it has not."""
    if not digits:
        return np.ones((rows, columns), np.bool_)
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(digits), np.uint8), count=rows * columns)
    return bits.reshape(rows, columns).astype(np.bool_)


@functools.lru_cache(maxsize=4096)
def _walk(digits: str, rows: int, columns: int, simd: int, pe: int, lanes: int) -> tuple[int, int]:
    """Return the steps, and the cycles, of a vector."""
    walk = steps(work(_nonzero(digits, rows, columns), simd), pe, lanes)
    return walk, cycles(walk, columns // simd, rows // pe)


def walk_of(a: Attributes) -> tuple[int, int]:
    """Return the steps, and the cycles, of a vector for a layer with attributes `a`."""
    return _walk(a["nonzero"], a["MH"], a["MW"], a["SIMD"], a["PE"], a["Lanes"])


def counts(a: Attributes) -> Counts:
    """See `LayerKind.counts`."""
    return walk_of(a)[1] * math.prod(a["numInputVectors"]), (a["SIMD"],), (a["PE"],)


def foldings(layer: Any) -> list[Folding]:
    """Return the foldings over outputs (PE), inputs (SIMD) and lists (Lanes).

    Left out is where words in or out take half as long again as the lists: fewer lanes do there.
    """
    get = layer.get_nodeattr
    rows, columns = get("MH"), get("MW")
    weights = int(_nonzero(get("nonzero"), rows, columns).sum())
    found = []
    for pe in divisors(rows):
        for simd in divisors(columns):
            words = max(rows // pe, columns // simd)
            for share in SHARES:
                lanes = pe * simd * share
                fits = lanes <= MOST_LANES and share <= rows // pe
                if lanes == 1 or (fits and (share == 1 or 2 * words * lanes <= 3 * weights)):
                    found.append(fold(PE=pe, SIMD=simd, Lanes=lanes))
    return found


def part_stages(simd: int) -> int:
    """Return the registers in which the parts of a row are added, four at a time."""
    return 0 if simd == 1 else 1 + part_stages(-(-simd // 4))


INNER = 3
"""Registers between the end of a step in the lists and its sum in a lane's memory, and one to count them."""


def timing(a: Attributes, cycles: int) -> Timing:
    """See `Implementation.timing`: a vector is there before it is walked."""
    walk = walk_of(a)[0]
    depth = INNER + 2 + part_stages(a["SIMD"])
    return Timing(
        cycles, 1 / math.prod(a["numInputVectors"]), walk, depth, walk + depth + a["MH"] // a["PE"] - 1
    )


def schedule(layer: Any) -> Schedule:
    """`df_sparse_matrix.sv`: words in, steps, words out, and the registers behind."""
    get = layer.get_nodeattr
    a = {name: get(name) for name in ("nonzero", "MH", "MW", "SIMD", "PE", "Lanes")}
    simd = a["SIMD"]
    return Schedule(Pattern.LISTS, (a["MW"] // simd, walk_of(a)[0], a["MH"] // a["PE"], part_stages(simd)))
