"""Sliding windows: FINN's generator, and the windows of a convolution or pool of any stride."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

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
from fpga_flow.layers.decimate import decimated, kept
from fpga_flow.layers.generator import can_generate
from fpga_flow.layers.graph import LayerGraph, Stream, attributes_of
from fpga_flow.layers.padding import padded
from fpga_flow.layers.schedules import Pattern, Schedule
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of, memory
from fpga_flow.target.resources import Resources


def windows_of(graph: LayerGraph, node: NodeProto, x: Stream, *, depthwise: bool) -> tuple[Stream, list[int]]:
    """Return the sliding windows of `x` (1, OH, OW, KH*KW*C) and the kernel's size; `node` has the rest."""
    settings = attributes_of(node)
    kernel, strides = list(settings["kernel_shape"]), list(settings.get("strides", [1, 1]))
    dilations = list(settings.get("dilations", [1, 1]))
    x = padded(graph, node, x, list(settings.get("pads", [0, 0, 0, 0])))
    extent = [dilation * (size - 1) + 1 for dilation, size in zip(dilations, kernel, strict=True)]
    out = [
        (size - reach) // stride + 1
        for size, reach, stride in zip(x.shape[1:3], extent, strides, strict=True)
    ]
    if out == [1, 1] and (not depthwise or x.channels == 1):
        # The only window is what is left of the image, in the order it comes in. FINN's generator cannot make
        # it of one channel, nor of all channels together.
        x = kept(graph, node, x, keep=[1, 1], period=dilations, windows=kernel)
        return replace(x, shape=(1, 1, 1, kernel[0] * kernel[1] * x.channels)), kernel
    x, strides = decimated(graph, node, x, extent, strides)
    if kernel == [1, 1]:
        return x, kernel
    _, height, width, channels = x.shape
    y = graph.wire(f"{node.name}_windows", (1, *out, kernel[0] * kernel[1] * channels), x.datatype)
    graph.layer(
        "ConvolutionInputGenerator",
        f"{node.name}_window",
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


WINDOW = ("ConvKernelDim", "IFMChannels", "IFMDim", "OFMDim", "Dilation", "depthwise")
"""Attributes that decide which foldings there are."""


def foldings(layer: Any) -> list[Folding]:
    """Return the foldings; whole windows of all channels together need all of them as lanes."""
    a = {name: layer.get_nodeattr(name) for name in WINDOW}
    lanes = divisors(int(a["IFMChannels"]))
    found = [fold(SIMD=simd, parallel_window=0) for simd in lanes if can_generate(a, simd, False)]
    if math.prod(a["ConvKernelDim"]) > 1:
        whole = lanes if a["depthwise"] else lanes[-1:]
        found += [fold(SIMD=simd, parallel_window=1) for simd in whole if can_generate(a, simd, True)]
    return found


def timing(a: Attributes, cycles: int) -> Timing:
    """Return when a window generator gives its words."""
    (kh, kw), (dh, dw), (h, w) = a["ConvKernelDim"], a["Dilation"], a["IFMDim"]
    fold = a["IFMChannels"] // a["SIMD"]
    needed = ((kh - 1) * dh * w + (kw - 1) * dw + 1) / (h * w)
    window = 1 if a["parallel_window"] else kh * kw
    return Timing(cycles, needed, needed * h * w * fold, 3, window * fold)


def schedule(layer: Any) -> Schedule:
    """FINN's sliding-window generator, from the numbers its RTL is generated with."""
    if layer.select_impl_style() == "parallel":
        return _parallel_window(layer)
    numbers = {key.strip("$"): value[0] for key, value in layer.prepare_codegen_default()[1].items()}
    number = {key: int(value) for key, value in numbers.items() if value.lstrip("-").isdigit()}
    channel_fold = layer.get_nodeattr("IFMChannels") // layer.get_nodeattr("SIMD")
    kernel, out = layer.get_nodeattr("ConvKernelDim"), layer.get_nodeattr("OFMDim")
    depthwise = number["IS_DEPTHWISE"]
    inner = (channel_fold, *kernel) if depthwise else (*kernel, channel_fold)
    nest = (*out, *inner)  # slowest first: rows, columns, then the three loops of a window
    increments = [number[f"HEAD_INCR_{name}"] for name in ("H", "W", "KH", "KW", "SIMD")]
    current = np.concatenate([[0], np.cumsum(_after_each(nest, increments))[:-1]])
    per_window = number["ELEM_PER_WINDOW"]
    # How far the oldest word that is still needed moves on, window by window.
    windows = (*out, channel_fold) if depthwise else (*out, 1)
    tails = [number["TAIL_INCR_H"], number["TAIL_INCR_W"], 1]
    moved = _after_each(windows, tails)
    moved[-1] = number["TAIL_INCR_LAST"]
    fetches = len(current)
    first = np.cumsum(moved)[np.maximum(np.arange(fetches) - 1, 0) // per_window]
    first[0] = 0
    words = number["LAST_READ_ELEM"] + 1
    values = (fetches, words, number["BUF_ELEM_TOTAL"])
    return Schedule(Pattern.WINDOW, values, (current.astype(np.int32), first.astype(np.int32)))


def _after_each(nest: tuple[int, ...], increments: list[int]) -> NDArray[np.int64]:
    """Return the increment after each iteration of a nest of loops, slowest first; 0 after the last.

    `increments`: of each loop, for when all the faster ones end.
    """
    found = np.zeros(math.prod(nest), np.int64)
    numbers = np.arange(1, len(found) + 1)
    inner = 1
    for size, increment in zip(reversed(nest), reversed(increments), strict=True):
        ends = numbers % inner == 0
        found[ends & (numbers % (inner * size) != 0)] = increment
        inner *= size
    return found


def _parallel_window(layer: Any) -> Schedule:
    numbers = {
        key.strip("$"): value[0] for key, value in layer.prepare_codegen_parallel()[1].items() if value
    }
    channel_fold = layer.get_nodeattr("IFMChannels") // layer.get_nodeattr("SIMD")
    nest = (*layer.get_nodeattr("OFMDim"), channel_fold)
    increments = [int(numbers[f"HEAD_INCR_{name}"]) for name in ("H", "W", "KH")]
    current = int(numbers["FIRST_WRITE_ELEM"]) + np.cumsum(_after_each(nest, increments))
    current = np.concatenate([[int(numbers["FIRST_WRITE_ELEM"])], current[:-1]])
    words = int(numbers["LAST_READ_ELEM"]) + 1
    return Schedule(Pattern.PARALLEL, (len(current), words), (current.astype(np.int32),))


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    (kh, kw), (_, w), (dh, dw) = a["ConvKernelDim"], a["IFMDim"], a["Dilation"]
    simd = a["SIMD"]
    width, fold = simd * bits_of(a["inputDataType"]), a["IFMChannels"] // simd
    rows = (kh - 1) * dh * w
    registers = _control(a, (rows + (kw - 1) * dw + 1) * fold)
    control = Resources(lut=CONTROL_LUTS * registers, ff=registers)
    if a["parallel_window"]:
        lines, across, step = (kh, kw, dw) if w > 1 else (1, kh, dh)
        line = _line(family, width, (dh * w - (kw - 1) * dw) * fold - 1, a["ram_style"])
        taps = _between(width, step * fold).times(across - 1) + Resources(ff=width)
        return control + taps.times(lines) + line.times(lines - 1)
    depth = (rows + (kw - 1) * dw + 1) * fold
    return control + memory(family, width, depth, True, a["ram_style"]) + Resources(ff=width)


CONTROL_LUTS = 2.2
"""For each register of a generator's counters: they are added to, compared and set back."""


def _control(a: Attributes, depth: int) -> int:
    """Return the registers of the counters in FINN's templates, for a buffer of `depth` words."""
    fold = a["IFMChannels"] // a["SIMD"]
    words, window = math.prod(a["IFMDim"]) * fold, math.prod(a["ConvKernelDim"]) * fold
    element = _bits(words) + 1
    loops = [*a["OFMDim"], fold, *(() if a["parallel_window"] else a["ConvKernelDim"])]
    loop = sum(_bits(count - 1) + 1 for count in loops if count > 1)
    if a["parallel_window"]:
        return 2 * element + 2 + loop + 7
    return 3 * element + 6 + _bits(window) + 2 * _bits(depth) + 1 + loop + 4


def _between(width: int, words: int) -> Resources:
    """Return what is between two values of a window that are so many words apart, the later one with it."""
    if words < SHIFTED:
        return Resources(ff=width * words)
    return Resources(lut=width * math.ceil(words / SHIFT_WORDS))


SHIFTED, SHIFT_WORDS = 3, 32
"""Registers in a row that Yosys makes a shift register of, at least, and those of it that a LUT holds."""


def _bits(count: int) -> int:
    """Return the bits that count to `count`, not included."""
    return math.ceil(math.log2(count)) if count > 1 else 0


def _line(family: Family, width: int, depth: int, style: str) -> Resources:
    """Return a delay of `depth` words of `width` bits, with its addresses and its register."""
    addresses = 2 * _bits(depth)
    return memory(family, width, depth, True, style) + Resources(lut=2 * addresses, ff=width + addresses)


KIND = register(
    LayerKind(
        word="window",
        finn="ConvolutionInputGenerator",
        implementations=(
            Implementation("rtl", "ConvolutionInputGenerator_rtl", schedule, resources, timing),
        ),
        foldings=foldings,
        makes_windows=True,
    )
)
