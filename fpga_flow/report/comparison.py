"""Predicted, simulated and measured side by side: what the graph promised, the RTL did, and a board did."""

from typing import NamedTuple

from fpga_flow.core.format import amount
from fpga_flow.report.columns import COLUMNS
from fpga_flow.report.schema import Report


class Row(NamedTuple):
    """One quantity, as text; empty where it is not known."""

    name: str
    predicted: str
    simulated: str
    measured: str


COMPARED = {
    "cycles per frame": ("cycles", "cycles_rtl", "cycles_board"),
    "frames/s, accelerator": ("fps", "fps_rtl", "fps_board"),
    "latency, cycles": ("latency", "latency_rtl", "latency_board"),
    "accuracy": ("accuracy_golden", "accuracy_rtl", "accuracy_board"),
}
"""Keys of the columns that say the same of prediction, simulation and board."""


def heads(report: Report) -> list[str]:
    """Return the heads of the columns; the last names where was measured."""
    board = report.board_measured
    place = "" if board is None else " (virtual board)" if board.virtual else f" ({report.board})"
    return ["", "predicted", "simulated", f"measured{place}"]


def rows(report: Report) -> list[Row]:
    """Return what at least two of prediction, simulation and board say; empty without a prediction."""
    hardware, verify, board = report.hardware, report.verify, report.board_measured
    if hardware is None or (verify is None and board is None):
        return []
    found = [
        Row(name, *(_with_n(key, COLUMNS[key].text(report), report) for key in keys))
        for name, keys in COMPARED.items()
        if COLUMNS[keys[0]].value(report) is not None
    ]
    if verify or board:
        counts = [f"{part.mismatches} of {part.samples}" if part else "" for part in (verify, board)]
        found.append(Row("frames that differ", "", *counts))
    if board:
        found.append(Row("frames/s with driver", "", "", f"{board.fps:,.0f}"))
        found.append(Row("latency with driver, us", "", "", amount(round(board.latency_us, 1))))
        if board.power_w is not None:
            found.append(Row("power, W", "", "", f"{board.power_w:.2f}"))
    return found


def _with_n(key: str, text: str, report: Report) -> str:
    """Return `text`, of the figure `key`, with the number of frames behind it where it is an accuracy."""
    n = report.accuracy.frames.get(key.removeprefix("accuracy_"))
    return f"{text} (n = {n:,})" if text and n else text
