"""Maximum of each channel over windows that touch and do not overlap, without a window generator."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from onnx import NodeProto, helper
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.finn.backend import RTL_DOMAIN, OwnRtl, replaces
from fpga_flow.finn.datatypes import checked, compares_signed
from fpga_flow.finn.image import ImageLayer
from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Timing, Weights, lanes, register
from fpga_flow.layers.graph import LayerGraph, Stream
from fpga_flow.layers.schedules import Schedule, steps
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of, memory
from fpga_flow.target.resources import Resources


@replaces(None)
class BlockMaxPool_rtl(OwnRtl, ImageLayer):
    """`df_block_pool`: `Windows` windows of `Kernel`, one beside the other; FINN has no such layer."""

    modules = ("df_block_pool.sv",)

    own = {"Kernel": ("ints", True, []), "Windows": ("ints", True, [])}
    """Pairs: [rows, columns]."""

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return (1, H, W, C)."""
        sizes = zip(self.get_nodeattr("Kernel"), self.get_nodeattr("Windows"), strict=True)
        return (1, *(int(size * count) for size, count in sizes), self.get_nodeattr("NumChannels"))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return (1, OH, OW, C)."""
        return (1, *(int(count) for count in self.get_nodeattr("Windows")), self.get_nodeattr("NumChannels"))

    def execute_node(self, context: dict[str, Any], graph: object) -> None:
        """Execute in Python."""
        node = self.onnx_node
        (kh, kw), (rows, cols) = self.get_nodeattr("Kernel"), self.get_nodeattr("Windows")
        values = context[node.input[0]].reshape(rows, kh, cols, kw, -1)
        context[node.output[0]] = values.max(axis=(1, 3))[None].astype(np.float32)

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        datatype = self.get_input_datatype()
        checked(self.onnx_node.name, [datatype])
        (rows, cols), windows = self.get_nodeattr("Kernel"), self.get_nodeattr("Windows")
        return "df_block_pool", {
            "Rows": rows,
            "Cols": cols,
            "Blocks": windows[1],
            "Channels": self.get_nodeattr("NumChannels"),
            "PE": self.get_nodeattr("PE"),
            "Width": datatype.bitwidth(),
            "Signed": int(compares_signed(datatype)),
            "Function": '"max"',
            "OutWidth": datatype.bitwidth(),
        }


def append(graph: LayerGraph, node: NodeProto, x: Stream, y: Stream, kernel: Sequence[int]) -> None:
    """Append a pool over windows of `kernel`, of which `x` has a whole number, that gives `y`."""
    graph.layer(
        "BlockMaxPool_rtl",
        node.name,
        [x.tensor],
        [y.tensor],
        domain=RTL_DOMAIN,
        Kernel=list(kernel),
        Windows=list(y.shape[1:3]),
        NumChannels=x.channels,
        PE=1,
        inputDataType=x.datatype,
    )


def as_finn(layer: BlockMaxPool_rtl) -> list[NodeProto]:
    """Return FINN's layers for the same: a window generator and a pool."""
    node, windows = layer.onnx_node, f"{layer.onnx_node.output[0]}_windows"
    channels, kernel = layer.get_nodeattr("NumChannels"), layer.get_nodeattr("Kernel")
    (_, *image, _), (_, *out, _) = layer.get_normal_input_shape(), layer.get_normal_output_shape()
    pe, datatype = layer.get_nodeattr("PE"), layer.get_nodeattr("inputDataType")
    make = partial(helper.make_node, domain=RTL_DOMAIN, backend="fpgadataflow")
    generator = make(
        "ConvolutionInputGenerator_rtl",
        [node.input[0]],
        [windows],
        name=f"{node.name}_window",
        ConvKernelDim=kernel,
        IFMChannels=channels,
        IFMDim=image,
        OFMDim=out,
        Dilation=[1, 1],
        depthwise=1,
        SIMD=pe,
        Stride=kernel,
        inputDataType=datatype,
        outputDataType=datatype,
        is1D=int(1 in image),
        inFIFODepths=layer.get_nodeattr("inFIFODepths"),
    )
    pool = make(
        "Pool_rtl",
        [windows],
        [node.output[0]],
        name=node.name,
        InputDataType=datatype,
        OutputDataType=datatype,
        Channels=channels,
        PE=pe,
        KernelSize=kernel,
        Function="MaxPool",
        OutImgDims=out,
        AccumBits=0,
        Size=0,
        BatchSize=1,
        outFIFODepths=layer.get_nodeattr("outFIFODepths"),
    )
    return [generator, pool]


def timing(a: Attributes, cycles: int) -> Timing:
    """Return when a pool gives its words: with the last position of a window."""
    (rows, cols), (down, across) = a["Kernel"], a["Windows"]
    words = ((rows - 1) * across * cols + cols) * a["NumChannels"] // a["PE"]
    return Timing(cycles, min(1.0, 1 / down if rows > 1 else 1 / (down * across)), words, 1, 1)


def schedule(layer: Any) -> Schedule:
    """`df_block_pool.sv`: results with the words of a block's last position."""
    (rows, cols), (_, across) = layer.get_nodeattr("Kernel"), layer.get_nodeattr("Windows")
    gives = np.zeros((rows, across, cols, layer.get_nodeattr("NumChannels") // layer.get_nodeattr("PE")), int)
    gives[-1, :, -1] = 1
    return steps(np.ones(gives.size, int), gives.reshape(-1))


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    width, words = a["PE"] * bits_of(a["inputDataType"]), a["NumChannels"] // a["PE"]
    states = words * (a["Windows"][1] if a["Kernel"][0] > 1 else 1)
    return blocks(family, width, states, (*a["Kernel"], states, words * (states > words)))


def blocks(family: Family, width: int, states: int, counted: Iterable[int]) -> Resources:
    """Return `df_block_pool.sv` with `states` words of `width` bits, and counters up to each of `counted`."""
    counters = sum((count - 1).bit_length() for count in counted if count)
    held = memory(family, width, states, writable=True) if states > 1 else Resources()
    chosen = 1.5 if states > 1 else 1.7  # LUTs a bit, to compare and to choose
    return held + Resources(lut=5 + 1.5 * counters + chosen * width, ff=1 + counters + 2 * width)


BLOCK_MAX = register(
    LayerKind(
        word="pool",
        finn="BlockMaxPool",
        implementations=(Implementation("rtl", "BlockMaxPool_rtl", schedule, resources, timing),),
        foldings=lanes("PE"),
        as_finn=as_finn,
    )
)
