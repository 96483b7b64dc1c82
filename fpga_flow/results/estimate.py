"""The result of the stage `estimate`."""

from fpga_flow.results.base import Record, Result


class Figures(Record):
    """What of a part is estimated to be used."""

    lut: int
    ff: int
    bram18: int
    dsp: int


class Estimated(Figures):
    """What of a part is estimated to be used, and how sure that is."""

    ranges: dict[str, tuple[int, int]]
    """By resource, between what nine of ten truths lie."""


class FinnFigures(Record):
    """What FINN estimates; None where it has no figure."""

    lut: int | None
    ff: int | None
    bram18: int | None
    dsp: int | None


class FinnEstimate(FinnFigures):
    """The sums of the figures that FINN has."""

    layers: dict[str, FinnFigures]
    """By layer."""
    missing: dict[str, int]
    """By resource, how many layers have no figure."""


class EstimateResult(Estimated, Result):
    """The estimate of a hardware graph's resources, by the formulas of its layers."""

    layers: dict[str, Estimated]
    """By layer."""
    finn: FinnEstimate
    """What FINN estimates of the same graph."""
