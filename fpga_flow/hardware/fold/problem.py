"""The folding of a graph as choices with costs: a folding for each layer, and what is between neighbours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.boards import Board
from fpga_flow.hardware.fold.latency import Timing, longest, timing
from fpga_flow.hardware.fold.options import Figures, Folding, Known, LayerFigures, no_layer_known
from fpga_flow.hardware.fold.resources import Resources, converter, fifo, prices
from fpga_flow.hardware.fold.solver import Table, minimise

ILLEGAL = 1e15
"""Cost of foldings that do not go together."""


@dataclass(frozen=True)
class Edge:
    """A stream from output `stream_out` of one layer to input `stream_in` of another, layers by number."""

    producer: int
    stream_out: int
    consumer: int
    stream_in: int
    bits: int
    """Of a value."""


@dataclass(frozen=True)
class Solution:
    """A folding of all layers, and what it means."""

    foldings: Mapping[str, Folding]
    """Layer -> its folding."""
    cycles: int
    """Per frame, of the slowest layer."""
    bottleneck: str
    latency: int
    """Predicted cycles from a frame's first word in to its last word out."""
    resources: Resources
    converters: Resources
    """The part of the resources that the width converters take."""
    widths_changed: int
    """Number of width converters."""
    uneven: int
    """Number of width converters whose widths are no multiples of each other."""
    cost: float
    """The resources in LUTs, at the board's prices."""
    synthesised: tuple[str, ...]
    """Layers whose resources are known from synthesis."""
    exact: bool
    """The least was found exactly, not by descent."""


class Problem:
    """All foldings of a graph of unfolded layers (as `lower` returns it) for a board."""

    def __init__(self, model: ModelWrapper, board: Board, known: Known = no_layer_known) -> None:
        """`known` gives the synthesised resources of a layer by its key, None where it has none."""
        shared: dict[str, dict[Folding, Figures]] = {}
        nodes = list(model.graph.node)
        self.layers = [LayerFigures(model, node, board.part, known, shared) for node in nodes]
        self.prices = prices(board)
        sources = {name: (i, out) for i, node in enumerate(nodes) for out, name in enumerate(node.output)}
        self.edges: list[Edge] = []
        self.ends: list[tuple[int, bool, int]] = []
        """Streams without a layer at the other end: layer, whether it is an input, which stream."""
        taken = set()
        for i, (node, layer) in enumerate(zip(nodes, self.layers, strict=True)):
            for stream, index in enumerate(layer.streams_in):
                source = sources.get(node.input[index])
                if source is None:
                    self.ends.append((i, True, stream))
                    continue
                taken.add(source)
                self.edges.append(Edge(*source, i, stream, self.layers[source[0]].bits_out(source[1])))
        self.ends += [(i, False, out) for i, out in sources.values() if (i, out) not in taken]
        self.coupled = [
            (edge.producer, edge.consumer)
            for edge in self.edges
            if self.layers[edge.consumer].kind in ("Pool", "VVAU")
            and self.layers[edge.producer].kind == "ConvolutionInputGenerator"
        ]

    def fastest(self) -> tuple[int, int]:
        """Return the least cycles per frame of any folding, and the number of the layer that sets them."""
        least = [min(layer[f].cycles for f in layer.foldings) for layer in self.layers]
        for window, unit in self.coupled:
            first, second = self.layers[window], self.layers[unit]
            least[window] = least[unit] = min(
                max(first[f].cycles, second[g].cycles)
                for f in first.foldings
                for g in second.foldings
                if go_together(f, g)
            )
        return max(least), int(np.argmax(least))

    def slowest(self) -> int:
        """Return the cycles per frame with everything one after the other."""
        return max(layer[f].cycles for layer in self.layers for f in layer.foldings)

    def solve(
        self,
        cycles: int,
        at: Resources | None = None,
        delay_price: float = 0.0,
        converter_weight: float = 1.0,
    ) -> Solution:
        """Return the cheapest folding of at most `cycles` per frame, or of the least there are.

        `at`: prices of the resources, the board's unless given; `delay_price`: of a cycle that a layer holds
        a frame back; `converter_weight`: what the costs of width converters are multiplied by, in choosing.
        """
        bound = max(cycles, self.fastest()[0])
        chosen = at or self.prices
        options = [[f for f in layer.foldings if layer[f].cycles <= bound] for layer in self.layers]
        single = [
            self._single(number, foldings, chosen, delay_price) for number, foldings in enumerate(options)
        ]
        pairs: dict[tuple[int, int], Table] = {}
        for edge in self.edges:
            ends = (options[edge.producer], options[edge.consumer])
            costs = self._between(edge, *ends, converter_weight) @ np.array(chosen)
            add_pair(pairs, edge.producer, edge.consumer, costs)
        for window, unit in self.coupled:
            legal = [[go_together(f, g) for g in options[unit]] for f in options[window]]
            add_pair(pairs, window, unit, np.where(legal, 0.0, ILLEGAL))
        found = minimise(single, pairs)
        if found.cost >= ILLEGAL:
            raise ValueError("no legal folding was found")
        foldings = {
            layer.name: choices[index]
            for layer, choices, index in zip(self.layers, options, found.indices, strict=True)
        }
        return self.assess(foldings, found.exact)

    def assess(self, foldings: Mapping[str, Folding], exact: bool = False) -> Solution:
        """Return what `foldings` mean, at the board's prices."""
        figures = [layer[foldings[layer.name]] for layer in self.layers]
        one = [[foldings[layer.name]] for layer in self.layers]
        total = sum((figure.resources for figure in figures), Resources())
        between = np.zeros(4)
        for number, option in enumerate(one):
            between += self._ends(number, option)[0]
        converters, changed, uneven = np.zeros(4), 0, 0
        for edge in self.edges:
            between += self._between(edge, one[edge.producer], one[edge.consumer])[0, 0]
            wide_in, wide_out = self._widths(edge, one[edge.producer], one[edge.consumer])
            converters += converter(wide_in, wide_out)[0, 0]
            a, b = int(wide_in[0, 0]), int(wide_out[0, 0])
            changed += a != b
            uneven += max(a, b) % min(a, b) != 0
        resources = total + Resources(*(float(amount) for amount in between))
        slowest = max(range(len(figures)), key=lambda i: figures[i].cycles)
        times = [self._timing(i, foldings[layer.name]) for i, layer in enumerate(self.layers)]
        return Solution(
            foldings=dict(foldings),
            cycles=figures[slowest].cycles,
            bottleneck=self.layers[slowest].name,
            latency=longest(times, [(edge.producer, edge.consumer) for edge in self.edges]),
            resources=resources,
            converters=Resources(*(float(amount) for amount in converters)),
            widths_changed=changed,
            uneven=uneven,
            cost=float(np.dot(resources, self.prices)),
            synthesised=tuple(one.name for one, f in zip(self.layers, figures, strict=True) if f.synthesised),
            exact=exact,
        )

    def _timing(self, number: int, folding: Folding) -> Timing:
        layer = self.layers[number]
        return timing(layer.kind, layer.attributes, dict(folding), layer[folding].cycles)

    def _single(self, number: int, foldings: Sequence[Folding], at: Resources, delay_price: float) -> Table:
        layer = self.layers[number]
        amounts = np.array([layer[f].resources for f in foldings], np.float64) + self._ends(number, foldings)
        costs: Table = amounts @ np.array(at)
        if delay_price:
            delays = [self._timing(number, folding).delay for folding in foldings]
            costs = costs + delay_price * np.array(delays, np.float64)
        return costs

    def _ends(self, number: int, foldings: Sequence[Folding]) -> NDArray[np.float64]:
        """Return (foldings, 4) the FIFOs of a layer's streams from and to the outside."""
        layer = self.layers[number]
        found = np.zeros((len(foldings), 4))
        for owner, is_input, stream in self.ends:
            if owner == number:
                lanes = [(layer[f].lanes_in if is_input else layer[f].lanes_out)[stream] for f in foldings]
                bits = layer.bits_in(stream) if is_input else layer.bits_out(stream)
                found += fifo(np.array(lanes) * bits)
        return found

    def _widths(
        self, edge: Edge, before: Sequence[Folding], after: Sequence[Folding]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (before, after) the bits per word on both sides of `edge`."""
        producer, consumer = self.layers[edge.producer], self.layers[edge.consumer]
        out = np.array([producer[f].lanes_out[edge.stream_out] for f in before]) * edge.bits
        taken = np.array([consumer[f].lanes_in[edge.stream_in] for f in after]) * edge.bits
        shape = (len(before), len(after))
        return np.broadcast_to(out[:, None], shape), np.broadcast_to(taken[None, :], shape)

    def _between(
        self, edge: Edge, before: Sequence[Folding], after: Sequence[Folding], weight: float = 1.0
    ) -> NDArray[np.float64]:
        """Return (before, after, 4) what FIFOs and width converter on `edge` take, that `weight` times."""
        wide_in, wide_out = self._widths(edge, before, after)
        consumer = self.layers[edge.consumer]
        depths = np.array([vector_words(consumer, f) for f in after])
        last = fifo(wide_out, np.broadcast_to(depths[None, :], wide_out.shape))
        first = np.where((wide_in == wide_out)[..., None], 0.0, fifo(wide_in))
        found: NDArray[np.float64] = first + weight * converter(wide_in, wide_out) + last
        return found


def vector_words(layer: LayerFigures, folding: Folding) -> int:
    """Return the depth of the FIFO before a layer: a matrix unit's next vector waits while it replays one."""
    values = dict(folding)
    if layer.kind != "MVAU" or values["PE"] == layer.attributes["MH"]:
        return 2
    return max(2, int(layer.attributes["MW"]) // values["SIMD"])


def go_together(window: Folding, unit: Folding) -> bool:
    """Return whether windows channel by channel can be read by a pool or depthwise unit.

    The order of the window's words depends on its lanes, so both must have the same; a unit that takes
    several positions of a window at once needs whole windows.
    """
    a, b = dict(window), dict(unit)
    return a["SIMD"] == b["PE"] and bool(a["parallel_window"]) == (b.get("SIMD", 1) > 1)


def add_pair(pairs: dict[tuple[int, int], Table], v: int, w: int, costs: Table) -> None:
    """Add `costs` (choices of v, choices of w) to those of the pair."""
    key, table = ((v, w), costs) if v < w else ((w, v), costs.T)
    pairs[key] = pairs[key] + table if key in pairs else table


def apply(model: ModelWrapper, foldings: Mapping[str, Folding]) -> ModelWrapper:
    """Return `model` with the folding of every layer set."""
    for node in model.graph.node:
        layer = getCustomOp(node)
        for name, value in foldings[node.name]:
            layer.set_nodeattr(name, value)
    return model
