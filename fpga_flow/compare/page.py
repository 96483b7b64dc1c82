"""A comparison as one HTML page that needs nothing else."""

from collections.abc import Sequence

from matplotlib import rc_context

from fpga_flow.compare.lines import notes, sections
from fpga_flow.compare.runs import Compared
from fpga_flow.report.page import template
from fpga_flow.report.plots import ON_PAGE, svg_element
from fpga_flow.sweep.plots import RATE, against

WIDTH = 4.4
"""Inches of the plot, so that it can be read on a telephone too; the page scales it to the screen."""


def render(runs: Sequence[Compared], version: str) -> str:
    """Return the page about `runs`; `version`, of this project, is written into its head."""
    return template("comparison.html.j2", "fpga_flow.compare").render(
        name=f"{len(runs)} runs compared",
        version=version,
        runs=[one.row.point for one in runs],
        sections=sections(runs),
        notes=notes(runs),
        plot=_plot(runs),
    )


def _plot(runs: Sequence[Compared]) -> str | None:
    """Draw frames a second against LUTs as SVG; None where no run has come to both."""
    with rc_context(ON_PAGE):
        figure = against([one.row for one in runs], RATE, WIDTH)
        return None if figure is None else svg_element(figure, "Frames a second against LUTs")
