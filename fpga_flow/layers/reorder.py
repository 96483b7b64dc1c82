"""Values in another order: axes that change places, channels moved into positions, channels shuffled."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.finn.backend import RTL_DOMAIN, OwnRtl, replaces
from fpga_flow.finn.datatypes import fields
from fpga_flow.finn.image import ImageLayer
from fpga_flow.integer.moves import OPERATORS, moved
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
from fpga_flow.layers.graph import LayerGraph, attributes_of
from fpga_flow.layers.schedules import Schedule, ring
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of, memory
from fpga_flow.target.resources import Resources


class Loops(NamedTuple):
    """Nested loops over words, outermost first: a step of a loop moves on by its stride."""

    sizes: tuple[int, ...]
    strides: tuple[int, ...]

    def order(self) -> NDArray[np.int64]:
        """Return which word each step reads."""
        found = np.zeros(1, np.int64)
        for size, stride in zip(self.sizes, self.strides, strict=True):
            found = np.add.outer(found, np.arange(size) * stride).reshape(-1)
        return found

    def block(self) -> "Loops":
        """Return the loops over one block, of those that the order leaves in their places."""
        sizes, strides = list(self.sizes), list(self.strides)
        while len(sizes) > 1:
            inner = math.prod(sizes[1:])
            reach = sum((n - 1) * stride for n, stride in zip(sizes[1:], strides[1:], strict=True))
            if strides[0] != inner or reach != inner - 1:
                break
            del sizes[0], strides[0]
        return Loops(tuple(sizes), tuple(strides))


def loops_of(order: NDArray[np.int64]) -> Loops | None:
    """Return the loops that read words in this `order`, from word 0 on; None where none do."""
    sizes: list[int] = []
    strides: list[int] = []
    if order[0] != 0:
        return None
    while len(order) > 1:
        stride = int(order[1] - order[0])
        for size in reversed(divisors(len(order))):
            rows = order.reshape(-1, size)
            if size > 1 and np.all(np.diff(rows, axis=1) == stride):
                break
        if size == 1 or stride < 1:
            return None
        sizes.insert(0, size)
        strides.insert(0, stride)
        order = rows[:, 0]
    return Loops(tuple(sizes), tuple(strides))


@replaces(None)
class Reorder_rtl(OwnRtl, ImageLayer):
    """`df_reorder`: the values of `InShape` in the order of loops over them; FINN has no such layer."""

    modules = ("df_reorder.sv",)

    own = {
        "InShape": ("ints", True, []),
        "OutShape": ("ints", True, []),
        "Sizes": ("ints", True, []),
        "Strides": ("ints", True, []),
    }
    """Shapes [H, W, C] (NumChannels is that of the output); `Loops` over values."""

    def loops(self) -> Loops:
        """Return those over values."""
        return Loops(*(tuple(int(n) for n in self.get_nodeattr(name)) for name in ("Sizes", "Strides")))

    def get_normal_input_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return (1, H, W, C)."""
        return (1, *(int(size) for size in self.get_nodeattr("InShape")))

    def get_normal_output_shape(self, ind: int = 0) -> tuple[int, ...]:
        """Return (1, H, W, C)."""
        return (1, *(int(size) for size in self.get_nodeattr("OutShape")))

    def execute_node(self, context: dict[str, Any], graph: object) -> None:
        """Execute in Python."""
        node = self.onnx_node
        values = context[node.input[0]].reshape(-1)[self.loops().order()]
        context[node.output[0]] = values.reshape(self.get_normal_output_shape())

    def words(self) -> Loops:
        """Return the loops over the words of a block."""
        found = in_words(self.loops(), self.get_nodeattr("PE"))
        if found is None:
            raise ValueError(f"words of {self.get_nodeattr('PE')} values do not stay together")
        return found.block()

    def instance(self, model: ModelWrapper, folder: Path) -> tuple[str, dict[str, object]]:
        """See `OwnRtl.instance`."""
        loops = self.words()
        return "df_reorder", {
            "Words": math.prod(loops.sizes),
            "Width": self.get_instream_width(),
            "Loops": len(loops.sizes),
            "Sizes": fields(loops.sizes[::-1]),
            "Strides": fields(loops.strides[::-1]),
        }


def in_words(loops: Loops, lanes: int) -> Loops | None:
    """Return `loops` over values over words of so many `lanes`, None where words do not stay whole."""
    if lanes == 1:
        return loops
    size, stride = loops.sizes[-1], loops.strides[-1]
    if stride != 1 or size % lanes or any(step % lanes for step in loops.strides[:-1]):
        return None
    inner = ((size // lanes,), (1,)) if size > lanes else ((), ())
    strides = tuple(step // lanes for step in loops.strides[:-1])
    return Loops(loops.sizes[:-1] + inner[0], strides + inner[1])


def foldings(layer: Any) -> list[Folding]:
    """Return the foldings whose words stay whole."""
    channels = math.gcd(*(int(layer.get_nodeattr(name)[-1]) for name in ("InShape", "OutShape")))
    loops = Loops(*(tuple(layer.get_nodeattr(name)) for name in ("Sizes", "Strides")))
    return [fold(PE=lanes) for lanes in divisors(channels) if in_words(loops, lanes) is not None]


def lower(graph: LayerGraph, node: NodeProto) -> None:
    """A Transpose, DepthToSpace, SpaceToDepth or Gather of channels."""
    x = graph.read(node.input[0])
    _, height, width, channels = x.shape
    places = np.arange(height * width * channels).reshape(height, width, channels).transpose(2, 0, 1)
    indices = graph.constant_of(node)[0] if len(node.input) > 1 else None
    order = moved(places[None], node.op_type, attributes_of(node), indices)[0].transpose(1, 2, 0).reshape(-1)
    y = graph.output(node)
    if np.array_equal(order, np.arange(len(order))):  # as they come
        del graph.streams[y.tensor]
        graph.done(node.output[0], replace(x, shape=y.shape))
        return
    loops = loops_of(order)
    if loops is None:
        raise UnsupportedError(
            node.name,
            "it moves values in an order that is no nest of loops",
            "put the order of the channels into the weights of the layer before or behind it",
        )
    graph.layer(
        "Reorder_rtl",
        node.name,
        [x.tensor],
        [y.tensor],
        domain=RTL_DOMAIN,
        InShape=list(x.shape[1:]),
        OutShape=list(y.shape[1:]),
        Sizes=list(loops.sizes),
        Strides=list(loops.strides),
        NumChannels=y.channels,
        PE=1,
        inputDataType=x.datatype,
    )
    graph.done(node.output[0], y)


def block_of(a: Attributes) -> Loops:
    """Return the loops over the words of a block, by the attributes of a layer."""
    loops = in_words(Loops(tuple(a["Sizes"]), tuple(a["Strides"])), a["PE"])
    assert loops is not None
    return loops.block()


def timing(a: Attributes, cycles: int) -> Timing:
    """Return when a reordering gives its words: most of a block must be there."""
    words = math.prod(block_of(a).sizes)
    return Timing(cycles, min(1.0, words / cycles), 0, 2, words)


def schedule(layer: Any) -> Schedule:
    """`df_reorder.sv`: two blocks in a ring, each of which is free when its last word goes."""
    order = layer.words().order()
    frees = np.zeros_like(order)
    frees[-1] = len(order)
    return ring(order, frees, len(order), 2 * len(order))


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    loops, width = block_of(a), a["PE"] * bits_of(a["inputDataType"])
    words = math.prod(loops.sizes)
    address = (2 * words - 1).bit_length()
    counters = sum((size - 1).bit_length() for size in loops.sizes)
    return memory(family, width, 2 * words, writable=True) + Resources(
        lut=10 + 4 * address + 2 * counters, ff=4 + width + 2 * address + counters
    )


REORDER = register(
    LayerKind(
        word="reorder",
        finn="Reorder",
        implementations=(Implementation("rtl", "Reorder_rtl", schedule, resources, timing),),
        lowers=dict.fromkeys(OPERATORS, lower),
        foldings=foldings,
    )
)
