"""Integer datatypes of streams, as the RTL sees them, and the smallest one for a range."""

from collections.abc import Iterable, Sequence
from typing import Any

from qonnx.core.datatype import BaseDataType, DataType

from fpga_flow.core.errors import UnsupportedError

MOST_BITS = 64
"""Of a value on a stream."""


def is_bipolar(datatype: BaseDataType) -> bool:
    """Return whether values are -1 and 1, coded as 0 and 1."""
    return bool(datatype == DataType["BIPOLAR"])


def decoded(datatype: BaseDataType) -> tuple[int, bool]:
    """Return (bits, signed) of a value that a module computes with (see `OwnRtl.computes`)."""
    if is_bipolar(datatype):
        return 2, True
    return int(datatype.bitwidth()), bool(datatype.signed())


def compares_signed(datatype: BaseDataType) -> bool:
    """Return whether codes compare as signed numbers; BIPOLAR's compare as unsigned ones."""
    return bool(datatype.signed()) and not is_bipolar(datatype)


def smallest(low: int, high: int) -> BaseDataType:
    """Return the smallest integer type from `low` to `high` inclusive: UINT where it is not negative.

    Unlike qonnx' `get_smallest_possible` it looks at both ends, and never answers BIPOLAR or TERNARY.
    """
    if low >= 0:
        return DataType[f"UINT{max(1, high.bit_length())}"]
    return DataType[f"INT{max((-low - 1).bit_length(), high.bit_length() if high > 0 else 0) + 1}"]


def range_of(datatype: BaseDataType) -> tuple[int, int]:
    """Return the least and the greatest value, both inclusive."""
    return int(datatype.min()), int(datatype.max())


def hull(ranges: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """Return the least and the greatest of several ranges."""
    lows, highs = zip(*ranges, strict=True)
    return min(lows), max(highs)


def checked(node: str, datatypes: Iterable[BaseDataType]) -> None:
    """Raise `UnsupportedError`, naming the `node`, for a type that is no integer of at most 64 bits."""
    for datatype in datatypes:
        if not datatype.is_integer() or datatype.bitwidth() > MOST_BITS:
            raise UnsupportedError(
                node,
                f"a stream of {datatype.name} has no RTL",
                f"use integers of at most {MOST_BITS} bits",
            )


def literal(values: Sequence[int], bits: int) -> str:
    """Return `values`, none negative, as a SystemVerilog literal of `bits` each, the first one lowest."""
    text = "".join(f"{int(value):0{bits}b}" for value in reversed(values))
    return f"{bits * len(values)}'h{int(text, 2):x}"


def fields(values: Sequence[int]) -> str:
    """Return `values` as a SystemVerilog literal of 32 bits each, the first one lowest."""
    return literal(values, 32)


def flags(values: Sequence[Any]) -> str:
    """Return truth `values` as a SystemVerilog literal of one bit each, the first one lowest."""
    number = sum(bool(value) << i for i, value in enumerate(values))
    return f"{len(values)}'h{number:x}"
