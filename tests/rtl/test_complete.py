"""No file in `layers/hdl` without its tests: parameters in both front ends, a row in the table."""

import re
from itertools import chain
from pathlib import Path

import pytest

from fpga_flow.core.recipe import ROOT
from tests.rtl import test_elaboration, test_replacements
from tests.rtl.modules import HDL

MODULES = sorted(path.stem for path in HDL.glob("*.*v"))
LEGAL = {*test_elaboration.LEGAL, *(name for name, _ in test_replacements.LEGAL)}
ILLEGAL = {
    *(case.module for case in test_elaboration.ILLEGAL),
    *(name for name, _, _ in test_replacements.ILLEGAL),
}
HERE = Path(__file__).parent
AS_LAYERS = {
    "df_add": "elementwise",
    "df_concat": "concat_split",
    "df_decimate": "decimate",
    "df_digits_in": "constant_unit",
    "df_digits_out": "constant_unit",
    "df_fork": "fork",
    "df_insert_zeros": "insert_zeros",
    "df_mul": "elementwise",
    "df_position_mul": "position_mul",
    "df_reorder": "reorder",
    "df_split": "concat_split",
}
"""Modules tested, with random stalls, in the layers of tests/layers, and in which file."""
WITHIN = {"df_sparse_lane": "df_sparse_matrix"}
"""Modules that are tested in the only one that has them."""
ALL_LEGAL = {"df_tap"}
"""Modules that take any value of their parameters."""


@pytest.mark.parametrize("module", MODULES)
def test_module_is_elaborated_with_legal_and_illegal_parameters(module: str) -> None:
    assert module in LEGAL
    assert module in ILLEGAL | ALL_LEGAL


@pytest.mark.parametrize("module", MODULES)
def test_module_has_a_row_in_the_table_and_a_test_of_its_own(module: str) -> None:
    assert f"| `{module}.sv` |" in (HDL / "README.md").read_text(encoding="utf-8")
    named = HERE / f"test_{WITHIN.get(module, module)}.py"
    layer = HERE.parent / "layers" / f"test_{AS_LAYERS.get(module, module)}.py"
    assert named.is_file() or layer.is_file()


def test_modules_that_follow_a_file_of_finn_name_it_and_stand_in_the_notice() -> None:
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    beginning = (HDL / "README.md").read_text(encoding="utf-8").partition("## Replacements")[0]
    heads = {path: path.read_text(encoding="utf-8").partition("\nmodule ")[0] for path in HDL.glob("*.sv")}
    following = {path.name for path, head in heads.items() if "Advanced Micro Devices" in head}
    assert following == set(re.findall(r"fpga_flow/layers/hdl/(\w+\.sv)", notice))
    assert following == set(re.findall(r"`(\w+\.sv)`", beginning))
    for path, head in heads.items():
        if path.name in following:
            assert re.search(rf"finn-rtllib/\S+/{path.name}\b", head), path.name
    conditions = "Redistributions of source code must retain the above copyright notice"
    assert conditions in notice and conditions in heads[HDL / "mvu.sv"]


def test_no_entry_is_of_a_module_that_is_gone() -> None:
    assert set(chain(LEGAL, ILLEGAL, ALL_LEGAL)) == set(MODULES)
