"""Amounts of an FPGA's resources: the one record for what is estimated, synthesised and there."""

from collections.abc import Iterable
from dataclasses import dataclass

LIMITED = {"lut": "LUT", "ff": "FF", "bram18": "BRAM18", "dsp": "DSP"}
"""Key of a resource that a part has a fixed amount of, and what it is called."""


@dataclass(frozen=True)
class Resources:
    """Amounts, whole where they were counted; `lutram` and `srl` are parts of `lut`."""

    lut: float = 0
    ff: float = 0
    bram18: float = 0
    """Block RAMs, in units of 18 Kibit."""
    dsp: float = 0
    lutram: float = 0
    """LUTs used as distributed memory."""
    srl: float = 0
    """LUTs used as shift registers."""
    carry: float = 0
    """Carry chains, in units of four bits."""

    @classmethod
    def of(cls, record: object) -> "Resources":
        """Return the limited ones of `record`, whose attributes they are: a result, a board of a recipe."""
        return cls(**{key: getattr(record, key) for key in LIMITED})

    def __add__(self, other: "Resources") -> "Resources":
        return Resources(
            self.lut + other.lut,
            self.ff + other.ff,
            self.bram18 + other.bram18,
            self.dsp + other.dsp,
            self.lutram + other.lutram,
            self.srl + other.srl,
            self.carry + other.carry,
        )

    def times(self, factor: float) -> "Resources":
        """Return `factor` times as much of everything."""
        return Resources(*(factor * amount for amount in self.as_dict().values()))

    @property
    def row(self) -> tuple[float, float, float, float]:
        """The limited ones, in the order of `LIMITED`: a row of the folding's tables."""
        return self.lut, self.ff, self.bram18, self.dsp

    def limited(self) -> dict[str, float]:
        """Return the limited ones by key."""
        return dict(zip(LIMITED, self.row, strict=True))

    def as_dict(self) -> dict[str, float]:
        """Return all amounts by key."""
        return dict(vars(self))


def total(amounts: Iterable[Resources]) -> Resources:
    """Return the sum of `amounts`."""
    return sum(amounts, Resources())
