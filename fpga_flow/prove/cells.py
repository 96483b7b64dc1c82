"""What Yosys' cells make of bits that may be unknown, or symbols (`forms.py`).

Only sums, choices and wires know symbols. Whatever else would compute with one gives `UNKNOWN`, which is
always right and never enough for a proof.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from fpga_flow.prove.forms import INVERTED, UNKNOWN, Bit, Forms

Bits = list[Bit]


class Cell(NamedTuple):
    """A cell of a netlist."""

    name: str
    kind: str
    """Yosys' name, or that of a module."""
    parameters: dict[str, int]
    inputs: dict[str, tuple[int, ...]]
    """Port -> nets, the lowest bit first."""
    outputs: dict[str, tuple[int, ...]]


Inputs = dict[str, Bits]
Function = Callable[[Forms, Cell, Inputs, int], Bits]
"""Takes the forms, the cell, its inputs and the number of bits wanted."""


def _unknown(count: int) -> Bits:
    return [UNKNOWN] * count


def value(bits: Sequence[Bit], signed: bool = False) -> int | None:
    """Return the number of bits that are all known, else None."""
    if any(bit >= UNKNOWN for bit in bits):
        return None
    found = sum(bit << place for place, bit in enumerate(bits))
    return found - (1 << len(bits)) if signed and bits and bits[-1] else found


def bits_of(number: int, count: int) -> Bits:
    """Return the lowest `count` bits of `number`."""
    return [number >> place & 1 for place in range(count)]


def inverted(bit: Bit) -> Bit:
    """Return the opposite of `bit`."""
    return bit if bit == UNKNOWN else bit ^ INVERTED


def _extended(cell: Cell, bits: Bits, count: int) -> Bits:
    fill = bits[-1] if cell.parameters.get("A_SIGNED", 0) and bits else 0
    return [*bits, *[fill] * (count - len(bits))][:count]


def _sum(forms: Forms, cell: Cell, at: Inputs, count: int) -> Bits:
    subtract = cell.kind != "$add"
    b = at["A"] if cell.kind == "$neg" else at["B"]
    a = [0] if cell.kind == "$neg" else at["A"]
    a, b = _extended(cell, a, count), _extended(cell, b, count)
    if UNKNOWN in a or UNKNOWN in b:
        return _unknown(count)
    x, y = value(a), value(b)
    if x is not None and y is not None:
        return bits_of(x - y if subtract else x + y, count)
    return forms.add(a, b, subtract)


def _choice(forms: Forms, cell: Cell, at: Inputs, count: int) -> Bits:
    select = at["S"][0]
    if select == 0 or select == 1:
        return at["B"] if select else at["A"]
    return [a if a == b else UNKNOWN for a, b in zip(at["A"], at["B"], strict=True)]


def _one_of(forms: Forms, cell: Cell, at: Inputs, count: int) -> Bits:
    place = value(at["S"])
    return _unknown(count) if place is None else at["A"][place * count : (place + 1) * count]


def _parallel_choice(forms: Forms, cell: Cell, at: Inputs, count: int) -> Bits:
    if value(at["S"]) is None or sum(at["S"]) > 1:
        return _unknown(count)
    if 1 not in at["S"]:
        return at["A"]
    place = at["S"].index(1)
    return at["B"][place * count : (place + 1) * count]


def _not(forms: Forms, cell: Cell, at: Inputs, count: int) -> Bits:
    return [inverted(bit) for bit in _extended(cell, at["A"], count)]


def _and(a: Bit, b: Bit) -> Bit:
    if a == 0 or b == 0:
        return 0
    return b if a == 1 else a if b == 1 else UNKNOWN


def _or(a: Bit, b: Bit) -> Bit:
    return inverted(_and(inverted(a), inverted(b)))


def _xor(a: Bit, b: Bit) -> Bit:
    if a in (0, 1):
        return inverted(b) if a else b
    if b in (0, 1):
        return inverted(a) if b else a
    return UNKNOWN


def _bitwise(of: Callable[[Bit, Bit], Bit]) -> Function:
    def function(forms: Forms, cell: Cell, at: Inputs, count: int) -> Bits:
        a, b = _extended(cell, at["A"], count), _extended(cell, at["B"], count)
        return [of(x, y) for x, y in zip(a, b, strict=True)]

    return function


def _any(bits: Bits) -> Bit:
    found = 0
    for bit in bits:
        found = _or(found, bit)
    return found


def _all(bits: Bits) -> Bit:
    found = 1
    for bit in bits:
        found = _and(found, bit)
    return found


def _odd(bits: Bits) -> Bit:
    found = 0
    for bit in bits:
        found = _xor(found, bit)
    return found


def _flag(of: Callable[[Inputs], Bit]) -> Function:
    def function(forms: Forms, cell: Cell, at: Inputs, count: int) -> Bits:
        return [of(at), *[0] * (count - 1)]

    return function


def _compared(of: Callable[[int, int], bool]) -> Function:
    def function(forms: Forms, cell: Cell, at: Inputs, count: int) -> Bits:
        signed = bool(cell.parameters.get("A_SIGNED", 0))
        a, b = value(at["A"], signed), value(at["B"], signed)
        return [UNKNOWN if a is None or b is None else int(of(a, b)), *[0] * (count - 1)]

    return function


FUNCTIONS: dict[str, Function] = {
    "$add": _sum,
    "$sub": _sum,
    "$neg": _sum,
    "$mux": _choice,
    "$bmux": _one_of,
    "$pmux": _parallel_choice,
    "$not": _not,
    "$and": _bitwise(_and),
    "$or": _bitwise(_or),
    "$xor": _bitwise(_xor),
    "$reduce_or": _flag(lambda at: _any(at["A"])),
    "$reduce_bool": _flag(lambda at: _any(at["A"])),
    "$reduce_and": _flag(lambda at: _all(at["A"])),
    "$reduce_xor": _flag(lambda at: _odd(at["A"])),
    "$logic_not": _flag(lambda at: inverted(_any(at["A"]))),
    "$logic_and": _flag(lambda at: _and(_any(at["A"]), _any(at["B"]))),
    "$logic_or": _flag(lambda at: _or(_any(at["A"]), _any(at["B"]))),
    "$eq": _compared(lambda a, b: a == b),
    "$ne": _compared(lambda a, b: a != b),
    "$lt": _compared(lambda a, b: a < b),
    "$le": _compared(lambda a, b: a <= b),
    "$gt": _compared(lambda a, b: a > b),
    "$ge": _compared(lambda a, b: a >= b),
}
"""By Yosys' name; others give `UNKNOWN`."""


def evaluate(forms: Forms, cell: Cell, at: Inputs, count: int) -> Bits:
    """Return the `count` bits that `cell` gives."""
    function = FUNCTIONS.get(cell.kind)
    return _unknown(count) if function is None else function(forms, cell, at, count)
