"""A sweep's tables on the terminal."""

import io

from rich.console import Console

from fpga_flow.report.columns import Value
from fpga_flow.sweep.rows import Row
from fpga_flow.sweep.table import NOTE, show

NETWORK: dict[str, Value] = {"accuracy": 0.5, "nonzero": 100, "itu_score": 0.1}


def shown(rows: list[Row], width: int = 80) -> list[str]:
    console = Console(width=width, record=True, file=io.StringIO(), force_terminal=True, color_system=None)
    show(rows, console)
    return [line.rstrip() for line in console.export_text().splitlines()]


def row(point: str, **figures: Value) -> Row:
    return Row(point=point, state="done", bits=4, figures={**NETWORK, **figures})


def test_points_that_differ_in_their_rate_have_lines_that_do() -> None:
    built: dict[str, Value] = {"bram18": 3, "dsp": 2, "verdict": "verified", "fits": "fits"}
    lines = shown(
        [
            row("net-fps_1000", fps=1_010.0, latency_us=90.5, lut=700, **built),
            row("net-fps_2000", fps=2_020.0, latency_us=45.25, lut=1_300, **{**built, "fits": "too large"}),
        ]
    )
    hardware = [line.split() for line in lines if line.startswith("net-")][2:]
    assert hardware == [
        ["net-fps_1000", "1,010", "90.5", "700", "3", "2", "verified", "fits"],
        ["net-fps_2000", "2,020", "45.2", "1,300", "3", "2", "verified", "too", "large"],
    ]
    assert NOTE not in lines


def test_what_no_point_has_come_to_has_no_column() -> None:
    lines = shown([row("a"), row("b")])
    assert [line.split() for line in lines if line.startswith("Point")] == [
        ["Point", "bits", "accuracy", "weights", "left", "score", "state"]
    ]


def test_what_is_only_expected_is_marked() -> None:
    lines = shown([row("a", fps=10.0, latency_us_predicted=7.0, lut_estimate=70, fits_estimate="fits")])
    assert lines[-2].split() == ["a", "10", "~7.0", "~70", "~fits"]
    assert lines[-1] == NOTE


def test_a_long_name_is_folded_and_no_figure_cut() -> None:
    name = "a-network-with-a-name-that-is-as-long-as-names-of-points-get-fps_100000"
    lines = shown([row(name, fps=1_000_000.0, latency_us=1_234.5, lut=123_456, verdict="verified")])
    assert max(map(len, lines)) <= 80
    assert any("1,000,000" in line and "1,234.5" in line and "verified" in line for line in lines)
