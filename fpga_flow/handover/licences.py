"""The licences of an export's files: a table, and the texts."""

import shutil
from pathlib import Path

from fpga_flow.core.places import SHIPPED
from fpga_flow.handover.sources import DATA, Written
from fpga_flow.handover.vectors import FOLDER as VECTORS

FOLDER = "LICENSES"
TEXTS = ("LICENSE", "NOTICE")
HOLDERS = {"fpga_flow": "the fpga-flow authors", "FINN": "Advanced Micro Devices, Inc."}
OURS, OWNERS = "BSD-3-Clause", "as for the network and its frames"
ENDING = """
LICENSE is the text for the files of the fpga-flow authors. NOTICE says which of these follow files of
FINN in part, and has FINN's text; each of FINN's files has it too, with its years.
"""


def write_licences(written: Written, folder: Path) -> None:
    """Write the table and the texts into `folder`; every file that is no source is ours."""
    target = folder / FOLDER
    target.mkdir()
    for name in TEXTS:
        shutil.copyfile(SHIPPED / name, target / name)
    rows = [(source.path, OURS, HOLDERS[source.origin]) for source in written.sources]
    rows.append((f"{DATA}/*.dat, {VECTORS}/*.hex", OWNERS, "their owners"))
    rows.append(("all others", OURS, HOLDERS["fpga_flow"]))
    lines = ["# Licences", "", "| file | licence (SPDX) | copyright |", "|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    (target / "README.md").write_text("\n".join(lines) + f"\n{ENDING}", encoding="utf-8")
