"""The report's plots, each as one SVG element."""

import io
import re
from collections.abc import Mapping, Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

WIDTH = 6.0
"""Inches; the page scales it to the screen."""
BLUE, ORANGE, GREY, RED = "#2b6cb0", "#dd8a2b", "#b8c0cc", "#c53030"
INK, SOFT, LINE, BACK = "#1d2733", "#5b6775", "#e6e9ee", "#eef1f5"
VARIABLES = {
    "blue": BLUE,
    "orange": ORANGE,
    "grey": GREY,
    "red": RED,
    "ink": INK,
    "soft": SOFT,
    "line": LINE,
    "back": BACK,
}
"""The page's CSS variables, by name, that a colour in a plot becomes: in the dark they are others."""
NAME = 28
"""Characters of a layer's name that a plot has room for."""
SINGLE = 40
"""Epochs from which on a curve has no marks."""
NAMED_SHARE = 0.15
"""Of all epochs, from which on a phase of the training has room for its name."""
WIDE_RANGE = 4
"""Largest by smallest number, from which on an axis is logarithmic."""
STYLE = {
    "svg.fonttype": "none",  # text stays text: small, sharp and searchable
    "svg.hashsalt": "fpga_flow",  # the same plot is the same file
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8a94a3",
    "axes.grid": True,
    "grid.color": "#e6e9ee",
    "axes.axisbelow": True,
    "text.parse_math": False,  # a name may hold a dollar
}
ON_PAGE = STYLE | {
    "text.color": INK,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": SOFT,
    "grid.color": LINE,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}


def accuracy_by_snr(series: Mapping[str, Mapping[float, float]]) -> str:
    """Draw accuracy (share of 1) against SNR (dB), one line a series."""
    with rc_context(ON_PAGE):
        figure, axes = _figure(3.4)
        marks = zip(series.items(), (GREY, BLUE, ORANGE), ("o", "s", "x"), strict=False)
        for (name, values), colour, mark in marks:
            snr = sorted(values)
            axes.plot(
                snr, [100 * values[x] for x in snr], color=colour, marker=mark, markersize=4, label=name
            )
        axes.set_xlabel("SNR in dB")
        axes.set_ylabel("accuracy in %")
        axes.set_ylim(0, 100)
        axes.legend(frameon=False)
        return svg_element(figure, "Accuracy against SNR")


def sparsity(names: Sequence[str], nonzero: Sequence[int], weights: Sequence[int]) -> str:
    """Draw the share of weights that is left in each layer."""
    with rc_context(ON_PAGE):
        figure, axes = _figure(_height(len(names)))
        left = [100 * n / max(w, 1) for n, w in zip(nonzero, weights, strict=True)]
        axes.barh(range(len(names)), [100.0] * len(names), color=BACK)
        bars = axes.barh(range(len(names)), left, color=BLUE)
        axes.bar_label(
            bars, [f"{n:,} of {w:,}" for n, w in zip(nonzero, weights, strict=True)], padding=4, fontsize=8
        )
        axes.set_xlim(0, 100)
        axes.set_xlabel("weights left in %")
        _downwards(axes, names)
        return svg_element(figure, "Weights left by layer")


def cycles(names: Sequence[str], counts: Sequence[int], bottleneck: str) -> str:
    """Draw the predicted cycles per frame of each layer, the slowest marked."""
    with rc_context(ON_PAGE):
        figure, axes = _figure(_height(len(names)))
        colours = [RED if name == bottleneck else BLUE for name in names]
        bars = axes.barh(range(len(names)), counts, color=colours)
        labels = [
            f"{c:,}" + ("  bottleneck" if n == bottleneck else "") for n, c in zip(names, counts, strict=True)
        ]
        axes.bar_label(bars, labels, padding=4, fontsize=8)
        axes.set_xlim(0, 1.35 * max(1, *counts))
        axes.set_xlabel("cycles per frame")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        _downwards(axes, names)
        return svg_element(figure, "Cycles per frame by layer")


def luts(names: Sequence[str], estimate: Sequence[float | None], synth: Sequence[float | None]) -> str:
    """Draw the LUTs of each layer: as estimated and as synthesis used them; None where unknown."""
    with rc_context(ON_PAGE):
        figure, axes = _figure(_height(len(names), 0.32))
        rows = range(len(names))
        series = [(estimate, GREY, "estimate"), (synth, ORANGE, "synthesis")]
        series = [one for one in series if any(value is not None for value in one[0])]
        thickness = 0.72 / len(series)
        for index, (values, colour, label) in enumerate(series):
            places = [row + (index - (len(series) - 1) / 2) * (thickness + 0.04) for row in rows]
            bars = axes.barh(places, [value or 0 for value in values], thickness, color=colour, label=label)
            axes.bar_label(bars, ["" if v is None else f"{v:,.0f}" for v in values], padding=3, fontsize=7)
        axes.set_xlabel("LUTs")
        axes.margins(x=0.12)
        axes.legend(frameon=False)
        _downwards(axes, names)
        return svg_element(figure, "LUTs by layer")


def pruning(points: Sequence[tuple[float, float, bool]], target: float | None) -> str:
    """Draw accuracy against weights left, both shares of 1, of rounds, passed or not, and the target."""
    with rc_context(ON_PAGE):
        figure, axes = _figure(3.4)
        axes.plot(*_per_cent([point for point in points if point[2]]), color=GREY, zorder=1)
        for passed, colour, mark, label in ((True, BLUE, "o", "passed"), (False, RED, "x", "failed")):
            chosen = [point for point in points if point[2] == passed]
            if chosen:
                axes.scatter(*_per_cent(chosen), color=colour, marker=mark, s=18, label=label, zorder=2)
        if target is not None:
            axes.axhline(100 * target, color=ORANGE, linestyle="--", linewidth=1, label="target")
        left = [point[0] for point in points]
        if max(left) > WIDE_RANGE * min(left):
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter("{x:g}")
        axes.invert_xaxis()
        axes.set_xlabel("weights left in %")
        axes.set_ylabel("accuracy in %")
        axes.legend(frameon=False)
        return svg_element(figure, "Accuracy against weights left")


def training(phases: Sequence[tuple[str, Sequence[tuple[float, float, float]]]]) -> str:
    """Draw loss in training and validation, then accuracy (share of 1), by epoch, phase behind phase."""
    with rc_context(ON_PAGE):
        figure = Figure(figsize=(WIDTH, 4.4), layout="constrained")
        losses, shares = figure.subplots(2, 1, sharex=True)
        rows = [epoch for _, epochs in phases for epoch in epochs]
        x, mark = range(1, len(rows) + 1), "o" if len(rows) < SINGLE else ""
        for column, colour, label in ((0, GREY, "training"), (1, BLUE, "validation")):
            losses.plot(x, [r[column] for r in rows], color=colour, marker=mark, markersize=3, label=label)
        shares.plot(x, [100 * r[2] for r in rows], color=BLUE, marker=mark, markersize=3)
        end = 0.5
        for name, epochs in phases:
            for axes in (losses, shares) if end > 1 else ():
                axes.axvline(end, color=SOFT, linewidth=0.5, linestyle=":")
            middle, end = end + len(epochs) / 2, end + len(epochs)
            if len(epochs) > NAMED_SHARE * len(rows):
                place, above = (middle, 1), ("data", "axes fraction")
                losses.annotate(short(name), place, xycoords=above, ha="center", fontsize=7)
        losses.set_ylabel("loss")
        losses.legend(frameon=False)
        shares.set_ylabel("validation accuracy in %")
        shares.set_xlabel("epoch")
        shares.xaxis.set_major_locator(MaxNLocator(10, integer=True))
        return svg_element(figure, "Loss and accuracy by epoch")


def short(name: str, most: int = NAME) -> str:
    """Return `name`, of which the middle is left out where it has more than `most` characters."""
    if len(name) <= most:
        return name
    front = (most - 1) // 3
    return f"{name[:front]}\N{HORIZONTAL ELLIPSIS}{name[front + 1 - most :]}"


def _per_cent(points: Sequence[tuple[float, float, bool]]) -> tuple[list[float], list[float]]:
    return [100 * point[0] for point in points], [100 * point[1] for point in points]


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _height(rows: int, each: float = 0.22) -> float:
    return 0.8 + each * rows


def _downwards(axes: Axes, names: Sequence[str]) -> None:
    """Set `names` at the rows 0, 1 ... from the top."""
    axes.set_yticks(range(len(names)), [short(name) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)


def svg_element(figure: Figure, title: str) -> str:
    """Return `figure` as an SVG element that the page scales, with nothing behind it: the page may be dark.

    `title` is ours: it is written as it is.
    """
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Title": title})
    text = stream.getvalue()
    element = text[text.index("<svg") :]
    for variable, colour in VARIABLES.items():
        element = element.replace(f": {colour}", f": var(--{variable}, {colour})")
    # Its size is the page's matter; what a screen reader says is the title.
    element = re.sub(r' width="[^"]*pt"| height="[^"]*pt"', "", element, count=2)
    return element.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)
