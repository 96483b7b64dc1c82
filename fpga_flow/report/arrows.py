"""The arrows of the dataflow's picture: from box to box, past the rows between, with bits and FIFOs."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from fpga_flow.report.dataflow import Arc, Column
from fpga_flow.report.plots import short
from fpga_flow.report.shapes import GAP, GAP_OF_TWO, LINE, MARGIN, Arrow, Drawing, Place, Words

NAME = 40
"""Characters of the name of a layer in another column."""
Point = tuple[float, float]


def draw_arrows(
    drawing: Drawing, column: Column, boxes: Mapping[str, Place], passing: Mapping[Arc, Sequence[Place]]
) -> None:
    """Enter the arrows of `column` into `drawing`: between `boxes`, and where they are `passing` rows."""
    ways = {arc: [boxes[arc.source], *passing.get(arc, ()), boxes[arc.target]] for arc in column.arcs}
    starts = _ends({arc: (arc.source, way[0], way[1].middle) for arc, way in ways.items()})
    tips = _ends({arc: (arc.target, way[-1], way[-2].middle) for arc, way in ways.items()})
    for arc, (first, *between, last) in ways.items():
        points = [(starts[arc], first.bottom)]
        for place in between:
            points += [(place.middle, place.top), (place.middle, place.bottom)]
        drawing.arrows.append(_arrow(arc, [*points, (tips[arc], last.top)], drawing.width))
    middle = drawing.width / 2
    if came := column.before:
        arrow = _arrow(came, [(middle, LINE), (middle, MARGIN + GAP_OF_TWO)], drawing.width)
        arrow.words.append(Words(middle, LINE - 3, short(f"from {came.source}", NAME), anchor="middle"))
        drawing.arrows.append(arrow)
    if goes := column.after:
        top = drawing.height - MARGIN
        drawing.height = top + GAP + LINE
        told = [Words(middle, top + GAP + LINE - 5, short(f"to {goes.target}", NAME), anchor="middle")]
        drawing.arrows.append(
            Arrow(_path([(middle, top), (middle, top + GAP - 4)]), middle, top + GAP - 4, told, "")
        )


def _ends(arcs: Mapping[Arc, tuple[str, Place, float]]) -> dict[Arc, float]:
    """Return where at its box each arc ends: given are the box, its place, and where the arc's way goes."""
    of_box: dict[str, list[Arc]] = defaultdict(list)
    for arc, (name, _, _) in arcs.items():
        of_box[name].append(arc)
    found = {}
    for same in of_box.values():
        for number, arc in enumerate(sorted(same, key=lambda one: arcs[one][2])):
            place = arcs[arc][1]
            found[arc] = place.left + place.width * (number + 1) / (len(same) + 1)
    return found


def _arrow(arc: Arc, points: Sequence[Point], whole: float) -> Arrow:
    """Return the arrow through `points` in a picture that is `whole` wide; words stand at its beginning."""
    through = f", through {', '.join(arc.inside)}" if arc.inside else ""
    title = f"{arc.source} to {arc.target}: {arc.width}, {arc.fifos}{through}"
    return Arrow(_path(points), *points[-1], list(_words(arc, points[0], points[1], whole)), title)


def _path(points: Sequence[Point]) -> str:
    """Return an SVG path from row to row by curves, and straight where it passes one."""
    (x, y), *rest = points
    path = f"M{x:.1f} {y:.1f}"
    for number, (to_x, to_y) in enumerate(rest):
        bend = f"{(y + to_y) / 2:.1f}"
        curve = "" if number % 2 or to_x == x else f"C{x:.1f} {bend} {to_x:.1f} {bend} "
        path += f"{curve or 'L'}{to_x:.1f} {to_y:.1f}"
        x, y = to_x, to_y
    return path


def _words(arc: Arc, start: Point, end: Point, whole: float) -> Iterator[Words]:
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    aside, anchor = (-7, "end") if x > 0.6 * whole else (7, "start")
    more = f"{arc.fifos}, {len(arc.inside)} more layers" if arc.inside else arc.fifos
    if end[1] - start[1] > GAP + 1:  # room for two lines
        yield Words(x + aside, y - 2, arc.width, "soft over", anchor)
        yield Words(x + aside, y + 9, more, "soft over", anchor)
    else:
        yield Words(x + aside, y + 3, f"{arc.width}, {more}", "soft over", anchor)
