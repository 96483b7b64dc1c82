"""The proof that a network of adders multiplies with a matrix, whatever vector comes.

A network of adders and shifts is linear as long as no value leaves its bits. Both are looked at here: the
response to every unit vector, which must be the matrix' column, and the extremes of every value, which must
be within its bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fpga_flow.core.errors import FlowError
from fpga_flow.layers.constant.adders import AdderGraph, Integers, Range


class UnprovedError(FlowError):
    """A network of adders is not what the matrix says: a fault in the program, never of the user."""


@dataclass(frozen=True)
class Proof:
    """What was shown, in numbers."""

    columns: int
    """Unit vectors whose response is the matrix' column."""
    values: int
    """Values that stay within their bits."""
    bits: int
    """Of the widest one."""


def prove(graph: AdderGraph, matrix: Integers, widths: Sequence[Range] | None = None) -> Proof:
    """Return the proof that `graph` gives `matrix` (outputs, inputs) times every vector within its ranges.

    `widths`: for each value, the ranges that its bits in the RTL hold; None: those that the graph says.
    Raises `UnprovedError`, which names the first place where it does not hold.
    """
    unit = np.eye(len(graph.inputs), dtype=np.int64)
    values, response = graph.evaluate(unit)
    if response.T.shape != matrix.shape:
        raise UnprovedError(f"the network must be {matrix.shape}, not {response.T.shape}")
    wrong = np.argwhere(matrix != response.T)
    if len(wrong):
        row, column = wrong[0]
        raise UnprovedError(
            f"output {row} must take input {column} {matrix[row, column]} times, "
            f"not {response[column, row]} times ({len(wrong)} of {matrix.size} are wrong)"
        )
    # Python's integers, which do not overflow: numpy's are what is looked at.
    most = [max(abs(low), abs(high)) for low, high in graph.inputs]
    for place, row in enumerate(values.T):
        reach = sum(abs(int(row[i])) * most[i] for i in np.flatnonzero(row))
        if reach >= 1 << 62:
            raise UnprovedError(f"value {place} may reach {reach}, which must be below 2**62")
    held = graph.ranges if widths is None else widths
    for place, (needed, room) in enumerate(zip(graph.ranges, held, strict=True)):
        if needed.low < room.low or needed.high > room.high:
            raise UnprovedError(f"value {place} goes from {needed.low} to {needed.high}, its bits {room}")
    widest = max((room.bits for room in graph.ranges), default=0)
    return Proof(len(graph.inputs), graph.values, widest)
