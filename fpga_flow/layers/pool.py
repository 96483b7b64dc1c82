"""Maximum, sum or shifted sum of the windows that the depthwise sliding-window generator sends."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from finn.custom_op.fpgadataflow.pool import Pool
from onnx import NodeProto
from qonnx.core.datatype import BaseDataType
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.backend import OwnRtl, replaces
from fpga_flow.finn.datatypes import checked, compares_signed, decoded, range_of, smallest
from fpga_flow.layers import block_pool
from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Timing, Weights, lanes, register
from fpga_flow.layers.decimate import kept
from fpga_flow.layers.graph import LayerGraph, Stream, attributes_of
from fpga_flow.layers.padding import padded
from fpga_flow.layers.schedules import Schedule, once, steps
from fpga_flow.layers.window import windows_of
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of
from fpga_flow.target.resources import Resources

SUMS = ("AccPool", "QuantAvgPool")


@replaces("Pool_hls")
class Pool_rtl(OwnRtl, Pool):  # type: ignore[misc]
    """FINN's `Pool` with `df_pool` for a body: MaxPool, AccPool, and QuantAvgPool with the shift in `Size`.

    The output type of QuantAvgPool is taken as it is: the shifted sums must fit it.
    """

    modules = ("df_pool.sv",)

    def computes(self) -> bool:
        """See `OwnRtl.computes`: sums compute, the maximum compares."""
        return self.get_nodeattr("Function") in SUMS

    def window(self) -> int:
        """Return the positions of the kernel."""
        return math.prod(self.get_nodeattr("KernelSize"))

    def shift(self) -> int:
        """Return how many low bits of a sum are dropped."""
        return int(self.get_nodeattr("Size")) if self.get_nodeattr("Function") == "QuantAvgPool" else 0

    def _get_accumulator_datatype(self) -> BaseDataType:
        """Return the smallest type for the sums (FINN looks at one end of the range only)."""
        return smallest(*(self.window() * end for end in range_of(self.get_input_datatype())))

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`. Raises `UnsupportedError` for AvgPool, which divides."""
        function, name = self.get_nodeattr("Function"), self.onnx_node.name
        if function not in ("MaxPool", *SUMS):
            raise UnsupportedError(
                name, f"pooling function {function} has no RTL", f"use MaxPool, {' or '.join(SUMS)}"
            )
        datatype, out = self.get_input_datatype(), self.get_output_datatype()
        checked(name, [datatype, out])
        bits, signed = (
            decoded(datatype) if self.computes() else (datatype.bitwidth(), compares_signed(datatype))
        )
        return "df_pool", {
            "Window": self.window(),
            "PE": self.get_nodeattr("PE"),
            "Width": bits,
            "Signed": int(signed),
            "Function": '"sum"' if self.computes() else '"max"',
            "Shift": self.shift(),
            "OutWidth": out.bitwidth(),
        }

    def execute_node(self, context: dict[str, Any], graph: object) -> None:
        """Execute in Python; QuantAvgPool shifts by `Size`, as FINN's HLS does."""
        if self.get_nodeattr("Function") != "QuantAvgPool":
            Pool.execute_node(self, context, graph)
            return
        node = self.onnx_node
        windows = context[node.input[0]].reshape(-1, self.window(), self.get_nodeattr("Channels"))
        sums = np.rint(windows.sum(axis=1, dtype=np.float64)).astype(np.int64) >> self.shift()
        context[node.output[0]] = sums.reshape(self.get_normal_output_shape()).astype(np.float32)


def append(
    graph: LayerGraph,
    node: NodeProto,
    windows: Stream,
    y: Stream,
    size: Sequence[int],
    function: str,
    accumulator_bits: int,
) -> None:
    """Append a pool that reads `windows` and gives `y`."""
    graph.layer(
        "Pool",
        node.name,
        [windows.tensor],
        [y.tensor],
        InputDataType=windows.datatype,
        OutputDataType=y.datatype,
        Channels=y.channels,
        PE=1,
        KernelSize=list(size),
        Function=function,
        OutImgDims=list(y.shape[1:3]),
        AccumBits=accumulator_bits,
        Size=0,
        BatchSize=1,
    )


def max_pool(graph: LayerGraph, node: NodeProto) -> None:
    """The maximum of each window."""
    x, settings = graph.read(node.input[0]), attributes_of(node)
    size, strides = list(settings["kernel_shape"]), list(settings.get("strides", [1, 1]))
    if size == strides and math.prod(size) > 1 and set(settings.get("dilations", [1])) == {1}:
        x = padded(graph, node, x, list(settings.get("pads", [0, 0, 0, 0])))
        y = graph.output(node)
        whole = [k * n for k, n in zip(size, y.shape[1:3], strict=True)]
        x = kept(graph, node, x, keep=whole, period=x.shape[1:3], windows=[1, 1])
        block_pool.append(graph, node, x, y, size)
        graph.done(node.output[0], y)
        return
    stream, size = windows_of(graph, node, x, depthwise=True)
    y = graph.output(node)
    append(graph, node, stream, y, size, "MaxPool", 0)
    graph.done(node.output[0], y)


def timing(a: Attributes, cycles: int) -> Timing:
    """Return when a pool gives its words."""
    steps = math.prod(a["KernelSize"])
    return Timing(cycles, steps / max(1, cycles), steps, 1, 1)


def schedule(layer: Any) -> Schedule:
    """`df_pool.sv`: a result with a window's last word."""
    last = once(math.prod(layer.get_nodeattr("KernelSize")))
    return steps(np.ones_like(last), last)


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    counter = (math.prod(a["KernelSize"]) - 1).bit_length()
    sums = bits_of(a["InputDataType"]) + counter * (a["Function"] in SUMS)
    width = a["PE"] * min(sums, bits_of(a["OutputDataType"]))
    return Resources(lut=6 + 2 * width, ff=1 + counter + 2 * width)


POOL = register(
    LayerKind(
        word="pool",
        finn="Pool",
        implementations=(Implementation("rtl", "Pool_rtl", schedule, resources, timing),),
        lowers={"MaxPool": max_pool},
        foldings=lanes("PE"),
        reads_windows=True,
    )
)
