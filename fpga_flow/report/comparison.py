"""Predicted, simulated and measured side by side: what the graph promised, the RTL did, and a board did."""

from typing import NamedTuple

from fpga_flow.core.format import amount
from fpga_flow.report.schema import Report


class Row(NamedTuple):
    """One quantity, as text; empty where it is not known."""

    name: str
    predicted: str
    simulated: str
    measured: str


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
    hertz = 1e6 * hardware.clock_mhz
    found = [
        Row(
            "cycles a frame",
            amount(hardware.cycles_per_frame),
            amount(verify.measured_cycles_per_frame) if verify else "",
            amount(board.cycles_per_frame) if board else "",
        ),
        Row(
            "frames/s, accelerator",
            f"{hardware.fps:,.0f}",
            f"{hertz / verify.measured_cycles_per_frame:,.0f}" if verify else "",
            f"{board.accelerator_fps:,.0f}" if board else "",
        ),
        Row(
            "latency, cycles",
            amount(hardware.latency_cycles),
            amount(verify.measured_latency_cycles) if verify else "",
            amount(board.latency_cycles) if board else "",
        ),
    ]
    accuracy = report.accuracy
    if accuracy.golden is not None:
        shares = (accuracy.golden, accuracy.rtl, accuracy.board)
        found.append(Row("accuracy", *("" if share is None else f"{share:.2%}" for share in shares)))
    if verify or board:
        counts = [f"{part.mismatches} of {part.samples}" if part else "" for part in (verify, board)]
        found.append(Row("frames that differ", "", *counts))
    if board:
        found.append(Row("frames/s with driver", "", "", f"{board.fps:,.0f}"))
        found.append(Row("latency with driver, us", "", "", amount(round(board.latency_us, 1))))
        if board.power_w is not None:
            found.append(Row("power, W", "", "", f"{board.power_w:.2f}"))
    return found
