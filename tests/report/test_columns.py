"""The figures of a run: every one is shown somewhere, and every place shows those that there are."""

from pathlib import Path

import pytest

from fpga_flow.check import limits, summary
from fpga_flow.pipeline import flow
from fpga_flow.report import assemble, comparison, page, sheets, table
from fpga_flow.report.columns import COLUMNS, EXPECTED, LAYER_COLUMNS, figures
from fpga_flow.report.schema import Report
from fpga_flow.sweep import rows
from fpga_flow.sweep import table as sweep_table
from tests import fakes

PLACES = {
    "page": page.CARDS,
    "terminal": table.FACTS,
    "comparison": [key for keys in comparison.COMPARED.values() for key in keys],
    "check": (*summary.FIGURES, *(limit.key for limit in limits.wanted(1.0, 1.0))),
    "sweep": (*rows.FIGURES, *sweep_table.NETWORK, *sweep_table.HARDWARE, *sweep_table.SAID),
    "before it is measured": EXPECTED.values(),
}


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages())
    run = fakes.run_of(tmp_path / "r")
    flow.execute(run)
    return assemble(run)


def test_every_figure_is_shown_and_nothing_else() -> None:
    assert {key for keys in PLACES.values() for key in keys} == set(COLUMNS)
    assert {*sheets.LAYER, *table.FOLDING, *summary.LAYER} == set(LAYER_COLUMNS)


def test_figures_have_titles_of_their_own() -> None:
    titles = [column.title for column in COLUMNS.values()]
    assert len(set(titles)) == len(titles)


def test_figures_of_a_whole_run_are_known_but_those_of_a_board(report: Report) -> None:
    unknown = set(COLUMNS) - set(figures(report))
    assert unknown == {"accuracy_board", "cycles_board", "fps_board", "latency_board"}


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("accuracy", "61.50%"),
        ("samples", "6,240"),
        ("sparsity", "89.3%"),
        ("itu_score", "0.042467"),
        ("fps", "10,000"),
        ("fps_rtl", "10,000"),
        ("latency_rtl", "25,000"),
        ("latency_us", "250.0"),
        ("verdict", "verified"),
        ("bram18", "55"),
        ("accuracy_board", ""),
    ],
)
def test_a_figure_has_one_form(key: str, text: str, report: Report) -> None:
    assert COLUMNS[key].text(report) == text


@pytest.mark.parametrize("keys", [sheets.LAYER, table.FOLDING, summary.LAYER])
def test_figures_of_layers_have_titles_of_their_own_and_are_known(
    keys: tuple[str, ...], report: Report
) -> None:
    assert report.hardware
    titles = [LAYER_COLUMNS[key].title for key in keys]
    assert len(set(titles)) == len(titles)
    for key in keys:
        assert any(LAYER_COLUMNS[key].text(layer) for layer in report.hardware.layers), key


def test_a_run_that_got_nowhere_has_no_figures(tmp_path: Path) -> None:
    assert figures(assemble(fakes.run_of(tmp_path / "r"))) == {}
