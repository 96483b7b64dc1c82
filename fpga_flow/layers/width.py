"""A width converter: words of one width to words of another. FINN's layer around `hdl/vpc.sv`."""

from typing import Any

import numpy as np

from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Weights, register
from fpga_flow.layers.schedules import Schedule, width
from fpga_flow.target.family import Family
from fpga_flow.target.memory import converter
from fpga_flow.target.resources import Resources


def schedule(layer: Any) -> Schedule:
    """`vpc.sv` between words of different widths."""
    return width(layer.get_nodeattr("inWidth"), layer.get_nodeattr("outWidth"))


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    return Resources(*converter(np.array(a["inWidth"]), np.array(a["outWidth"])))


WIDTH = register(
    LayerKind(
        word="width",
        finn="StreamingDataWidthConverter",
        implementations=(Implementation("rtl", "StreamingDataWidthConverter_rtl", schedule, resources),),
        passes_on=True,
        between=True,
    )
)
