"""The pictures of a sweep: accuracy against sparsity, score and LUTs, and the sparsity of every layer."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from fpga_flow.report.plots import STYLE
from fpga_flow.sweep.labels import place
from fpga_flow.sweep.pareto import frontier
from fpga_flow.sweep.rows import Row

COLOURS = ("#718096", "#2b6cb0", "#dd8a2b", "#2f855a", "#c53030", "#6b46c1", "#b7791f", "#0987a0", "#97266d")
MARKS = "osD^vP<>X"
FIRST = ("none", "imp", "fmp")
"""Methods that are drawn first, and alike in all plots that have them."""
FRONTIER = "#1a202c"
FORMATS = ("png", "svg")
RESOLUTION = 150
"""Dots per inch of a PNG."""
SPREAD = 8.0
"""Largest over least cost from which on the axis is logarithmic."""


class Axis(NamedTuple):
    """A cost that accuracy is drawn against."""

    file: str
    label: str
    value: Callable[[Row], float | None]
    sign: int
    """1: less is better; -1: more is."""


AXES = (
    Axis(
        "accuracy-sparsity", "weights that are zero in %", lambda row: _per_cent(row.figure("sparsity")), -1
    ),
    Axis("accuracy-score", "ITU score, lower is better", lambda row: row.figure("itu_score"), 1),
    Axis("accuracy-lut", "LUTs (synthesis)", lambda row: row.figure("lut"), 1),
)
LAYERS = "sparsity-layers"
COLUMNS = 26
"""Layers side by side in a picture, at most; others follow below."""


def draw(folder: Path, rows: Sequence[Row]) -> list[str]:
    """Draw what `rows` know into `folder`, as PNG and SVG; returns the files' names.

    A picture from before that now has nothing to show is deleted.
    """
    made = []
    with rc_context(STYLE):
        for axis in AXES:
            figure = against(rows, axis)
            made += _save(folder, axis.file, figure)
        made += _save(folder, LAYERS, layers(rows))
    return made


def _save(folder: Path, name: str, figure: Figure | None) -> list[str]:
    files = [f"{name}.{suffix}" for suffix in FORMATS]
    if figure is None:
        for file in files:
            (folder / file).unlink(missing_ok=True)
        return []
    for file in files:
        metadata = {"Date": None} if file.endswith("svg") else {"Software": None}
        figure.savefig(folder / file, dpi=RESOLUTION, metadata=metadata)
    return files


def against(rows: Sequence[Row], axis: Axis) -> Figure | None:
    """Draw accuracy against `axis`, one panel for each set of data: only there accuracies compare."""
    known = [row for row in rows if row.figure("accuracy") is not None and axis.value(row) is not None]
    if not known:
        return None
    points = [row.point for row in known]
    names = dict(zip(points, short(points), strict=True))
    groups: dict[tuple[str, int | None], list[Row]] = {}
    for row in known:
        groups.setdefault((row.data, row.figure("samples")), []).append(row)
    figure = Figure(figsize=(7.2, 4.6 * len(groups)), layout="constrained")
    panels = figure.subplots(len(groups), squeeze=False)[:, 0]
    methods = _methods(rows)
    lines = []
    for ((data, samples), group), axes in zip(groups.items(), panels, strict=True):
        lines.append(_points(axes, group, axis, methods))
        axes.set_title(f"{data}: {samples:,} test frames" if samples else data, fontsize=9, loc="left")
    for group, axes, line in zip(groups.values(), panels, lines, strict=True):  # when all else is final
        places = [(*_place(row, axis), names[row.point]) for row in _best_first(group, axis)]
        place(figure, axes, places, line)
    return figure


def _methods(rows: Sequence[Row]) -> list[str]:
    """Return the methods in `rows`, those first that others are compared with."""
    there = dict.fromkeys(_method(row) for row in rows)
    return sorted(there, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))


def _method(row: Row) -> str:
    return row.method or "outside"


def _points(axes: Axes, rows: Sequence[Row], axis: Axis, methods: Sequence[str]) -> list[tuple[float, float]]:
    """Draw `rows` and their frontier; returns the corners of its line."""
    for index, method in enumerate(methods):
        places = [_place(row, axis) for row in rows if _method(row) == method]
        if places:
            x, y = zip(*places, strict=True)
            axes.scatter(
                x,
                y,
                color=COLOURS[index % len(COLOURS)],
                marker=MARKS[index % len(MARKS)],
                s=26,
                zorder=3,
                label=method,
            )
    best = [_place(rows[index], axis) for index in frontier([_cost(row, axis) for row in rows])]
    corners = _stairs(best)
    axes.plot(*zip(*corners, strict=True), color=FRONTIER, linewidth=1, zorder=2, label="Pareto frontier")
    costs = [_place(row, axis)[0] for row in rows]
    if axis.sign > 0 and min(costs) > 0 and max(costs) / min(costs) > SPREAD:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:,.6g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(0.12, 0.14)
    axes.set_xlabel(axis.label)
    axes.set_ylabel("accuracy in %")
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return corners


def _stairs(best: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the corners of the frontier: between two points, the cheaper one is the best there is."""
    corners = [*best[:1]]
    for (_, before), (x, y) in pairwise(best):
        corners += [(x, before), (x, y)]
    return corners


def _best_first(rows: Sequence[Row], axis: Axis) -> list[Row]:
    """Return `rows` with those of the frontier first: they get the best places for their names."""
    best = frontier([_cost(row, axis) for row in rows])
    return [rows[i] for i in best] + [row for i, row in enumerate(rows) if i not in best]


def _place(row: Row, axis: Axis) -> tuple[float, float]:
    return float(axis.value(row) or 0), 100 * (row.figure("accuracy") or 0)


def _cost(row: Row, axis: Axis) -> tuple[float, float]:
    x, y = _place(row, axis)
    return axis.sign * x, y


def _per_cent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def layers(rows: Sequence[Row]) -> Figure | None:
    """Draw the share of zeros in every layer (column) of every point (row).

    One panel a network, or one for every `COLUMNS` of its layers.
    """
    strips = _strips(rows)
    if not strips:
        return None
    columns = max(len(strip.names) for strip in strips)
    heights = [0.26 * len(strip.rows) + 0.9 for strip in strips]
    figure = Figure(figsize=(max(6.0, 2.6 + 0.52 * columns), sum(heights) + 0.3), layout="constrained")
    panels = figure.subplots(len(strips), squeeze=False, height_ratios=heights)[:, 0]
    images = [_heat(axes, strip) for axes, strip in zip(panels, strips, strict=True)]
    for axes in panels:
        axes.set_xlim(-0.5, columns - 0.5)  # cells of one width
    figure.colorbar(images[0], ax=list(panels), label="weights that are zero in %", shrink=0.8, aspect=30)
    return figure


class Strip(NamedTuple):
    """Layers of a network from number `first` on, and the points that have it."""

    first: int
    names: Sequence[str]
    rows: Sequence[Row]


def _strips(rows: Sequence[Row]) -> list[Strip]:
    networks: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row.layers:
            networks.setdefault(tuple(layer.name for layer in row.layers), []).append(row)
    return [
        Strip(first, names[first : first + COLUMNS], group)
        for names, group in networks.items()
        for first in range(0, len(names), COLUMNS)
    ]


def _heat(axes: Axes, strip: Strip) -> Any:
    shown = slice(strip.first, strip.first + len(strip.names))
    values = [[100 * layer.sparsity for layer in row.layers[shown]] for row in strip.rows]
    image = axes.imshow(values, cmap="viridis", vmin=0, vmax=100, aspect="auto")
    for y, line in enumerate(values):
        for x, value in enumerate(line):
            # "100" only where every weight is zero.
            text = f"{value:.0f}" if value == 100 else f"{min(value, 99.9):.0f}" if value < 99.5 else "99+"
            axes.text(
                x, y, text, ha="center", va="center", fontsize=7, color="black" if value > 60 else "white"
            )
    names = strip.names
    turned = max(map(len, names)) > 4
    axes.set_xticks(
        range(len(names)), names, fontsize=7, rotation=35 if turned else 0, ha="right" if turned else "center"
    )
    axes.set_yticks(range(len(values)), short([row.point for row in strip.rows]), fontsize=8)
    axes.grid(False)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    return image


def short(names: Sequence[str]) -> list[str]:
    """Return `names` less the parts, between dashes, that all of them begin with; one alone stays whole."""
    if len(names) == 1:
        return list(names)
    parts = [name.split("-") for name in names]
    same = 0
    while all(len(part) > same + 1 for part in parts) and len({part[same] for part in parts}) == 1:
        same += 1
    return ["-".join(part[same:]) for part in parts]
