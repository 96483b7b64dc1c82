"""The folding of a graph as choices with costs: a folding for each layer, and what is between neighbours."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.hardware.fold.latency import longest
from fpga_flow.hardware.fold.options import Choice, Figures, Known, LayerFigures, build_as, no_layer_known
from fpga_flow.hardware.fold.solver import Table, minimise
from fpga_flow.layers.base import Weighing
from fpga_flow.target.board import Board
from fpga_flow.target.family import Family
from fpga_flow.target.memory import converter, fifo, fifo_before
from fpga_flow.target.resources import Resources

ILLEGAL = 1e15
"""Cost of choices that do not go together."""


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

    choices: Mapping[str, Choice]
    """Layer -> its implementation and folding."""
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

    def __init__(
        self,
        model: ModelWrapper,
        board: Board,
        known: Known = no_layer_known,
        step: Callable[[], object] = lambda: None,
        weights: Weighing | None = None,
    ) -> None:
        """`known` gives the synthesised resources of a layer by its key, None where it has none.

        `weights`: the only way in which layers that can have their weights so shall have them.

        `step` is called after each layer: with hundreds of them this takes seconds.
        """
        shared: dict[str, dict[Choice, Figures]] = {}
        nodes = list(model.graph.node)
        self.layers: list[LayerFigures] = []
        for node in nodes:
            layer = LayerFigures(model, node, board.family, known, shared, weights)
            for choice in layer.choices:
                _ = layer[choice]  # found now, kept for the tables below
            self.layers.append(layer)
            step()
        self.family, self.prices = board.family, board.prices
        self.edges, ends = _edges(model, self.layers)
        self.coupled = [
            (edge.producer, edge.consumer)
            for edge in self.edges
            if self.layers[edge.consumer].kind.reads_windows and self.layers[edge.producer].kind.makes_windows
        ]
        # Tables of all choices, so that a solution for other targets and prices only looks them up.
        self._index = [{f: i for i, f in enumerate(layer.choices)} for layer in self.layers]
        self._cycles = [np.array([layer[f].cycles for f in layer.choices]) for layer in self.layers]
        self._amounts = [
            np.array([layer[f].resources.row for f in layer.choices], np.float64) for layer in self.layers
        ]
        for number, is_input, stream in ends:
            self._amounts[number] = self._amounts[number] + self._end(number, is_input, stream)
        self._times = [[layer.timing(choice) for choice in layer.choices] for layer in self.layers]
        self._delays = [np.array([time.delay for time in times], np.float64) for times in self._times]
        self._widths = [_widths(self.layers[e.producer], self.layers[e.consumer], e) for e in self.edges]
        self._fifos = [
            _fifos(self.family, self.layers[edge.consumer], *widths)
            for edge, widths in zip(self.edges, self._widths, strict=True)
        ]
        self._converters = [converter(*widths) for widths in self._widths]

    def _end(self, number: int, is_input: bool, stream: int) -> NDArray[np.float64]:
        """Return (foldings, 4) the FIFO of a stream from or to the outside of layer `number`."""
        layer = self.layers[number]
        lanes = [(layer[f].lanes_in if is_input else layer[f].lanes_out)[stream] for f in layer.choices]
        bits = layer.bits_in(stream) if is_input else layer.bits_out(stream)
        return fifo(self.family, np.array(lanes) * bits)

    def fastest(self) -> tuple[int, int]:
        """Return the least cycles per frame of any folding, and the number of the layer that sets them."""
        least = [int(cycles.min()) for cycles in self._cycles]
        for window, unit in self.coupled:
            legal = self._together(window, unit)
            both = np.maximum(self._cycles[window][:, None], self._cycles[unit][None, :])
            least[window] = least[unit] = int(both[legal].min())
        return max(least), int(np.argmax(least))

    def slowest(self) -> int:
        """Return the cycles per frame with everything one after the other."""
        return max(int(cycles.max()) for cycles in self._cycles)

    def _together(self, window: int, unit: int) -> NDArray[np.bool_]:
        """Return (choices of `window`, choices of `unit`) which of them go together."""
        units = self.layers[unit].choices
        return np.array([[go_together(f, g) for g in units] for f in self.layers[window].choices])

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
        chosen = np.array((at or self.prices).row, np.float64)
        options = [np.flatnonzero(found <= bound) for found in self._cycles]
        single = [
            amounts[option] @ chosen + delay_price * delays[option]
            for amounts, delays, option in zip(self._amounts, self._delays, options, strict=True)
        ]
        pairs: dict[tuple[int, int], Table] = {}
        for edge, fifos, converters in zip(self.edges, self._fifos, self._converters, strict=True):
            both = np.ix_(options[edge.producer], options[edge.consumer])
            costs = (fifos[both] + converter_weight * converters[both]) @ chosen
            add_pair(pairs, edge.producer, edge.consumer, costs)
        for window, unit in self.coupled:
            legal = self._together(window, unit)[np.ix_(options[window], options[unit])]
            add_pair(pairs, window, unit, np.where(legal, 0.0, ILLEGAL))
        found = minimise(single, pairs)
        if found.cost >= ILLEGAL:
            raise ValueError("no legal folding was found")
        return self._solution(
            [int(option[i]) for option, i in zip(options, found.indices, strict=True)], found.exact
        )

    def costs_at(self, cycles: int) -> dict[str, dict[str, float]]:
        """Return, of each layer with several implementations, the least cost of each that `cycles` allow.

        Costs are the layer's own, in LUTs, at the board's prices.
        """
        found: dict[str, dict[str, float]] = {}
        prices = np.array(self.prices.row)
        for layer, amounts, paces in zip(self.layers, self._amounts, self._cycles, strict=True):
            least: dict[str, float] = {}
            for choice, amount, pace in zip(layer.choices, amounts, paces, strict=True):
                if pace <= cycles:
                    cost = round(float(amount @ prices), 1)
                    least[choice.implementation] = min(cost, least.get(choice.implementation, cost))
            if len({choice.implementation for choice in layer.choices}) > 1:
                found[layer.name] = least
        return found

    def assess(self, choices: Mapping[str, Choice]) -> Solution:
        """Return what `choices`, which must be legal, mean at the board's prices."""
        indices = [index[choices[layer.name]] for layer, index in zip(self.layers, self._index, strict=True)]
        return self._solution(indices, False)

    def _solution(self, indices: Sequence[int], exact: bool) -> Solution:
        figures = [layer[layer.choices[i]] for layer, i in zip(self.layers, indices, strict=True)]
        amounts = sum((found[i] for found, i in zip(self._amounts, indices, strict=True)), np.zeros(4))
        converters, changed, uneven = np.zeros(4), 0, 0
        for number, edge in enumerate(self.edges):
            here = (indices[edge.producer], indices[edge.consumer])
            amounts = amounts + self._fifos[number][here]
            converters = converters + self._converters[number][here]
            a, b = (int(widths[here]) for widths in self._widths[number])
            changed += a != b
            uneven += max(a, b) % min(a, b) != 0
        resources = Resources(*(float(amount) for amount in amounts + converters))
        slowest = max(range(len(figures)), key=lambda i: figures[i].cycles)
        times = [found[i] for found, i in zip(self._times, indices, strict=True)]
        return Solution(
            choices={layer.name: layer.choices[i] for layer, i in zip(self.layers, indices, strict=True)},
            cycles=figures[slowest].cycles,
            bottleneck=self.layers[slowest].name,
            latency=longest(times, [(edge.producer, edge.consumer) for edge in self.edges]),
            resources=resources,
            converters=Resources(*(float(amount) for amount in converters)),
            widths_changed=changed,
            uneven=uneven,
            cost=float(np.dot(resources.row, self.prices.row)),
            synthesised=tuple(one.name for one, f in zip(self.layers, figures, strict=True) if f.synthesised),
            exact=exact,
        )


def _edges(
    model: ModelWrapper, layers: Sequence[LayerFigures]
) -> tuple[list[Edge], list[tuple[int, bool, int]]]:
    """Return the streams between layers, and those with the outside: layer, whether an input, stream."""
    nodes = list(model.graph.node)
    sources = {name: (i, out) for i, node in enumerate(nodes) for out, name in enumerate(node.output)}
    edges: list[Edge] = []
    ends: list[tuple[int, bool, int]] = []
    for i, (node, layer) in enumerate(zip(nodes, layers, strict=True)):
        for stream, index in enumerate(layer.streams_in):
            source = sources.get(node.input[index])
            if source is None:
                ends.append((i, True, stream))
            else:
                edges.append(Edge(*source, i, stream, layers[source[0]].bits_out(source[1])))
    taken = {(edge.producer, edge.stream_out) for edge in edges}
    ends += [(i, False, out) for i, out in sources.values() if (i, out) not in taken]
    return edges, ends


def _widths(
    producer: LayerFigures, consumer: LayerFigures, edge: Edge
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the bits per word on both sides of `edge`, each (foldings before, foldings after)."""
    given = np.array([producer[f].lanes_out[edge.stream_out] for f in producer.choices]) * edge.bits
    taken = np.array([consumer[f].lanes_in[edge.stream_in] for f in consumer.choices]) * edge.bits
    shape = (len(given), len(taken))
    return np.broadcast_to(given[:, None], shape), np.broadcast_to(taken[None, :], shape)


def _fifos(
    family: Family, consumer: LayerFigures, wide_in: NDArray[np.int64], wide_out: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return (before, after, 4) what the FIFOs between two layers take; around a converter there are two."""
    depths = np.array([consumer.words_before(choice) for choice in consumer.choices])
    last = fifo_before(family, wide_out, np.broadcast_to(depths[None, :], wide_out.shape))
    first = np.where((wide_in == wide_out)[..., None], 0.0, fifo_before(family, wide_in))
    both: NDArray[np.float64] = first + last
    return both


def go_together(window: Choice, unit: Choice) -> bool:
    """Return whether windows channel by channel can be read by a pool or depthwise unit.

    The order of the window's words depends on its lanes, so both must have the same; a unit that takes
    several positions of a window at once needs whole windows.
    """
    a, b = dict(window.folding), dict(unit.folding)
    return a["SIMD"] == b["PE"] and bool(a["parallel_window"]) == (b.get("SIMD", 1) > 1)


def add_pair(pairs: dict[tuple[int, int], Table], v: int, w: int, costs: Table) -> None:
    """Add `costs` (choices of v, choices of w) to those of the pair."""
    key, table = ((v, w), costs) if v < w else ((w, v), costs.T)
    pairs[key] = pairs[key] + table if key in pairs else table


def apply(model: ModelWrapper, choices: Mapping[str, Choice]) -> ModelWrapper:
    """Return `model` with every layer made what `choices` says."""
    for node in model.graph.node:
        build_as(model, node, choices[node.name])
    return model
