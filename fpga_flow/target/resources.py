"""Amounts of a part's resources."""

from typing import NamedTuple


class Resources(NamedTuple):
    """Amounts of a part's resources; `lut` includes those used as memory."""

    lut: float = 0.0
    ff: float = 0.0
    bram18: float = 0.0
    dsp: float = 0.0

    def __add__(self, other: object) -> "Resources":
        if not isinstance(other, Resources):
            return NotImplemented
        return Resources(*(a + b for a, b in zip(self, other, strict=True)))
