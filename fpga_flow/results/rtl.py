"""The result of the stage `rtl`."""

from fpga_flow.results.base import Result


class RtlResult(Result):
    """What the design consists of; `design.json` beside it has the design itself."""

    layers: int
    """How many there are."""
    distinct: int
    """How many of them differ in more than their names."""
    top: str
    """Name of the module."""
