"""The result of the stage `estimate`."""

from fpga_flow.results.base import Record, Result


class Figures(Record):
    """What of a part is estimated to be used; None where there is no figure."""

    lut: int | None
    ff: int | None
    bram18: int | None
    dsp: int | None


class EstimateResult(Figures, Result):
    """The estimate of a hardware graph's resources: the sums of the figures that there are."""

    layers: dict[str, Figures]
    """By layer."""
    missing: dict[str, int]
    """By resource, how many layers have no figure."""
