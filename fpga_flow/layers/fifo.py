"""A FIFO: `hdl/fifo.sv`. In the token model FIFOs are what the layers stand between."""

from pathlib import Path
from typing import Any

from finn.custom_op.fpgadataflow.streamingfifo import StreamingFIFO
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.finn.backend import OwnRtl, replaces
from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Weights, find_kind, register
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of, fifo
from fpga_flow.target.resources import Resources


@replaces(None)
class Register_rtl(OwnRtl, StreamingFIFO):  # type: ignore[misc]
    """FINN's FIFO with one word, which its own backend refuses."""

    modules = ("fifo.sv", "df_register.sv")

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        return "df_register", {"DataWidth": self.get_instream_width()}


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    return Resources(*fifo(family, bits_of(a["dataType"]) * a["folded_shape"][-1], a["depth"]))


def _single(layer: Any) -> bool:
    return bool(layer.get_nodeattr("depth") == 1)


def _several(layer: Any) -> bool:
    return not _single(layer)


FIFO = register(
    LayerKind(
        word="fifo",
        finn="StreamingFIFO",
        implementations=(
            Implementation("rtl", "StreamingFIFO_rtl", None, resources, suits=_several),
            Implementation("register", "Register_rtl", None, resources, suits=_single),
        ),
        passes_on=True,
        between=True,
    )
)


def is_fifo(operator: str) -> bool:
    """Return whether `operator` of a hardware graph is a FIFO."""
    return find_kind(operator) is FIFO


def set_depth(node: NodeProto, depth: int) -> None:
    """Give the FIFO `node` room for `depth` words."""
    layer = getCustomOp(node)
    layer.set_nodeattr("depth", depth)
    node.op_type = next(one.operator for one in FIFO.implementations if one.suits(layer))
