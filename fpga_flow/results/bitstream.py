"""The result of the stage `bitstream`."""

from fpga_flow.results.base import Result


class BitstreamResult(Result):
    """The routed design."""

    tool: str
    """And its version."""
    part: str
    """The vendor's name of the FPGA."""
    file: str
    """In the folder of the stage."""
    digest: str
    """Of the design that it is made of."""
    clock_mhz: float
    slack_ns: float
    """What is left of a clock period."""
    fmax_mhz: float
    """Of the routed design."""
    lut: float
    """Look-up tables."""
    ff: float
    """Flip-flops."""
    bram18: float
    """Block RAMs of 18 Kibit."""
    dsp: float
    """DSP slices."""
