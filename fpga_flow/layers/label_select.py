"""Indices of the `K` largest values of a frame, lowest index first on ties."""

from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.labelselect import LabelSelect
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.backend import OwnRtl, replaces
from fpga_flow.finn.datatypes import compares_signed
from fpga_flow.layers.base import (
    Attributes,
    Folding,
    Implementation,
    LayerKind,
    Timing,
    Weights,
    divisors,
    fold,
    register,
)
from fpga_flow.layers.graph import LayerGraph, Stream
from fpga_flow.layers.schedules import Schedule, once, steps
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of
from fpga_flow.target.resources import Resources

CLASS_TENSOR = "class"
"""Name of the accelerator's output where it decides: the indices of the largest logits."""


@replaces("LabelSelect_hls")
class LabelSelect_rtl(OwnRtl, LabelSelect):  # type: ignore[misc]
    """FINN's `LabelSelect` with `df_label_select` for a body."""

    modules = ("df_label_select.sv",)

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        datatype = self.get_input_datatype()
        return "df_label_select", {
            "Labels": self.get_nodeattr("Labels"),
            "PE": self.get_nodeattr("PE"),
            "Width": datatype.bitwidth(),
            "Signed": int(compares_signed(datatype)),
            "K": self.get_nodeattr("K"),
            "IndexWidth": self.get_outstream_width(),
        }

    def get_exp_cycles(self) -> int:
        """Return the cycles per frame; FINN leaves out the indices, which leave one by one."""
        return max(int(LabelSelect.get_exp_cycles(self)), int(self.get_nodeattr("K")))


def append(graph: LayerGraph, logits: Stream, last: str, k: int) -> Stream:
    """Append the choice of the `k` largest `logits`, which the node `last` gives; return their indices."""
    labels = logits.channels
    if int(np.prod(logits.shape)) != labels:
        raise UnsupportedError(
            last,
            f"a class is decided, but the output has the shape {list(logits.shape)}, channels last",
            "leave hardware.top_k out for the numbers themselves",
        )
    if labels == 1:
        raise UnsupportedError(
            last,
            f"hardware.top_k is {k}, but the output is one number, whose index is always 0",
            "leave hardware.top_k out for the number itself",
        )
    if k > labels:
        raise UnsupportedError(last, f"hardware.top_k is {k}, of {labels} classes", f"use {labels} or less")
    datatype = DataType.get_smallest_possible(labels - 1).name
    result = graph.wire(CLASS_TENSOR, (1, k), datatype)
    graph.layer(
        "LabelSelect",
        f"{last}_top_k",
        [logits.tensor],
        [result.tensor],
        Labels=labels,
        PE=1,
        K=k,
        inputDataType=logits.datatype,
        outputDataType=datatype,
        numInputVectors=[1],
    )
    return result


def foldings(layer: Any) -> list[Folding]:
    """Return the foldings over labels."""
    return [fold(PE=pe) for pe in divisors(layer.get_nodeattr("Labels"))]


def timing(a: Attributes, cycles: int) -> Timing:
    """Return when the indices come: with the last label."""
    return Timing(cycles, 1.0, cycles, 1, a["K"])


def schedule(layer: Any) -> Schedule:
    """`df_label_select.sv`: all indices with the last label."""
    last = once(layer.get_nodeattr("Labels") // layer.get_nodeattr("PE"))
    top = layer.get_nodeattr("K")
    return steps(np.ones_like(last), last, places=top, burst=top)


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    width, k, pe = bits_of(a["inputDataType"]), a["K"], a["PE"]
    index, groups = bits_of(a["outputDataType"]), (a["Labels"] // pe - 1).bit_length()
    # Best numbers so far and their indices, and whether the last word is next; where all come at once none.
    places = k * (width + index + (k > 1)) if groups else 0
    return Resources(
        # A comparison takes half a LUT a bit, an exchange 0.8 more. A further place chooses among itself,
        # the place above and the number; its index once more while the indices leave.
        lut=3.8 * index
        + width / 2
        + 2.5 * (groups > 0)
        + (pe - 1) * (1.3 * width + 0.8 * index)
        + (k - 1) * (2 * width + 2.7 * index)
        + (pe - 1) * (k - 1) * 2 * width,
        ff=places + k * index + k.bit_length() + groups + (groups > 0),
    )


LABEL_SELECT = register(
    LayerKind(
        word="top-k",
        finn="LabelSelect",
        implementations=(Implementation("rtl", "LabelSelect_rtl", schedule, resources, timing),),
        foldings=foldings,
        lane_words={"PE": ("label", "Labels")},
    )
)
