"""A hardware graph as schedules between FIFOs: what each edge joins, and how the whole plays."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

import fpga_flow.layers  # noqa: F401  registers our layers, which graphs name
from fpga_flow.fifos.deadlock import INPUT, OUTPUT
from fpga_flow.fifos.tokens import Placed, Play, Tokens
from fpga_flow.finn.session import finn_session
from fpga_flow.layers.base import implementation_of, streams_in
from fpga_flow.layers.fifo import is_fifo, set_depth
from fpga_flow.layers.schedules import Pattern, Schedule

SINGLE = 2
"""So many FIFOs of one word follow each other at most: a ready then goes through three layers in a cycle."""


@dataclass(frozen=True)
class Edge:
    """A stream between two layers with the FIFO in it."""

    fifo: str
    """The FIFO's name in the graph and in the RTL."""
    producer: str
    consumer: str
    tensor: str
    """What the producer sends."""
    bits: int
    """Of a word."""
    words: int
    """Of a frame."""
    depth: int
    """Words, in the graph."""

    def __str__(self) -> str:
        return f"{self.producer} -> {self.consumer} (tensor {self.tensor!r})"


@dataclass(frozen=True)
class Placement:
    """A layer with the numbers of its edges."""

    name: str
    op: str
    schedule: Schedule
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


class Network:
    """A hardware graph whose layers have been reduced to their schedules."""

    pace = 20_000_000
    """Words that go into FIFOs in a second of playing it, about."""

    def __init__(self, edges: Sequence[Edge], layers: Sequence[Placement]) -> None:
        """`layers` refer to `edges` by number; streams without a layer at an end are inputs and outputs."""
        self.edges, self.layers = tuple(edges), tuple(layers)
        taken = {number for layer in layers for number in layer.inputs}
        given = {number for layer in layers for number in layer.outputs}
        self.sources = [i for i in range(len(edges)) if i not in given]
        self.sinks = [i for i in range(len(edges)) if i not in taken]
        placed = [Placed(layer.schedule, layer.inputs, layer.outputs) for layer in layers]
        placed += [Placed(Schedule(Pattern.SOURCE, (edges[i].words,)), (), (i,)) for i in self.sources]
        placed += [Placed(Schedule(Pattern.SINK, (edges[i].words,)), (i,), ()) for i in self.sinks]
        self._tokens = Tokens(len(edges), placed)

    @property
    def joins(self) -> bool:
        """Whether some paths part and join again."""
        return any(len(layer.inputs) > 1 for layer in self.layers)

    @property
    def single(self) -> list[bool]:
        """Of each edge, whether a FIFO of one word may stand there.

        Such a FIFO passes ready on; at most `SINGLE` of them may follow each other, and none stands at an
        input or output of the whole.
        """
        after: dict[int, tuple[int, ...]] = dict.fromkeys(range(len(self.edges)), ())
        for layer in self.layers:
            after.update(dict.fromkeys(layer.inputs, layer.outputs))
        ends = {*self.sources, *self.sinks}
        run: dict[int, int] = {}
        for number in TopologicalSorter(after).static_order():
            longest = 1 + max((run[i] for i in after[number]), default=0)
            run[number] = 0 if number in ends or longest > SINGLE else longest
        return [run[i] > 0 for i in range(len(self.edges))]

    @property
    def depths(self) -> list[int]:
        """The depths in the graph."""
        return [edge.depth for edge in self.edges]

    def bits(self, depths: Sequence[int]) -> int:
        """Return the bits that FIFOs of `depths` hold."""
        return sum(d * e.bits for d, e in zip(depths, self.edges, strict=True))

    def play(
        self,
        depths: Sequence[int] | None = None,
        *,
        frames: int = 4,
        period: int = 0,
        limit: int | None = None,
    ) -> Play:
        """Play `frames` frames with FIFOs of `depths`, the graph's unless given (see `Tokens.run`)."""
        chosen = self.depths if depths is None else depths
        return self._tokens.run(chosen, frames, period=period, limit=limit)


def network_of(model: ModelWrapper) -> Network:
    """Return the hardware graph `model` as schedules; raises `ValueError` where a stream has no FIFO."""
    edges: list[Edge] = []
    numbers: dict[str, int] = {}
    """Tensor -> its edge; a FIFO's two tensors have the same one."""

    def end(node: Any, otherwise: str) -> str:
        return otherwise if node is None else str(node.name)

    for node in model.graph.node:
        if not is_fifo(node.op_type):
            continue
        layer = getCustomOp(node)
        before, after = node.input[0], node.output[0]
        numbers[before] = numbers[after] = len(edges)
        edges.append(
            Edge(
                fifo=node.name,
                producer=end(model.find_producer(before), INPUT),
                consumer=end(model.find_consumer(after), OUTPUT),
                tensor=before,
                bits=int(layer.get_instream_width()),
                words=math.prod(int(size) for size in layer.get_folded_input_shape()[:-1]),
                depth=int(layer.get_nodeattr("depth")),
            )
        )
    layers: list[Placement] = []
    with finn_session():
        for node in model.graph.node:
            if is_fifo(node.op_type):
                continue
            layer = getCustomOp(node)
            inputs = streams_in(model, node)
            bare = [tensor for tensor in (*inputs, *node.output) if tensor not in numbers]
            if bare:
                raise ValueError(f"{node.name}: every stream must have a FIFO, {', '.join(bare)} has none")
            schedule = implementation_of(layer).schedule
            assert schedule is not None, f"{node.op_type} has no schedule"
            layers.append(
                Placement(
                    node.name,
                    node.op_type,
                    schedule(layer),
                    tuple(numbers[tensor] for tensor in inputs),
                    tuple(numbers[tensor] for tensor in node.output),
                )
            )
    return Network(edges, layers)


def with_depths(model: ModelWrapper, depths: Mapping[str, int]) -> ModelWrapper:
    """Return `model` with the depth of each FIFO in `depths` (FIFO -> words) set."""
    for node in model.graph.node:
        if is_fifo(node.op_type) and node.name in depths:
            set_depth(node, int(depths[node.name]))
    return model
