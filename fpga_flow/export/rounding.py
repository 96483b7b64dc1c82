"""Rounding modes of QONNX's quantisers: in numpy they are in `fpga_flow.quantise`, here as ONNX operators."""

from collections import Counter
from collections.abc import Callable, Sequence

from fpga_flow.quantise import ROUNDINGS as ROUNDINGS

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


def write_edges(
    edges: Sequence[float],
    low: int,
    value: str,
    node: Callable[..., str],
    constant: Callable[[float], str],
) -> str:
    """Append the ONNX operators that count the `edges` at or below the tensor `value`, from `low` on.

    `node` and `constant` as in `write_rounding`; returns the result's name.
    """
    total = constant(low)
    for edge, times in Counter(edges).items():
        reached = node("GreaterOrEqual", value, constant(edge))
        total = node("Add", total, node("Where", reached, constant(times), constant(0)))
    return total
