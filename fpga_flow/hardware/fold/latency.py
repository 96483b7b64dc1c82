"""How long a frame takes through the layers: from its first word in to its last word out.

A layer gives its first word when a certain share of its input is there, and its last word a certain time
after its input ended, but never faster than its own pace. The times run through the graph along its streams;
where several meet, the latest counts. FIFOs are taken as large enough.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BETWEEN = 2
"""Cycles through the FIFO between two layers."""
CORE = 7
"""Cycles through a matrix unit, without its adder tree."""


@dataclass(frozen=True)
class Timing:
    """When a layer gives its words."""

    cycles: int
    """Per frame, at its own pace."""
    share: float
    """Of its input, that must be there for the first word out."""
    head: float
    """Cycles of its own pace that pass before the first word out."""
    depth: float
    """Cycles of its pipeline."""
    tail: float
    """Cycles from its last word in to its last word out."""

    @property
    def delay(self) -> float:
        """Cycles that it holds a frame back, about."""
        return self.head + self.depth + self.tail


def timing(kind: str, attributes: Mapping[str, Any], folding: Mapping[str, int], cycles: int) -> Timing:
    """Return when a layer (FINN's abstract name) with `folding` gives its words."""
    a = {**attributes, **folding}
    if kind == "MVAU":
        steps, passes = a["MW"] // a["SIMD"], a["MH"] // a["PE"]
        depth = CORE + math.ceil(math.log2(a["SIMD"]))
        return Timing(cycles, 1 / math.prod(a["numInputVectors"]), steps, depth, (passes - 1) * steps + depth)
    if kind == "VVAU":
        steps = math.prod(a["Kernel"]) // a["SIMD"]
        depth = CORE + math.ceil(math.log2(a["SIMD"]))
        return Timing(cycles, steps / max(1, cycles), steps, depth, depth)
    if kind == "ConvolutionInputGenerator":
        (kh, kw), (dh, dw), (h, w) = a["ConvKernelDim"], a["Dilation"], a["IFMDim"]
        fold = a["IFMChannels"] // a["SIMD"]
        needed = ((kh - 1) * dh * w + (kw - 1) * dw + 1) / (h * w)
        window = 1 if a["parallel_window"] else kh * kw
        return Timing(cycles, needed, needed * h * w * fold, 3, window * fold)
    if kind == "FMPadding":
        (_, left, bottom, right), (_, w) = a["Padding"], a["ImgDim"]
        fold = a["NumChannels"] // a["SIMD"]
        return Timing(cycles, 0.0, 0, 1, (bottom * (w + left + right) + right) * fold + 1)
    if kind == "Pool":
        steps = math.prod(a["KernelSize"])
        return Timing(cycles, steps / max(1, cycles), steps, 1, 1)
    if kind == "Thresholding":
        stages = (1 + a["deep_pipeline"]) * math.ceil(math.log2(a["numSteps"] + 1)) + 1
        return Timing(cycles, 0.0, 0, stages, stages)
    if kind in ("GlobalAccPool", "GlobalMaxPool"):
        return Timing(cycles, 1.0, cycles, 1, a["NumChannels"] // a["PE"])
    if kind == "LabelSelect":
        return Timing(cycles, 1.0, cycles, 1, a["K"])
    if kind == "UpsampleNearestNeighbour":
        fold = a["NumChannels"] // a["SIMD"]
        rows = (a["HO"] // a["HI"] - 1) * a["WO"]
        return Timing(cycles, 0.0, 0, 2, (rows + a["WO"] // a["WI"]) * fold)
    return Timing(cycles, 0.0, 0, 1, 1)


def longest(layers: Sequence[Timing], edges: Sequence[tuple[int, int]]) -> int:
    """Return the cycles through layers in topological order, joined by `edges` (producer, consumer)."""
    before: list[list[int]] = [[] for _ in layers]
    for producer, consumer in edges:
        before[consumer].append(producer)
    first, last = [0.0] * len(layers), [0.0] * len(layers)
    for i, layer in enumerate(layers):
        begins = max((first[p] + BETWEEN for p in before[i]), default=0.0)
        ends = max((last[p] + BETWEEN for p in before[i]), default=0.0)
        enough = begins + layer.share * max(0.0, ends - begins)
        first[i] = max(enough, begins + layer.head) + layer.depth
        last[i] = max(ends + layer.tail, first[i] + layer.cycles - layer.head)
    return math.ceil(max(last))
