"""A fork: every word goes to several streams."""

from pathlib import Path
from typing import Any

from finn.custom_op.fpgadataflow.duplicatestreams import DuplicateStreams
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn.backend import OwnRtl, replaces
from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Weights, lanes, register
from fpga_flow.layers.schedules import Schedule, steps
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of
from fpga_flow.target.resources import Resources


@replaces("DuplicateStreams_hls")
class DuplicateStreams_rtl(OwnRtl, DuplicateStreams):  # type: ignore[misc]
    """FINN's `DuplicateStreams` with `df_fork` for a body."""

    modules = ("df_fork.sv",)

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        return "df_fork", {"Width": self.get_instream_width(), "Outputs": self.get_num_output_streams()}


def schedule(layer: Any) -> Schedule:
    """`df_fork.sv`: a word goes to every output; the next one is taken when all have it."""
    return steps((1,), ((1 << layer.get_nodeattr("NumOutputStreams")) - 1,))


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    width = a["PE"] * bits_of(a["inputDataType"])
    return Resources(lut=2 * a["NumOutputStreams"], ff=a["NumOutputStreams"] + width)


FORK = register(
    LayerKind(
        word="fork",
        finn="DuplicateStreams",
        implementations=(Implementation("rtl", "DuplicateStreams_rtl", schedule, resources),),
        foldings=lanes("PE"),
        passes_on=True,
    )
)
