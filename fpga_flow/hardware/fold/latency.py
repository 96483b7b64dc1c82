"""How long a frame takes through the layers: from its first word in to its last word out.

A layer gives its first word when a certain share of its input is there, and its last word a certain time
after its input ended, but never faster than its own pace. The times run through the graph along its streams;
where several meet, the latest counts. FIFOs are taken as large enough.
"""

import math
from collections.abc import Sequence

from fpga_flow.layers.base import Timing

BETWEEN = 2
"""Cycles through the FIFO between two layers."""


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
