"""docs/report.md says what the schema says."""

import re

import pytest

from fpga_flow.core.recipe import ROOT
from fpga_flow.report.describe import EXIT_CODES, page, parts
from fpga_flow.report.schema import Report
from fpga_flow.results import Record


def test_the_page_is_that_of_the_schema() -> None:
    found = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    assert found == page(), "run: python -m fpga_flow.report.describe > docs/report.md"


@pytest.mark.parametrize("part", parts(Report), ids=lambda part: part.__name__)
def test_every_key_is_described(part: type[Record]) -> None:
    assert part.__doc__
    assert [name for name, field in part.model_fields.items() if not field.description] == []


def test_exit_codes_are_those_of_the_page() -> None:
    page = (ROOT / "docs" / "stages.md").read_text(encoding="utf-8")
    table = page.split("| exit code | meaning |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", table, re.MULTILINE)
    assert {int(code) for code, _ in rows} == set(EXIT_CODES) == {0, 1, 2, 3, 4, 5, 130}
    assert {int(code): text.replace(" ([ci.md](ci.md))", "") for code, text in rows} == EXIT_CODES
