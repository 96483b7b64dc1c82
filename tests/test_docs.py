"""The tables of docs/ say what the figures beside them say."""

import csv
import re
from pathlib import Path

import pytest

from fpga_flow.recipe import ROOT

DOCS = ROOT / "docs"
COLUMNS = {
    "accuracy": lambda row: f"{100 * float(row['accuracy_golden']):.2f} %",
    "weights not zero": lambda row: f"{int(row['nonzero']):,}",
    "bit operations": lambda row: f"{int(row['bit_ops']):,}",
    "weight bits": lambda row: f"{int(row['weight_bits']):,}",
    "score": lambda row: f"{float(row['itu_score']):.4f}",
}
"""Column of the page -> what stands in it for a row of the figures."""


def figures(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("file", ["sweep.csv", "bits.csv"])
def test_every_row_of_the_comparison_is_a_row_of_its_figures(file: str) -> None:
    page = (DOCS / "comparison.md").read_text(encoding="utf-8")
    section = next(part for part in page.split("\n## ") if f"(comparison/{file})" in part)
    header, _, *rows = re.findall(r"^\| (.+) \|$", section, re.MULTILINE)
    names = header.split(" | ")
    wanted = {tuple(COLUMNS[name](row) for name in COLUMNS) for row in figures(DOCS / "comparison" / file)}
    assert len(rows) > 10
    for row in rows:
        cells = dict(zip(names, row.split(" | "), strict=True))
        assert tuple(cells[name] for name in COLUMNS) in wanted, row
