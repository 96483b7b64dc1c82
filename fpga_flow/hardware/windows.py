"""Sliding windows: padding, what is left out, FINN's window generator."""

from collections.abc import Sequence
from dataclasses import replace

from onnx import NodeProto

from fpga_flow.finn_adapter.backend import RTL_DOMAIN
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
    shape = (1, *(k * n for k, n in zip(keep, windows, strict=True)), x.channels)
    y = graph.wire(f"{node.name}_decimated", shape, x.datatype)
    graph.layer(
        "Decimate_rtl",
        node.name,
        [x.tensor],
        [y.tensor],
        domain=RTL_DOMAIN,
        ImgDim=list(x.shape[1:3]),
        Keep=keep,
        Stride=period,
        Windows=windows,
        NumChannels=x.channels,
        SIMD=1,
        inputDataType=x.datatype,
    )
    return y, left


def windows(
    graph: LayerGraph, node: NodeProto, x: Stream, *, depthwise: bool, unit: bool = False
) -> tuple[Stream, list[int]]:
    """Return the sliding windows of `x` (1, OH, OW, KH*KW*C) and the kernel's size; `node` has the geometry.

    `unit`: a kernel of one value with stride 1 needs no windows.
    """
    settings = attributes_of(node)
    kernel, strides = list(settings["kernel_shape"]), list(settings.get("strides", [1, 1]))
    dilations = list(settings.get("dilations", [1, 1]))
    x = _padded(graph, node, x, list(settings.get("pads", [0, 0, 0, 0])))
    extent = [dilation * (size - 1) + 1 for dilation, size in zip(dilations, kernel, strict=True)]
    x, strides = _decimated(graph, node, x, extent, strides)
    if unit and kernel == [1, 1] and strides == [1, 1]:
        return x, kernel
    _, height, width, channels = x.shape
    if unit and kernel == [height, width] and dilations == [1, 1]:
        # The only window is the image as it comes, for which FINN can make no generator.
        return replace(x, shape=(1, 1, 1, height * width * channels)), kernel
    out = [
        (size - dilation * (window - 1) - 1) // stride + 1
        for size, window, stride, dilation in zip((height, width), kernel, strides, dilations, strict=True)
    ]
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
        SIMD=1,
        Stride=strides,
        Dilation=dilations,
        inputDataType=x.datatype,
        outputDataType=x.datatype,
        depthwise=int(depthwise),
        is1D=int(height == 1 or width == 1),
    )
    return y, kernel
