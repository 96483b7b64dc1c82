"""Vivado's hierarchical utilisation report: text and XML, columns by their heads, what is refused."""

from pathlib import Path

import pytest

from fpga_flow.bitstream.hierarchy import instances
from fpga_flow.core.errors import InputError
from fpga_flow.target.resources import Resources

# As Vivado 2022.2 writes it for a Zynq-7000 part; the numbers are made up.
TEXT = """Copyright 1986-2022 Xilinx, Inc. All Rights Reserved.
| Tool Version : Vivado v.2022.2 (lin64) Build 3671981
| Command      : report_utilization -hierarchical -file u.rpt

1. Utilization by Hierarchy
---------------------------

+---------------+-----------------+------------+------------+---------+------+------+--------+--------+------------+
|    Instance   |      Module     | Total LUTs | Logic LUTs | LUTRAMs | SRLs |  FFs | RAMB36 | RAMB18 | DSP Blocks |
+---------------+-----------------+------------+------------+---------+------+------+--------+--------+------------+
| accelerator   |           (top) |       1502 |       1400 |      88 |   14 | 2100 |      1 |      1 |          6 |
|   (accelerator) |         (top) |          2 |          2 |       0 |    0 |    1 |      0 |      0 |          0 |
|   u_conv1     |  constantmatrix |       1000 |        912 |      88 |    0 | 1500 |      1 |      0 |          6 |
|     core      | df_digit_adder  |        990 |        902 |      88 |    0 | 1490 |      1 |      0 |          6 |
|   u_conv2     |    thresholding |        500 |        486 |       0 |   14 |  599 |      0 |      1 |          0 |
+---------------+-----------------+------------+------------+---------+------+------+--------+--------+------------+
* Note: The sum of lower-level cells may be larger than their parent cells total.
"""  # noqa: E501
HEADS = (
    "Instance", "Module", "Total LUTs", "Logic LUTs", "LUTRAMs", "SRLs", "FFs", "RAMB36", "RAMB18", "URAM",
    "DSP Blocks",
)  # fmt: skip


def xml(*rows: tuple[object, ...]) -> str:
    def cells(row: tuple[object, ...]) -> str:
        return "".join(f'<tablecell halign="3" contents=" {cell} "/>' for cell in row)

    body = "".join(f"<tablerow>{cells(row)}</tablerow>" for row in (HEADS, *rows))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<RptDoc title="Utilization"><section title="Utilization by '
        f'Hierarchy"><table>{body}</table></section></RptDoc>'
    )


def test_text_is_read_by_the_heads_of_its_columns(tmp_path: Path) -> None:
    (tmp_path / "u.rpt").write_text(TEXT)
    found = instances(tmp_path / "u.rpt")
    assert found["u_conv1"] == Resources(lut=1000, ff=1500, bram18=2, dsp=6)
    assert found["u_conv2"] == Resources(lut=500, ff=599, bram18=1, dsp=0)
    assert set(found) == {"accelerator", "(accelerator)", "u_conv1", "core", "u_conv2"}


def test_xml_is_the_same_table(tmp_path: Path) -> None:
    rows = (
        ("u_conv1", "m", 1000, 912, 88, 0, 1500, 1, 0, 0, 6),
        ("u_x", "m", "7(0.01%)", 7, 0, 0, 3, 0, 1, 0, 0),
    )
    (tmp_path / "u.xml").write_text(xml(*rows))
    found = instances(tmp_path / "u.xml")
    assert found == {
        "u_conv1": Resources(lut=1000, ff=1500, bram18=2, dsp=6),
        "u_x": Resources(lut=7, ff=3, bram18=1),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("| Slice LUTs | 13997 |\n", "must be a utilisation report by instance"),
        (TEXT.replace("FFs", "Reg"), "no column FFs; it has Instance, Module"),
        ("<RptDoc>", "no element found"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><RptDoc/>', "entities of its own is not read"),
    ],
)
def test_what_is_no_such_report_is_told(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "u.rpt").write_text(text)
    with pytest.raises(InputError, match=message):
        instances(tmp_path / "u.rpt")
