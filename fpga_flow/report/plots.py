"""The report's plots, each as one SVG element."""

import io
import re
from collections.abc import Mapping, Sequence

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

WIDTH = 6.0
"""Inches; the page scales it to the screen."""
BLUE, ORANGE, GREY, RED = "#2b6cb0", "#dd8a2b", "#b8c0cc", "#c53030"
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
}


def accuracy_by_snr(series: Mapping[str, Mapping[float, float]]) -> str:
    """Draw accuracy (share of 1) against SNR (dB), one line a series."""
    with rc_context(STYLE):
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
    with rc_context(STYLE):
        figure, axes = _figure(_height(len(names)))
        left = [100 * n / max(w, 1) for n, w in zip(nonzero, weights, strict=True)]
        axes.barh(names, [100.0] * len(names), color="#eef1f5")
        bars = axes.barh(names, left, color=BLUE)
        axes.bar_label(
            bars, [f"{n:,} of {w:,}" for n, w in zip(nonzero, weights, strict=True)], padding=4, fontsize=8
        )
        axes.set_xlim(0, 100)
        axes.set_xlabel("weights left in %")
        _downwards(axes, len(names))
        return svg_element(figure, "Weights left by layer")


def cycles(names: Sequence[str], counts: Sequence[int], bottleneck: str) -> str:
    """Draw the predicted cycles per frame of each layer, the slowest marked."""
    with rc_context(STYLE):
        figure, axes = _figure(_height(len(names)))
        colours = [RED if name == bottleneck else BLUE for name in names]
        bars = axes.barh(names, counts, color=colours)
        labels = [
            f"{c:,}" + ("  bottleneck" if n == bottleneck else "") for n, c in zip(names, counts, strict=True)
        ]
        axes.bar_label(bars, labels, padding=4, fontsize=8)
        axes.set_xlim(0, 1.35 * max(counts))
        axes.set_xlabel("cycles per frame")
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter("{x:,.0f}")
        _downwards(axes, len(names))
        return svg_element(figure, "Cycles per frame by layer")


def luts(names: Sequence[str], estimate: Sequence[float | None], synth: Sequence[float | None]) -> str:
    """Draw the LUTs of each layer: as estimated and as synthesis used them; None where unknown."""
    with rc_context(STYLE):
        figure, axes = _figure(_height(len(names), 0.32))
        rows = range(len(names))
        series = [(estimate, GREY, "estimate"), (synth, ORANGE, "synthesis")]
        series = [one for one in series if any(value is not None for value in one[0])]
        thickness = 0.72 / len(series)
        for index, (values, colour, label) in enumerate(series):
            places = [row + (index - (len(series) - 1) / 2) * (thickness + 0.04) for row in rows]
            bars = axes.barh(places, [value or 0 for value in values], thickness, color=colour, label=label)
            axes.bar_label(bars, ["" if v is None else f"{v:,.0f}" for v in values], padding=3, fontsize=7)
        axes.set_yticks(list(rows), names)
        axes.set_xlabel("LUTs")
        axes.margins(x=0.12)
        axes.legend(frameon=False)
        _downwards(axes, len(names))
        return svg_element(figure, "LUTs by layer")


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _height(rows: int, each: float = 0.22) -> float:
    return 0.8 + each * rows


def _downwards(axes: Axes, rows: int) -> None:
    axes.set_ylim(rows - 0.4, -0.6)
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
    # Its size is the page's matter; what a screen reader says is the title.
    element = re.sub(r' width="[^"]*pt"| height="[^"]*pt"', "", element, count=2)
    return element.replace("<svg", f'<svg role="img" aria-label="{title}"', 1)
