"""Depthwise convolution: a kernel per channel on the windows of the depthwise sliding-window generator."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.vectorvectoractivation import VVAU
from numpy.typing import NDArray
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn.backend import replaces
from fpga_flow.finn.weights import Weighted
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
from fpga_flow.layers.constant_depthwise import CONSTANT
from fpga_flow.layers.dot_resources import dot
from fpga_flow.layers.graph import LayerGraph, Stream
from fpga_flow.layers.products import convolve, depthwise_folding_of, latency
from fpga_flow.layers.schedules import Pattern, Schedule
from fpga_flow.target.family import Family
from fpga_flow.target.resources import Resources


@replaces("VVAU_hls")
class Depthwise_rtl(Weighted, VVAU):  # type: ignore[misc]
    """FINN's `VVAU` with `df_depthwise` for a body.

    `VVAU_rtl` is taken: FINN's own, for Versal parts.
    """

    modules = ("df_dot.sv", "df_depthwise.sv")

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`; writes the weights."""
        channels, kernel, simd, pe = depthwise_folding_of(self)
        weights = self.integer_weights(model).reshape(channels, kernel)
        blocks = blocks_of(weights, simd, pe)
        return "df_depthwise", {
            "Channels": channels,
            "Kernel": kernel,
            "SIMD": simd,
            "PE": pe,
            **self.common(model, weights.T),
            **self.write_weights(model, blocks, pe * simd, folder),
        }

    execute_node = convolve


def append(
    graph: LayerGraph, node: NodeProto, windows: Stream, y: Stream, kernel: NDArray[Any], datatype: str
) -> None:
    """Append a depthwise unit that reads `windows` and gives `y`."""
    channels, _, *size = kernel.shape
    graph.layer(
        "VVAU",
        node.name,
        [windows.tensor, graph.constant(f"{node.name}_weights", kernel, datatype)],
        [y.tensor],
        PE=1,
        SIMD=1,
        Dim=list(y.shape[1:3]),
        Channels=channels,
        Kernel=size,
        resType="lut",
        ActVal=0,
        inputDataType=windows.datatype,
        weightDataType=datatype,
        outputDataType=y.datatype,
        noActivation=1,
        preferred_impl_style="rtl",
        inFIFODepths=[2, 2],
    )


def foldings(layer: Any) -> list[Folding]:
    """Return the foldings over channels (PE) and positions of the kernel (SIMD)."""
    get = layer.get_nodeattr
    kernel = math.prod(int(k) for k in get("Kernel"))
    return [fold(PE=pe, SIMD=simd) for pe in divisors(get("Channels")) for simd in divisors(kernel)]


def timing(a: Attributes, cycles: int) -> Timing:
    """Return when a depthwise unit gives its words."""
    steps = math.prod(a["Kernel"]) // a["SIMD"]
    depth = latency(a)
    return Timing(cycles, steps / max(1, cycles), steps, depth, depth)


def schedule(layer: Any) -> Schedule:
    """`df_depthwise.sv`: a result with a window's last word."""
    simd = layer.get_nodeattr("SIMD")
    return Schedule(Pattern.SUMS, (math.prod(layer.get_nodeattr("Kernel")) // simd, 1, layer.stages()))


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    kernel = math.prod(int(k) for k in a["Kernel"])
    depth = math.ceil(a["Channels"] / a["PE"]) * math.ceil(kernel / a["SIMD"])
    blocks = None if weights is None else blocks_of(np.rint(weights).astype(np.int64), a["SIMD"], a["PE"])
    return dot(family, a, math.ceil(kernel / a["SIMD"]), depth, a["PE"], blocks)


def blocks_of(weights: NDArray[np.int64], simd: int, pe: int) -> NDArray[np.int64]:
    """Return `weights` (channels, ...) as a unit takes them: (channels / PE, kernel / SIMD, PE, SIMD)."""
    each = weights.reshape(len(weights) // pe, pe, -1, simd)
    return each.transpose(0, 2, 1, 3)


DEPTHWISE = register(
    LayerKind(
        word="depthwise",
        finn="VVAU",
        implementations=(
            Implementation("rtl", "Depthwise_rtl", schedule, resources, timing),
            CONSTANT,
        ),
        foldings=foldings,
        lane_words={"SIMD": ("position", None), "Digit": ("bit", None)},
        has_weights=True,
        reads_windows=True,
    )
)
