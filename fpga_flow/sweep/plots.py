"""The pictures of a sweep: accuracy and speed against what they cost, and the sparsity of every layer."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from fpga_flow.report.columns import MARK, best
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
WIDTH = 7.2
"""Inches of a picture, unless another width is wanted."""
HIGH = 0.64
"""A panel's height in widths."""
BESIDE: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
BELOW: dict[str, Any] = {
    "loc": "upper center",
    "bbox_to_anchor": (0.5, -0.17),
    "ncols": 3,
    "columnspacing": 1.0,
}
"""Where the legend stands; below in a picture too narrow for it beside."""
RESOLUTION = 150
"""Dots per inch of a PNG."""
SPREAD = 8.0
"""Largest over least cost from which on the axis is logarithmic."""


class Figured(NamedTuple):
    """A figure that points are placed by."""

    key: str
    """Of `report.columns`; what is only expected of it counts too."""
    label: str
    times: float = 1.0

    def value(self, row: Row) -> float | None:
        """Return the figure of `row`, None where it is not known."""
        found, _ = best(row.figures, self.key)
        return None if found is None else self.times * float(found)


class Axis(NamedTuple):
    """A cost, and what is drawn against it; more of that is better."""

    file: str
    cost: Figured
    sign: int
    """1: less is better; -1: more is."""
    gain: Figured
    of_data: bool = True
    """Whether gains compare only where the data is the same."""


ACCURACY = Figured("accuracy", "accuracy in %", 100)
LUT = Figured("lut", f"LUTs (synthesis; {MARK}: expected)")
RATE = Axis("fps-lut", LUT, 1, Figured("fps_rtl", "frames/s"), of_data=False)
AXES = (
    Axis("accuracy-sparsity", Figured("sparsity", "weights that are zero in %", 100), -1, ACCURACY),
    Axis("accuracy-score", Figured("itu_score", "ITU score, lower is better"), 1, ACCURACY),
    Axis("accuracy-lut", LUT, 1, ACCURACY),
    RATE,
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


def against(rows: Sequence[Row], axis: Axis, width: float = WIDTH) -> Figure | None:
    """Draw the gain of `axis` against its cost, `width` inches wide; None where no row has both.

    There is a panel for each set of data where only there gains compare.
    """
    known = [row for row in rows if None not in (axis.gain.value(row), axis.cost.value(row))]
    if not known:
        return None
    points = [row.point for row in known]
    names = {
        row.point: f"{MARK if _expected(row, axis) else ''}{name}"
        for row, name in zip(known, short(points), strict=True)
    }
    groups: dict[tuple[str, int | None], list[Row]] = {}
    for row in known:
        of = (row.data, row.figure("samples")) if axis.of_data else ("", None)
        groups.setdefault(of, []).append(row)
    figure = Figure(figsize=(width, HIGH * width * len(groups)), layout="constrained")
    panels = figure.subplots(len(groups), squeeze=False)[:, 0]
    methods = _methods(rows)
    lines = []
    for ((data, samples), group), axes in zip(groups.items(), panels, strict=True):
        lines.append(_points(axes, group, axis, methods))
        axes.legend(frameon=False, fontsize=8, **(BELOW if width < WIDTH else BESIDE))
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
    corners = _stairs([_place(rows[i], axis) for i in frontier([_cost(row, axis) for row in rows])])
    axes.plot(*zip(*corners, strict=True), color=FRONTIER, linewidth=1, zorder=2, label="Pareto frontier")
    costs, gains = zip(*(_place(row, axis) for row in rows), strict=True)
    if axis.sign > 0 and _spread(costs):
        axes.set_xscale("log")
        _plain_numbers(axes.xaxis)
    if not axis.of_data:
        if _spread(gains):
            axes.set_yscale("log")
        _plain_numbers(axes.yaxis)
    axes.margins(0.12, 0.14)
    axes.set_xlabel(axis.cost.label)
    axes.set_ylabel(axis.gain.label)
    return corners


def _spread(values: Sequence[float]) -> bool:
    return min(values) > 0 and max(values) / min(values) > SPREAD


def _plain_numbers(axis: XAxis | YAxis) -> None:
    """Write numbers out, on a logarithmic axis at enough places."""
    if axis.get_scale() == "log":
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter("{x:,.6g}")


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
    return axis.cost.value(row) or 0.0, axis.gain.value(row) or 0.0


def _cost(row: Row, axis: Axis) -> tuple[float, float]:
    x, y = _place(row, axis)
    return axis.sign * x, y


def _expected(row: Row, axis: Axis) -> bool:
    return any(best(row.figures, one.key)[1] for one in (axis.cost, axis.gain))


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
