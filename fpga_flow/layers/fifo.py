"""A FIFO: `hdl/fifo.sv` in FINN's wrapper. In the token model FIFOs are what the layers stand between."""

from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Weights, register
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of, fifo
from fpga_flow.target.resources import Resources


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    return Resources(*fifo(family, bits_of(a["dataType"]) * a["folded_shape"][-1], a["depth"]))


FIFO = register(
    LayerKind(
        word="fifo",
        finn="StreamingFIFO",
        implementations=(Implementation("rtl", "StreamingFIFO_rtl", None, resources),),
        passes_on=True,
        between=True,
    )
)
