"""The picture of the dataflow: where its boxes stand, and what is written in them."""

from collections import defaultdict
from collections.abc import Mapping

from fpga_flow.core.format import amount
from fpga_flow.report.arrows import draw_arrows
from fpga_flow.report.dataflow import Arc, Column, Row, columns
from fpga_flow.report.hardware import Hardware, Layer
from fpga_flow.report.plots import short
from fpga_flow.report.shapes import (
    CHARACTER,
    GAP,
    GAP_OF_TWO,
    LINE,
    MARGIN,
    NARROW,
    PASSING,
    SPACE,
    WIDE,
    WIDTH,
    Box,
    Drawing,
    Place,
    Words,
)

SHORTEST = 8
"""Characters of a name that are shown in any case."""


def drawings(hardware: Hardware) -> list[Drawing]:
    """Return the columns of the picture of `hardware`; none where its streams are not known."""
    layers = {layer.name: layer for layer in hardware.layers}
    return [_drawing(column, layers, hardware.bottleneck) for column in columns(hardware)]


def _drawing(column: Column, layers: Mapping[str, Layer], bottleneck: str) -> Drawing:
    drawing = Drawing(max(WIDTH, *map(_least_width, column.rows)))
    boxes: dict[str, Place] = {}
    passing: dict[Arc, list[Place]] = defaultdict(list)
    top = MARGIN + (GAP_OF_TWO if column.before else 0)
    for number, row in enumerate(column.rows):
        for item, place in zip(row, _places(row, top, drawing.width), strict=True):
            if item.arc is None:
                boxes[item.name] = place
            else:
                passing[item.arc].append(place)
        drawing.height = place.bottom + MARGIN
        top = place.bottom + (GAP_OF_TWO if _several(column, number) else GAP)
    most = max(layer.cycles for layer in layers.values())
    for name, place in boxes.items():
        layer = layers.get(name)
        box = _box(layer, place, most, name == bottleneck) if layer else _end(name, place)
        drawing.boxes.append(box)
    draw_arrows(drawing, column, boxes, passing)
    return drawing


def _least_width(row: Row) -> float:
    return sum(PASSING if item.arc else NARROW for item in row) + (len(row) - 1) * SPACE + 2 * MARGIN


def _several(column: Column, number: int) -> bool:
    """Return whether more than one arc goes from row `number` to the next."""
    below = column.rows[number + 1] if number + 1 < len(column.rows) else []
    names = {item.name for item in below if item.arc is None}
    return sum(arc.target in names for arc in column.arcs) + sum(item.arc is not None for item in below) > 1


def _places(row: Row, top: float, whole: float) -> list[Place]:
    """Return where what is in `row` stands, from `top` on, in a picture that is `whole` wide."""
    passing = sum(item.arc is not None for item in row)
    boxes = len(row) - passing
    free = whole - 2 * MARGIN - passing * PASSING - (len(row) - 1) * SPACE
    width = min(WIDTH - 2 * MARGIN, free / max(boxes, 1))
    height = (2 if width >= WIDE else 4) * LINE + 10
    left = MARGIN + (free - boxes * width) / 2
    found = []
    for item in row:
        found.append(Place(left, top, PASSING if item.arc else width, height))
        left += found[-1].width + SPACE
    return found


def _end(name: str, place: Place) -> Box:
    """Return the box of the input or the output."""
    return Box(
        place, name, [Words(place.middle, place.top + place.height / 2 + 4, name, anchor="middle")], 0, False
    )


def _box(layer: Layer, place: Place, most: int, slow: bool) -> Box:
    """Return the box of `layer`; the slowest layer has `most` cycles, and `slow` says whether it is this."""
    cycles = f"{'bottleneck: ' if slow else ''}{layer.cycles:,} cycles"
    folding = [f"{word} {n:,}" for word, n in (("PE", layer.pe), ("SIMD", layer.simd)) if n is not None]
    built = ", ".join(filter(None, (layer.kind, layer.implementation)))
    room = int((place.width - 2 * SPACE) / CHARACTER)
    style = "bad" if slow else ""
    left, right = place.left + SPACE, place.left + place.width - SPACE
    first = place.top + LINE
    if place.width >= WIDE:
        words = [
            Words(left, first, short(layer.name, max(room - len(cycles), SHORTEST)), "name"),
            Words(right, first, cycles, style, "end"),
            Words(left, first + LINE, short(built, room // 2)),
            Words(right, first + LINE, ", ".join(folding), anchor="end"),
        ]
    else:
        lines = ((layer.name, "name"), (built, "soft"), (", ".join(folding), "soft"), (cycles, style))
        words = [
            Words(left, first + number * LINE, short(text, room), kind)
            for number, (text, kind) in enumerate(lines)
        ]
    weights = f", {amount(layer.nonzero)} of {amount(layer.weights)} weights left" if layer.weights else ""
    title = f"{layer.name}: {', '.join((built, *folding, cycles))}{weights}"
    bar = (place.width - 2 * SPACE) * layer.cycles / max(most, 1)
    return Box(place, title, words, bar, slow)
