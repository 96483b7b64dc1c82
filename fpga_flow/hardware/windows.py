"""Sliding windows: padding, what is left out, FINN's window generator."""

from collections.abc import Sequence
from dataclasses import replace

from onnx import NodeProto

from fpga_flow.finn.backend import RTL_DOMAIN
from fpga_flow.hardware.graph import LayerGraph, Stream, attributes_of


def _padded(graph: LayerGraph, node: NodeProto, x: Stream, pads: Sequence[int]) -> Stream:
    """Return `x` with zeros around it; `pads` are top, left, bottom, right."""
    if not any(pads):
        return x
    _, height, width, channels = x.shape
    shape = (1, height + pads[0] + pads[2], width + pads[1] + pads[3], channels)
    y = graph.wire(f"{node.name}_padded", shape, x.datatype)
    graph.layer(
        "FMPadding",
        node.name,
        [x.tensor],
        [y.tensor],
        ImgDim=[height, width],
        Padding=list(pads),
        NumChannels=channels,
        SIMD=1,
        inputDataType=x.datatype,
    )
    return y


def _decimated(
    graph: LayerGraph, node: NodeProto, x: Stream, extent: Sequence[int], strides: Sequence[int]
) -> tuple[Stream, list[int]]:
    """Return `x` without what no window reads, and the strides that are left.

    `extent` is how far a window reaches. FINN's window generator needs windows that reach to the next one.
    """
    if all(reach >= stride for reach, stride in zip(extent, strides, strict=True)):
        return x, list(strides)
    keep, period, windows, left = [], [], [], []
    for size, reach, stride in zip(x.shape[1:3], extent, strides, strict=True):
        gaps = reach < stride
        count = (size - reach) // stride + 1 if gaps else 1
        keep.append(reach if gaps else size)
        period.append(stride if gaps else size)
        windows.append(count)
        left.append((reach if count > 1 else 1) if gaps else stride)
    return _kept(graph, node, x, keep=keep, period=period, windows=windows), left


def _kept(
    graph: LayerGraph,
    node: NodeProto,
    x: Stream,
    *,
    keep: Sequence[int],
    period: Sequence[int],
    windows: Sequence[int],
) -> Stream:
    """Return the first `keep` of every `period` rows and columns of `x`, `windows` times."""
    sizes = [k * n for k, n in zip(keep, windows, strict=True)]
    if sizes == list(x.shape[1:3]):
        return x
    y = graph.wire(f"{node.name}_decimated", (1, *sizes, x.channels), x.datatype)
    graph.layer(
        "Decimate_rtl",
        node.name,
        [x.tensor],
        [y.tensor],
        domain=RTL_DOMAIN,
        ImgDim=list(x.shape[1:3]),
        Keep=list(keep),
        Stride=list(period),
        Windows=list(windows),
        NumChannels=x.channels,
        SIMD=1,
        inputDataType=x.datatype,
    )
    return y


def windows(graph: LayerGraph, node: NodeProto, x: Stream, *, depthwise: bool) -> tuple[Stream, list[int]]:
    """Return the sliding windows of `x` (1, OH, OW, KH*KW*C) and the kernel's size; `node` has the rest."""
    settings = attributes_of(node)
    kernel, strides = list(settings["kernel_shape"]), list(settings.get("strides", [1, 1]))
    dilations = list(settings.get("dilations", [1, 1]))
    x = _padded(graph, node, x, list(settings.get("pads", [0, 0, 0, 0])))
    extent = [dilation * (size - 1) + 1 for dilation, size in zip(dilations, kernel, strict=True)]
    out = [
        (size - reach) // stride + 1
        for size, reach, stride in zip(x.shape[1:3], extent, strides, strict=True)
    ]
    if out == [1, 1] and (not depthwise or x.channels == 1):
        # The only window is what is left of the image, in the order it comes in. FINN's generator cannot make
        # it of one channel, nor of all channels together.
        x = _kept(graph, node, x, keep=[1, 1], period=dilations, windows=kernel)
        return replace(x, shape=(1, 1, 1, kernel[0] * kernel[1] * x.channels)), kernel
    x, strides = _decimated(graph, node, x, extent, strides)
    if kernel == [1, 1]:
        return x, kernel
    _, height, width, channels = x.shape
    y = graph.wire(f"{node.name}_windows", (1, *out, kernel[0] * kernel[1] * channels), x.datatype)
    graph.layer(
        "ConvolutionInputGenerator",
        node.name,
        [x.tensor],
        [y.tensor],
        ConvKernelDim=kernel,
        IFMChannels=channels,
        IFMDim=[height, width],
        OFMDim=out,
        Dilation=dilations,
        depthwise=int(depthwise),
        SIMD=1,
        Stride=strides,
        inputDataType=x.datatype,
        outputDataType=x.datatype,
        is1D=int(height == 1 or width == 1),
    )
    return y, kernel
