"""Families: which there are, and one that is added from outside."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import make_recipe
from fpga_flow.synth.yosys import make_script, synthesise
from fpga_flow.target import families
from fpga_flow.target.board import board
from fpga_flow.target.family import BlockRam, BlockShape, Cells, Family, LutMemory
from fpga_flow.target.memory import bram18_of, memory
from fpga_flow.target.resources import Resources
from tests.synth.test_yosys import REGISTER

SYNTH = "synth_ecp5 -noiopad -run"
OTHER = Family(
    name="other",
    parts=("lfe5",),
    multiplier=(18, 18),
    dsp_product=4,
    block_ram=BlockRam(tuple(BlockShape(*s, 1, 128) for s in ((36, 512), (18, 1024), (9, 2048)))),
    lut_memory=LutMemory(rom_bits=16, luts=4, shapes=((4, 16), (2, 32)), cost=(0, 4)),
    cells=Cells(
        lut={"LUT4": 1},
        lutram={"TRELLIS_DPR16X4": 4},
        ff={"TRELLIS_FF": 1},
        bram18={"DP16KD": 1, "PDPW16KD": 1},
        dsp={"MULT18X18D": 1},
        carry={"CCU2C": 1},
        free=("L6MUX21", "PFUMX"),
    ),
    synthesis=(f"{SYNTH} begin:begin", "hierarchy -check -top {top}", f"{SYNTH} coarse:check"),
)
"""Made up, with a vendor that the project does not know."""


@pytest.fixture
def other() -> Iterator[Family]:
    yield families.register(OTHER)
    families.forget(OTHER)


def test_a_part_has_its_family() -> None:
    assert families.family_of("xc7z020clg400-1") is families.family_named("xc7")
    assert families.family_of("XCZU7EV-FFVC1156-2-E") is families.family_named("xcup")
    with pytest.raises(
        InputError, match=r"^part: must begin with xc7 \(xc7\), .* \(xcup\), not 'lfe5u-85f'$"
    ):
        families.family_of("lfe5u-85f")
    with pytest.raises(InputError, match="^family: must be one of xc7, xcup, not 'other'$"):
        families.family_named("other")


def test_a_name_is_taken_once(other: Family) -> None:
    assert families.register(other) is other
    with pytest.raises(ValueError, match="there is a family other already"):
        families.register(replace(other))


def test_a_board_of_a_registered_family_is_taken(other: Family) -> None:
    table = {"name": "mine", "part": "LFE5U-85F", "family": "other", "clock_mhz": 50}
    holds = {"lut": 83_640, "ff": 83_640, "bram18": 208, "dsp": 156}
    assert board(make_recipe({"name": "r", "board": {**table, **holds}}).board).family is other
    assert families.family_of("LFE5U-85F") is other


def test_a_registered_family_is_synthesised_by_its_commands_and_counted_by_its_cells(
    other: Family, tmp_path: Path
) -> None:
    (tmp_path / "source.sv").write_text(REGISTER)
    script = make_script("register", [tmp_path / "source.sv"], other, tmp_path / "cells.json")
    assert f"{SYNTH} coarse:check\n" in script and "hierarchy -check -top register\n" in script
    assert "xilinx" not in script and "blackboxed" not in script
    usage = synthesise("register", [Path("source.sv")], tmp_path, other, tmp_path / "yosys.log")
    assert usage == Resources(ff=8)
    text = """
    module both(
      input logic clk, we, input logic [9:0] at, input logic [17:0] d, output logic [17:0] q,
      input logic signed [17:0] a, b, output logic signed [35:0] y
    );
      logic [17:0] words[1024];
      always_ff @(posedge clk) begin
        if (we) words[at] <= d;
        q <= words[at];
        y <= a * b;
      end
    endmodule"""
    (tmp_path / "source.sv").write_text(text)
    usage = synthesise("both", [Path("source.sv")], tmp_path, other, tmp_path / "yosys.log")
    assert (usage.dsp, usage.bram18, usage.ff) == (1, 1, 36)


def test_memories_follow_the_geometry_of_the_family() -> None:
    xc7 = families.family_named("xc7")
    assert (memory(xc7, 8, 64), memory(OTHER, 8, 64)) == (Resources(lut=8), Resources(lut=32))
    assert memory(OTHER, 4, 32, writable=True) == Resources(lut=8)
    assert (memory(xc7, 8, 256).bram18, memory(OTHER, 8, 256).bram18) == (0, 1)
    assert (int(bram18_of(xc7, 72, 512)), int(bram18_of(OTHER, 72, 512))) == (2, 2)


@pytest.mark.parametrize(
    ("words", "bits", "read_only", "written"),
    [
        (2400, 21, 3, 4),  # five rows of 512 words, beside each other; nine bits are written together
        (1300, 50, 5, None),
        (9000, 6, 3, None),
        (3000, 40, 7, 8),
        (2500, 20, 3, 4),
        (5000, 12, 4, 5),
        (530, 72, 4, 4),
    ],
)
def test_rows_of_block_ram_lie_beside_each_other(
    words: int, bits: int, read_only: int, written: int | None
) -> None:
    """The counts are Yosys' own."""
    xc7 = families.family_named("xc7")
    assert bram18_of(xc7, bits, words) == read_only
    if written is not None:
        assert memory(xc7, bits, words, writable=True).bram18 == written


@pytest.mark.parametrize(
    ("words", "bits", "blocks"),
    [(600, 2, 0), (1000, 1, 0), (400, 8, 1), (128, 48, 2), (64, 90, 0), (70, 33, 1), (511, 2, 0)],
)
def test_yosys_is_known_to_take_luts_or_block_ram(words: int, bits: int, blocks: int) -> None:
    """The counts are Yosys' own."""
    assert memory(families.family_named("xc7"), bits, words, writable=True).bram18 == blocks


@pytest.mark.parametrize(
    ("words", "bits", "luts", "blocks"), [(64, 14, 16, 0), (32, 30, 24, 0), (70, 33, 0, 1), (300, 20, 0, 1)]
)
def test_memories_in_luts_of_ultrascale_are_wider(words: int, bits: int, luts: int, blocks: int) -> None:
    """The counts are Yosys' own."""
    found = memory(families.family_named("xcup"), bits, words, writable=True)
    assert found.bram18 == blocks
    assert blocks or found.lut == luts


def test_a_familys_digest_has_its_fields_and_the_content_of_its_files(tmp_path: Path) -> None:
    file = tmp_path / "map.v"
    digests = {OTHER.digest, replace(OTHER, multiplier=(19, 18)).digest}
    for text in ("// one", "// another"):
        file.write_text(text)
        digests.add(replace(OTHER, files={"map": file}).digest)
    assert len(digests) == 4 and OTHER.digest == replace(OTHER).digest
