"""Rounding modes of QONNX's quantisers: in numpy they are in `integer.quantise`, here as ONNX operators."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpga_flow.integer.quantise import ROUNDINGS as ROUNDINGS

Edges = tuple[tuple[float, ...], ...]
"""Ascending rows of real numbers: one for all channels, or one for each."""
HALVES = ("ROUND", "HALF_UP", "HALF_DOWN")
"""Modes that change between two whole numbers; the others change at a whole number."""

SYNONYMS = {"HALF_EVEN": "ROUND", "ROUND_TO_ZERO": "DOWN"}
"""Other names of the modes."""

_OF_MAGNITUDE = {
    "UP": ("Ceil", 0.0),
    "DOWN": ("Floor", 0.0),
    "HALF_UP": ("Floor", 0.5),
    "HALF_DOWN": ("Ceil", -0.5),
}


def write_rounding(mode: str, value: str, node: Callable[..., str], constant: Callable[[float], str]) -> str:
    """Append the ONNX operators that round the tensor `value`, and return the result's name.

    `node(operator, *inputs)` appends one and returns its output, `constant(number)` makes a scalar.
    """
    plain = {"ROUND": "Round", "FLOOR": "Floor", "CEIL": "Ceil"}
    if mode in plain:
        return node(plain[mode], value)
    operator, offset = _OF_MAGNITUDE[mode]
    magnitude = node("Abs", value)
    if offset:
        magnitude = node("Add", magnitude, constant(offset))
    return node("Mul", node("Sign", value), node(operator, magnitude))


def edge_columns(edges: Edges, rank: int, axis: int = 1) -> list[NDArray[np.float64]]:
    """Return the first edge of every channel, the second, and so on, to compare a tensor of `rank` axes with.

    Its channels are along `axis`.
    """
    shape = [1] * rank
    shape[axis if rank > 1 else 0] = -1
    columns = (np.array(column) for column in zip(*edges, strict=True))
    return [column.reshape(shape if len(column) > 1 else ()) for column in columns]


def write_edges(
    columns: Sequence[NDArray[np.float64]],
    low: int,
    value: str,
    node: Callable[..., str],
    constant: Callable[[Any], str],
) -> str:
    """Append the ONNX operators that count the edges at or below the tensor `value`, from `low` on.

    `columns` as `edge_columns` gives them, `node` as in `write_rounding`, `constant` also of arrays; returns
    the result's name.
    """
    total = constant(low)
    shape = columns[0].shape
    for edge, times in Counter(tuple(column.flat) for column in columns).items():
        reached = node("GreaterOrEqual", value, constant(np.reshape(edge, shape)))
        total = node("Add", total, node("Where", reached, constant(times), constant(0)))
    return total
