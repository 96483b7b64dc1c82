"""`flow estimate` of a run and of a file: budgets of boards, the picture, exit code 5."""

import json
from pathlib import Path
from typing import Any

import pytest

from fpga_flow.cli import main as cli

NETWORK = str(Path(__file__).parents[1] / "cases" / "networks" / "qcdq.onnx")
BOARD = """
name = "tiny"
part = "xc7z007s"
family = "xc7"
clock_mhz = 100.0
lut = {lut}
ff = 28_800
bram18 = 100
dsp = 66
"""


def tables(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert cli.main(["estimate", *words, "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def tiny(folder: Path, lut: int) -> str:
    (folder / "tiny.toml").write_text(BOARD.format(lut=lut))
    return str(folder / "tiny.toml")


def test_a_file_has_a_budget_for_each_board_whose_layers_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    found = tables(capsys, NETWORK, "--fps", "2000")
    assert [one["board"] for one in found] == ["pynq-z1", "pynq-z2", "zcu104"]
    for one in found:
        assert one["fits"] == "fits" and one["fps"] >= 2000
        for key in ("lut", "ff", "bram18", "dsp"):
            assert one[key] == sum(layer[key] for layer in one["layers"].values())
            low, high = one["ranges"][key]
            assert low <= one[key] <= high


def test_a_run_is_estimated_as_its_stage_does(digits_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = tables(capsys, str(digits_run), "--board", "pynq-z1")
    report = json.loads((digits_run / "report.json").read_text())
    assert {key: found[key] for key in ("lut", "ff", "bram18", "dsp")} == {
        key: report["estimate"][key] for key in ("lut", "ff", "bram18", "dsp")
    }
    assert found["cycles_per_frame"] == report["hardware"]["cycles_per_frame"]


def test_tables_name_the_resource_with_the_largest_share_and_the_picture_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "layers.svg"
    words = ["estimate", NETWORK, "--board", "pynq-z1", "--fps", "2000", "--picture", str(picture)]
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert (
        "The largest share of pynq-z1 is that of its" in said
        and "FIFOs, width converters" in said
        and str(picture) in said
    )
    assert picture.read_text().startswith("<?xml")
    assert cli.main([*words[:-1], str(tmp_path / "layers.jpg")]) == 2
    assert "--picture: must end in .svg or .png, not 'layers.jpg'" in capsys.readouterr().err


def test_a_board_that_is_too_small_whatever_the_truth_is_ends_with_what_would_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (whole,) = tables(capsys, NETWORK, "--fps", "100000", "--board", "pynq-z1")
    board = tiny(tmp_path, round(0.4 * whole["lut"]))
    assert cli.main(["estimate", NETWORK, "--fps", "100000", "--board", board]) == 5
    out, said = capsys.readouterr()
    assert "does not fit" in out
    assert "error: the design cannot fit the board tiny: it is expected to take" in said
    assert "--fps: " in said and "--bits: " in said and "--board: pynq-z1 holds it" in said


def test_what_is_neither_a_run_nor_a_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["estimate", str(tmp_path / "none.onnx")]) == 2
    assert "RUN: " in capsys.readouterr().err
    assert cli.main(["estimate", NETWORK, "--board", "atlantis"]) == 2
    assert "board: must be one of" in capsys.readouterr().err
