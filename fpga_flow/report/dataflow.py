"""The layers as a graph: which feeds which, in rows from the input to the output, cut into columns."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from fpga_flow.report.hardware import Hardware, Layer, Stream

PLUMBING = {"fifo", "width"}
"""Kinds of layers that only pass on."""
MANY = 60
"""Layers from which on those without weights are left out where they stand in a chain."""
COLUMNS = 3
"""That stand side by side where there is room."""
LEAST_ROWS, LEAST_LEFT = 7, 3
"""Of a column, where there is more than one, and of the last."""
INPUT, OUTPUT = "input", "output"


@dataclass(frozen=True, eq=False)  # two may be alike, as where a layer adds a stream to itself
class Arc:
    """What one layer sends to another."""

    source: str
    target: str
    bits: tuple[int, ...]
    """Of a word, from the source on; more than one where the width changes on the way."""
    depths: tuple[int, ...]
    """Of the FIFOs on the way, in words."""
    inside: tuple[str, ...] = ()
    """Names of layers on the way that are not drawn and do more than pass on."""

    @property
    def width(self) -> str:
        """The widths in words."""
        kept = [bits for before, bits in pairwise((0, *self.bits)) if bits != before]
        return "\N{RIGHTWARDS ARROW}".join(f"{bits:,}" for bits in kept) + " bit"

    @property
    def fifos(self) -> str:
        """The FIFOs in words."""
        return "FIFO " + "+".join(f"{depth:,}" for depth in self.depths)


@dataclass(frozen=True)
class Item:
    """Something in a row: a layer, or an arc that passes by."""

    name: str
    """Of the layer, `input` or `output`; of an arc its target's."""
    arc: Arc | None = None
    """Where it is no layer."""


Row = list[Item]


@dataclass(frozen=True)
class Column:
    """Rows that follow one another, with the one arc that comes from the column before, and that goes on."""

    rows: list[Row]
    arcs: list[Arc]
    """Within the column."""
    before: Arc | None
    after: Arc | None


def columns(hardware: Hardware) -> list[Column]:
    """Return the picture of `hardware` as columns of rows; none where its streams are not known.

    FIFOs and width converters are part of the arcs; of more than `MANY` layers also those without weights.
    """
    names = [INPUT, *(layer.name for layer in hardware.layers), OUTPUT]
    places = {name: place for place, name in enumerate(names)}
    arcs = [
        _arc(stream)
        for stream in hardware.streams
        if places.get(stream.producer, len(names)) < places.get(stream.consumer, -1)
    ]
    if not arcs:
        return []
    arcs = _without(arcs, [layer.name for layer in hardware.layers if layer.kind in PLUMBING], hide=False)
    if len({end for arc in arcs for end in (arc.source, arc.target)}) > MANY:
        small = [layer.name for layer in hardware.layers if not _stays(layer, hardware.bottleneck)]
        arcs = _without(arcs, small, hide=True)
    arcs.sort(key=lambda arc: (places[arc.source], places[arc.target]))
    return _cut(_rows(arcs, places.__getitem__), arcs)


def _arc(stream: Stream) -> Arc:
    return Arc(stream.producer, stream.consumer, (stream.bits,), (stream.depth,))


def _stays(layer: Layer, bottleneck: str) -> bool:
    return layer.weights is not None or layer.name == bottleneck


def _without(arcs: Sequence[Arc], names: Sequence[str], hide: bool) -> list[Arc]:
    """Return `arcs` without those layers of `names` that one arc enters and one leaves: both become one.

    With `hide`, the new arc says which layers it goes through.
    """
    entering, leaving = _by_end(arcs)
    for name in names:
        if len(entering[name]) != 1 or len(leaving[name]) != 1:
            continue
        (first,), (second,) = entering.pop(name), leaving.pop(name)
        inside = (*first.inside, *((name,) if hide else ()), *second.inside)
        joined = Arc(
            first.source, second.target, first.bits + second.bits, first.depths + second.depths, inside
        )
        leaving[first.source] = [joined if arc is first else arc for arc in leaving[first.source]]
        entering[second.target] = [joined if arc is second else arc for arc in entering[second.target]]
    return [arc for arcs in leaving.values() for arc in arcs]


def _by_end(arcs: Sequence[Arc]) -> tuple[dict[str, list[Arc]], dict[str, list[Arc]]]:
    """Return the arcs that enter each layer, and those that leave it."""
    entering, leaving = defaultdict[str, list[Arc]](list), defaultdict[str, list[Arc]](list)
    for arc in arcs:
        entering[arc.target].append(arc)
        leaving[arc.source].append(arc)
    return entering, leaving


def _rows(arcs: Sequence[Arc], place: Callable[[str], int]) -> list[Row]:
    """Return the layers in rows, each as far down as its longest way from the input; arcs only go down.

    In a row, what stands or passes is ordered by where its arcs come from.
    """
    entering, _ = _by_end(arcs)
    level: dict[str, int] = {}
    for name in sorted({end for arc in arcs for end in (arc.source, arc.target)}, key=place):
        level[name] = max((level[arc.source] + 1 for arc in entering[name]), default=0)
    rows: list[Row] = [[] for _ in range(max(level.values()) + 1)]
    for name, number in level.items():
        rows[number].append(Item(name))
    for arc in arcs:
        for number in range(level[arc.source] + 1, level[arc.target]):
            rows[number].append(Item(arc.target, arc))
    ordered: list[Row] = []
    for row in rows:
        above = {_key(item): index for index, item in enumerate(ordered[-1])} if ordered else {}
        ordered.append(sorted(row, key=lambda item: _mean(item, entering, above)))
    return ordered


def _key(item: Item) -> str | Arc:
    return item.arc or item.name


def _mean(item: Item, entering: dict[str, list[Arc]], above: dict[str | Arc, int]) -> float:
    """Return the mean place, in the row `above`, of what `item` comes from; an arc goes to the right."""
    arcs = [item.arc] if item.arc else entering[item.name]
    found = [above[key] for arc in arcs for key in (arc, arc.source) if key in above]
    return sum(found) / len(found) + (0.5 if item.arc else 0) if found else 0.0


def _cut(rows: list[Row], arcs: Sequence[Arc]) -> list[Column]:
    """Return `rows` in columns of about the same height, cut where just one arc goes on to the next row."""
    level = {item.name: index for index, row in enumerate(rows) for item in row if item.arc is None}
    wanted = max(LEAST_ROWS, ceil(len(rows) / COLUMNS))
    found: list[Column] = []
    start, before = 0, None
    for end in range(1, len(rows) + 1):
        crossing = [arc for arc in arcs if level[arc.source] < end <= level[arc.target]]
        left = len(rows) - end
        if left and (len(crossing) > 1 or end - start < wanted or left < LEAST_LEFT):
            continue
        within = [arc for arc in arcs if start <= level[arc.source] and level[arc.target] < end]
        after = crossing[0] if crossing else None
        found.append(Column(rows[start:end], within, before, after))
        start, before = end, after
    return found
