"""The schedule of every kind of layer in a hardware graph, read off its RTL."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpga_flow.fifos.tokens import Kind, Schedule, replay, ring, steps, width, wire

QUEUE_OUT = 2
"""Cycles that a result needs through the output queue of a matrix unit."""


def _once(length: int) -> NDArray[np.int64]:
    """Return (length,) zeros with a one at the end."""
    found = np.zeros(length, np.int64)
    found[-1] = 1
    return found


def window(layer: Any) -> Schedule:
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
    return Schedule(Kind.WINDOW, values, (current.astype(np.int32), first.astype(np.int32)))


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
    return Schedule(Kind.PARALLEL, (len(current), words), (current.astype(np.int32),))


def padding(layer: Any) -> Schedule:
    """FINN's padding: a word a cycle, its input's inside, zeros around."""
    rows, columns = layer.get_nodeattr("ImgDim")
    top, left, bottom, right = layer.get_nodeattr("Padding")
    takes = np.zeros((rows + top + bottom, columns + left + right), np.int64)
    takes[top : top + rows, left : left + columns] = 1
    takes = np.repeat(takes.reshape(-1), layer.get_nodeattr("NumChannels") // layer.get_nodeattr("SIMD"))
    return steps(takes, np.ones_like(takes), skid=True)


def matrix(layer: Any) -> Schedule:
    """`mvu_vvu_axi.sv`: a vector in, then a result for each of its passes."""
    simd = layer.get_nodeattr("SIMD")
    length = layer.get_nodeattr("MW") // simd
    core = 4 + math.ceil(math.log2(simd)) + (simd == 1)
    credits = -(-(core + 3) // length) + 1
    passes = layer.get_nodeattr("MH") // layer.get_nodeattr("PE")
    return replay(length, passes, latency=core + QUEUE_OUT, places=credits)


def products(layer: Any) -> Schedule:
    """`df_matrix_vector.sv`: as a matrix unit, without a queue behind it."""
    simd = layer.get_nodeattr("SIMD")
    passes = layer.get_nodeattr("MH") // layer.get_nodeattr("PE")
    return Schedule(Kind.SUMS, (layer.get_nodeattr("MW") // simd, passes, layer.stages()))


def depthwise(layer: Any) -> Schedule:
    """`df_depthwise.sv`: a result with a window's last word."""
    simd = layer.get_nodeattr("SIMD")
    return Schedule(Kind.SUMS, (math.prod(layer.get_nodeattr("Kernel")) // simd, 1, layer.stages()))


def threshold(layer: Any) -> Schedule:
    """`thresholding.sv`: a stage per bit, all of them moving together."""
    stages = math.ceil(math.log2(layer.get_nodeattr("numSteps") + 1))
    stages *= 2 if layer.get_nodeattr("deep_pipeline") else 1
    return steps((1,), (1,), latency=stages + 1, places=stages + 1, rigid=True)


def pool(layer: Any) -> Schedule:
    """`df_pool.sv`: a result with a window's last word."""
    last = _once(math.prod(layer.get_nodeattr("KernelSize")))
    return steps(np.ones_like(last), last)


def label_select(layer: Any) -> Schedule:
    """`df_label_select.sv`: all indices with the last label."""
    last = _once(layer.get_nodeattr("Labels") // layer.get_nodeattr("PE"))
    top = layer.get_nodeattr("K")
    return steps(np.ones_like(last), last, places=top, burst=top)


def fork(layer: Any) -> Schedule:
    """`df_fork.sv`: a word goes to every output; the next one is taken when all have it."""
    return steps((1,), ((1 << layer.get_nodeattr("NumOutputStreams")) - 1,))


def concatenation(layer: Any) -> Schedule:
    """`df_concat.sv`: the words of a pixel from one input after the other."""
    takes = _turns(layer)
    return steps(takes, np.ones_like(takes))


def split(layer: Any) -> Schedule:
    """`df_split.sv`: the words of a pixel to one output after the other, over one register."""
    gives = _turns(layer)
    return steps(np.ones_like(gives), gives, joint=True)


def _turns(layer: Any) -> NDArray[np.int64]:
    """Return the bit of the stream whose turn it is, word by word of a pixel."""
    words = [channels // layer.get_nodeattr("SIMD") for channels in layer.get_nodeattr("ChannelsPerStream")]
    return np.repeat(1 << np.arange(len(words)), words)


def global_pool(layer: Any) -> Schedule:
    """`df_global_pool.sv`: results with the words of the last pixel."""
    words = layer.get_nodeattr("NumChannels") // layer.get_nodeattr("PE")
    gives = np.repeat(_once(math.prod(layer.get_nodeattr("numInputVectors"))), words)
    return steps(np.ones_like(gives), gives)


def addition(layer: Any) -> Schedule:
    """`df_add.sv` of two streams, `df_channel_add.sv` of one and constants."""
    return steps(((1 << layer.streams_in()) - 1,), (1,))


def multiplication(layer: Any) -> Schedule:
    """`df_channel_mul.sv`: three stages that move together."""
    return steps((1,), (1,), latency=3, places=3, rigid=True)


def decimation(layer: Any) -> Schedule:
    """`df_decimate.sv`: some words pass, the others end here."""
    kept = []
    numbers = (layer.get_nodeattr(name) for name in ("ImgDim", "Keep", "Stride", "Windows"))
    for size, keep, stride, windows in zip(*numbers, strict=True):
        place = np.arange(size)
        kept.append((place % stride < keep) & (place // stride < windows))
    passes = np.multiply.outer(*kept).reshape(-1).astype(np.int64)
    return wire(np.repeat(passes, layer.get_nodeattr("NumChannels") // layer.get_nodeattr("SIMD")))


def upsampling(layer: Any) -> Schedule:
    """`df_upsample.sv`: every pixel several times along its row, and every row several times."""
    columns = layer.get_nodeattr("WI")
    scale_x, scale_y = (
        layer.get_nodeattr("WO") // columns,
        layer.get_nodeattr("HO") // layer.get_nodeattr("HI"),
    )
    words = layer.get_nodeattr("NumChannels") // layer.get_nodeattr("SIMD")
    row = columns * words
    if scale_y > 1:
        held = 2 * row - 2 * row // scale_y + (words if scale_x > 1 else 0)
    else:
        held = 2 * words - 2 * words // scale_x
    shape = (scale_y, columns, scale_x, words)
    y, column, x, word = np.unravel_index(np.arange(math.prod(shape)), shape)
    ends = (y == scale_y - 1) & (x == scale_x - 1)
    return ring(column * words + word, np.cumsum(ends), row, held + 3)


def converter(layer: Any) -> Schedule:
    """`vpc.sv` between words of different widths."""
    return width(layer.get_nodeattr("inWidth"), layer.get_nodeattr("outWidth"))


def even(layer: Any, words_in: Sequence[int], words_out: Sequence[int]) -> Schedule:
    """Words evenly over the cycles that FINN expects: for layers whose RTL is not described here."""
    length = max(int(layer.get_exp_cycles()), *words_in, *words_out)

    def spread(counts: Sequence[int]) -> NDArray[np.int64]:
        found = np.zeros(length, np.int64)
        for port, words in enumerate(counts):
            found |= np.diff(np.arange(length + 1) * words // length) << port
        return found

    return steps(spread(words_in), spread(words_out), latency=4, places=4)


SCHEDULES: dict[str, Callable[[Any], Schedule]] = {
    "ConvolutionInputGenerator_rtl": window,
    "FMPadding_rtl": padding,
    "MVAU_rtl": matrix,
    "MatrixVector_rtl": products,
    "Depthwise_rtl": depthwise,
    "Thresholding_rtl": threshold,
    "Pool_rtl": pool,
    "LabelSelect_rtl": label_select,
    "IntegerAdd_rtl": addition,
    "IntegerMul_rtl": multiplication,
    "Decimate_rtl": decimation,
    "UpsampleNearestNeighbour_rtl": upsampling,
    "StreamingDataWidthConverter_rtl": converter,
    "DuplicateStreams_rtl": fork,
    "StreamingConcat_rtl": concatenation,
    "StreamingSplit_rtl": split,
    "GlobalAccPool_rtl": global_pool,
    "GlobalMaxPool_rtl": global_pool,
}
"""Operator -> what returns the schedule of a layer of it."""
