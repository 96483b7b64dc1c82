"""What stands in an export, and that it never replaces what is not its own."""

import json
import re
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from fpga_flow.cli.main import main
from fpga_flow.design.design import load_design
from fpga_flow.handover.sources import licensed, with_macro
from fpga_flow.integer.golden import top_k
from tests.words import unpack_words

SPIRIT = {"spirit": "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_list_has_every_source_in_order_by_a_relative_path(exported: Path, digits_run: Path) -> None:
    listed = (exported / "files.f").read_text().split()
    design = load_design(digits_run / "rtl")
    assert listed == list(design.sources)
    assert set(listed) == {f"src/{path.name}" for path in (exported / "src").glob("*.*v")}


def test_the_memory_files_are_those_of_the_run_and_named_by_the_macro(
    exported: Path, digits_run: Path
) -> None:
    data = {path.name: path.read_bytes() for path in (exported / "src" / "data").iterdir()}
    assert data == {path.name: path.read_bytes() for path in (digits_run / "rtl" / "data").iterdir()}
    assert len(data) > 2
    text = "\n".join(path.read_text() for path in (exported / "src").glob("*.*v"))
    named = re.findall(r'\{`ACCELERATOR_MEMORY_PATH, "([\w.]+)"\}', text)
    assert {name for name in data if any(name.startswith(begin) for begin in named)} == set(data)


def test_nothing_names_a_place_of_this_machine(exported: Path, digits_run: Path) -> None:
    for name, content in contents(exported).items():
        for place in (digits_run.parent, exported.parent, Path(sys.prefix)):
            assert str(place).encode() not in content, name


def test_the_vectors_are_the_golden_frames_as_words(exported: Path, digits_run: Path) -> None:
    design = load_design(digits_run / "rtl")
    spec = json.loads((exported / "host" / "host.json").read_text())["input"]
    bits = int(re.sub(r"\D", "", spec["datatype"]))
    with np.load(digits_run / "export" / "vectors.npz") as stored:
        x, logits = stored["x"][:5].reshape(5, -1), stored["logits"][:5]
    lines = (exported / "tb" / "vectors" / "input.hex").read_text().split()
    words = np.array([list(bytes.fromhex(line)[::-1]) for line in lines], np.uint8)
    values = unpack_words(words, bits, design.input.lanes, signed=spec["low"] < 0)
    assert np.array_equal(values.reshape(5, -1), x)
    found = [int(line, 16) for line in (exported / "tb" / "vectors" / "output.hex").read_text().split()]
    assert found == top_k(logits, 1)[:, 0].tolist()


def test_the_description_for_vivado_is_whole(exported: Path) -> None:
    root = ET.parse(exported / "component.xml").getroot()
    names = [element.text or "" for element in root.iterfind(".//spirit:file/spirit:name", SPIRIT)]
    assert [name for name in names if not (exported / name).is_file()] == []
    assert set(names) >= {str(path.relative_to(exported)) for path in (exported / "src").rglob("*.*")}
    ports = {element.text or "" for element in root.iterfind(".//spirit:port/spirit:name", SPIRIT)}
    mapped = {element.text or "" for element in root.iterfind(".//spirit:physicalPort/spirit:name", SPIRIT)}
    top = (exported / "src" / "accelerator.sv").read_text().partition(");")[0]
    assert ports == mapped == set(re.findall(r"put +logic.* (\w+),?$", top, re.MULTILINE))
    clock = root.find(".//spirit:value[@spirit:id='BUSIFPARAM_VALUE.AP_CLK.ASSOCIATED_BUSIF']", SPIRIT)
    assert clock is not None and clock.text == "s_axis:m_axis"


def test_the_readme_and_the_constraints_have_the_designs_figures(exported: Path, digits_run: Path) -> None:
    design, text = load_design(digits_run / "rtl"), (exported / "README.md").read_text()
    assert f"| `s_axis_tdata` | in | {design.input.width} |" in text
    assert f"| `m_axis_tdata` | out | {design.output.width} |" in text
    assert f"| words a frame | {design.input.words:,} | {design.output.words:,} |" in text
    assert f"| cycles per frame | {design.cycles_per_frame:,} predicted" in text
    assert "compared with the golden model | 24 frames, no difference" in text
    period = f"-period {1000 / design.clock_mhz:g} [get_ports ap_clk]"
    assert period in (exported / "constraints.xdc").read_text().replace(".0 ", " ")


def test_every_source_has_a_licence_in_its_head_and_in_the_table(exported: Path) -> None:
    table = (exported / "LICENSES" / "README.md").read_text()
    for path in (exported / "src").glob("*.*v"):
        head = path.read_text()[:600]
        foreign = "SPDX-License-Identifier: BSD-3-Clause" not in head
        assert not foreign or "Advanced Micro Devices" in head, path
        holder = "Advanced Micro Devices, Inc." if foreign else "the fpga-flow authors"
        assert f"| src/{path.name} | BSD-3-Clause | {holder} |" in table
    assert {"LICENSE", "NOTICE"} <= {path.name for path in (exported / "LICENSES").iterdir()}


def test_only_paths_of_memory_files_get_the_macro() -> None:
    text = '.A("data/one_x.dat"), .B("data/one_"), .C("data/other.dat"), .D("one_x.dat"), // "data/"\n'
    changed = with_macro(text, {"one_x.dat"}, "PATH")
    assert changed.endswith(
        '.A({`PATH, "one_x.dat"}), .B({`PATH, "one_"}), .C("data/other.dat"), .D("one_x.dat"), // "data/"\n'
    )
    assert changed.startswith('`ifndef PATH\n`define PATH "data/"\n`endif\n')
    assert with_macro("module a;\n", {"one_x.dat"}, "PATH") == "module a;\n"


def test_a_source_keeps_its_licence_and_one_without_gets_ours() -> None:
    assert licensed("module a;\n") == ("// SPDX-License-Identifier: BSD-3-Clause\nmodule a;\n", "fpga_flow")
    foreign = "/* Copyright (C) 2024, Advanced Micro Devices, Inc.\n */\nmodule a;\n"
    assert licensed(foreign) == (foreign, "FINN")


def test_a_folder_with_other_files_is_left_alone(
    digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.sv").write_text("module mine;\n")
    for options in ([], ["--force"]):
        assert main(["export-rtl", str(digits_run), str(tmp_path), *options]) == 2
        assert "is not empty, and no export wrote it" in capsys.readouterr().err
    assert contents(tmp_path) == {"mine.sv": b"module mine;\n"}


def test_an_export_is_replaced_only_with_force_and_only_where_it_is_as_it_was(
    exported: Path, digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "ip"
    shutil.copytree(exported, folder)
    assert main(["export-rtl", str(digits_run), str(folder)]) == 2
    assert "--force" in capsys.readouterr().err
    (folder / "build").mkdir()
    (folder / "build" / "kept").touch()
    assert main(["export-rtl", str(digits_run), str(folder), "--force", "--frames", "2"]) == 0
    assert len((folder / "tb" / "vectors" / "output.hex").read_text().split()) == 2
    assert (folder / "build" / "kept").exists() and not (folder / "verilog").exists()

    for name in ("src/accelerator.sv", "notes.txt"):
        before = (folder / name).read_text() if (folder / name).exists() else None
        (folder / name).write_text("changed by hand\n")
        stood = contents(folder)
        capsys.readouterr()
        assert main(["export-rtl", str(digits_run), str(folder), "--force"]) == 2
        assert f"{name}: no export wrote this, or it was changed since" in capsys.readouterr().err.replace(
            "\n", " "
        )
        assert contents(folder) == stood
        if before is not None:
            (folder / name).write_text(before)
    assert [path.name for path in tmp_path.iterdir()] == ["ip"]


@pytest.mark.parametrize("frames", ["0", "-1"])
def test_less_than_one_frame_is_refused(digits_run: Path, tmp_path: Path, frames: str) -> None:
    assert main(["export-rtl", str(digits_run), str(tmp_path / "ip"), "--frames", frames]) == 2
    assert not (tmp_path / "ip").exists()


def test_a_run_without_rtl_is_refused(
    digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(digits_run, run)
    shutil.rmtree(run / "rtl")
    assert main(["export-rtl", str(run), str(tmp_path / "ip")]) == 2
    assert "rtl missing or out of date; run 'flow build'" in capsys.readouterr().err.replace("\n", " ")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
