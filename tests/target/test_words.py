"""Nothing outside `target/` knows a vendor's family, part or primitive."""

import re

from fpga_flow.core.recipe import ROOT

WORDS = re.compile(
    r"\bxc7|\bxcup|\bxczu|DSP48|RAMB(18|36)|\bSRLC?(16|32)|\bRAM(32|64)[MX]|CARRY[48]|synth_xilinx"
    r"|UltraScale|7 series|ecp5|MULT18|DP16KD|TRELLIS|CCU2C",
    re.IGNORECASE,
)
ALLOWED = {
    "bitstream/tcl.py": "Vivado's block designs of the two processors, which a board's file names",
    "layers/matrix.py": "FINN's unit, which instantiates the DSP slice of these families",
    "core/recipe_table.py": "an example of a board's file, in the page about recipes",
    "bitstream/hierarchy.py": "the columns of the hierarchical report, which differ too",
    "bitstream/reports.py": "the rows of Vivado's utilisation report are called otherwise in each family",
}
"""File -> why it names one."""


def named(folder: str) -> dict[str, list[str]]:
    package = ROOT / "fpga_flow"
    return {
        path.relative_to(package).as_posix(): found
        for path in sorted((package / folder).rglob("*.py"))
        if (found := [match[0] for match in WORDS.finditer(path.read_text(encoding="utf-8"))])
    }


def test_only_target_and_vivados_scripts_name_families_parts_and_primitives() -> None:
    outside = {name: words for name, words in named("").items() if not name.startswith("target/")}
    assert outside.keys() == ALLOWED.keys(), outside


def test_within_target_only_the_families_do() -> None:
    assert {name for name in named("target") if not name.startswith("target/families/")} == set()
