"""Places the names of points in a plot so that they cover neither one another nor a point."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

DIRECTIONS = 16
DISTANCES = range(6, 150, 6)
"""From a point to its name, in pt; the nearest free place is taken."""
JOINED = 12
"""Names further off than this are joined to their points."""
CLEARLY = 1.5
"""So much further from a name that is not joined must every other point be."""
MARK = 4.0
"""Half the width of a point's mark, in pt."""


def place(
    figure: Figure,
    axes: Axes,
    points: Sequence[tuple[float, float, str]],
    line: Sequence[tuple[float, float]] = (),
    size: float = 7.0,
) -> list[str]:
    """Write the name of each (x, y, name) beside it; returns the names that found no place.

    `line` is one of horizontal and vertical parts, by its corners, that no name is written across. Limits,
    scales and everything else in the figure must be final.
    """
    figure.draw_without_rendering()  # only now the layout is known
    scale = figure.dpi / 72
    pixels = [tuple(axes.transData.transform((x, y))) for x, y, _ in points]
    taken = [_square(x, y, MARK * scale) for x, y in pixels]
    corners = [tuple(axes.transData.transform(corner)) for corner in line]
    taken += [_around(start, end, scale) for start, end in pairwise(corners)]
    frame = axes.get_window_extent()
    lost = []
    for index, ((x, y, name), (px, py)) in enumerate(zip(points, pixels, strict=True)):
        width, height = _extent(figure, name, size)
        for dx, dy in _offsets():
            # The nearest corner or edge of the text is what stands at the offset.
            box = _box(px + dx * scale, py + dy * scale, width, height, dx, dy)
            free = _inside(frame, box) and not any(box.overlaps(other) for other in taken)
            if free and (_joined(dx, dy) or _nearest(pixels, box) == index):
                taken.append(box)
                _write(axes, (x, y), (dx, dy), name, size)
                break
        else:
            lost.append(name)
    return lost


def _offsets() -> Iterator[tuple[float, float]]:
    for distance in DISTANCES:
        for step in range(DIRECTIONS):
            angle = 2 * math.pi * step / DIRECTIONS
            yield round(distance * math.cos(angle), 6), round(distance * math.sin(angle), 6)


def _joined(dx: float, dy: float) -> bool:
    return math.hypot(dx, dy) > JOINED


def _nearest(points: Sequence[tuple[float, ...]], box: Bbox) -> int | None:
    """Return the number of the point that `box` clearly belongs to, None where two are about as near."""
    away = [math.hypot(max(box.x0 - x, x - box.x1, 0.0), max(box.y0 - y, y - box.y1, 0.0)) for x, y in points]
    first, *others = sorted(range(len(away)), key=away.__getitem__)
    return first if not others or away[others[0]] > CLEARLY * away[first] else None


def _around(start: tuple[float, ...], end: tuple[float, ...], half: float) -> Bbox:
    (x0, x1), (y0, y1) = (sorted(values) for values in zip(start, end, strict=True))
    return Bbox.from_extents(x0 - half, y0 - half, x1 + half, y1 + half)


def _square(x: float, y: float, half: float) -> Bbox:
    return Bbox.from_extents(x - half, y - half, x + half, y + half)


def _extent(figure: Figure, name: str, size: float) -> tuple[float, float]:
    probe = Text(0, 0, name, fontsize=size, figure=figure)
    box = probe.get_window_extent()
    return box.width, box.height


def _box(x: float, y: float, width: float, height: float, dx: float, dy: float) -> Bbox:
    left = {"left": x, "center": x - width / 2, "right": x - width}[_horizontal(dx)]
    bottom = {"bottom": y, "center": y - height / 2, "top": y - height}[_vertical(dy)]
    return Bbox.from_bounds(left, bottom, width, height)


def _horizontal(dx: float) -> str:
    return "center" if abs(dx) < 1 else "left" if dx > 0 else "right"


def _vertical(dy: float) -> str:
    return "center" if abs(dy) < 1 else "bottom" if dy > 0 else "top"


def _inside(frame: Bbox, box: Bbox) -> bool:
    return frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1


def _write(
    axes: Axes, point: tuple[float, float], offset: tuple[float, float], name: str, size: float
) -> None:
    axes.annotate(
        name,
        point,
        xytext=offset,
        textcoords="offset points",
        fontsize=size,
        ha=_horizontal(offset[0]),
        va=_vertical(offset[1]),
        arrowprops={"arrowstyle": "-", "color": "#8a94a3", "linewidth": 0.6, "shrinkB": 3}
        if _joined(*offset)
        else None,
    )
