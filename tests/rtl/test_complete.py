"""No file in `rtl/hdl` without its tests: parameters in both front ends, a row in the table."""

import re
from itertools import chain
from pathlib import Path

import pytest

from tests.rtl import test_elaboration, test_replacements
from tests.rtl.modules import HDL

MODULES = sorted(path.stem for path in HDL.glob("*.*v"))
LEGAL = {*test_elaboration.LEGAL, *(name for name, _ in test_replacements.LEGAL)}
ILLEGAL = {
    *(case.module for case in test_elaboration.ILLEGAL),
    *(name for name, _, _ in test_replacements.ILLEGAL),
}
HERE = Path(__file__).parent
OF_ALL = {"test_complete.py", "test_elaboration.py", "test_replacements.py"}
ALL_LEGAL = {"df_tap"}
"""Modules that take any value of their parameters."""


@pytest.mark.parametrize("module", MODULES)
def test_module_is_elaborated_with_legal_and_illegal_parameters(module: str) -> None:
    assert module in LEGAL
    assert module in ILLEGAL | ALL_LEGAL


@pytest.mark.parametrize("module", MODULES)
def test_module_has_a_row_in_the_table_and_a_test_of_its_own(module: str) -> None:
    assert f"| `{module}.sv` |" in (HDL / "README.md").read_text(encoding="utf-8")
    of_its_own = [path for path in HERE.parent.rglob("test_*.py") if path.name not in OF_ALL]
    assert any(re.search(rf"\b{module}\b", path.read_text(encoding="utf-8")) for path in of_its_own)


def test_no_entry_is_of_a_module_that_is_gone() -> None:
    assert set(chain(LEGAL, ILLEGAL, ALL_LEGAL)) == set(MODULES)
