"""Factors for another tool's counts, the errors with and without, and the board's file with them."""

import re
import tomllib
from pathlib import Path

import pytest

from fpga_flow.budget.refit import Compared, errors, errors_left_out, factors
from fpga_flow.cli import main as cli
from fpga_flow.core import artifact
from fpga_flow.core.recipe import read_board
from fpga_flow.finn.session import finn_session
from fpga_flow.integer.names import instance
from fpga_flow.layers import GRAPH
from fpga_flow.layers.backends import load_graph
from fpga_flow.layers.base import stands_between
from fpga_flow.target.board import board, of_recipe
from fpga_flow.target.resources import Resources
from tests.bitstream.test_timing import path

HEAD = "| Instance | Module | Total LUTs | Logic LUTs | LUTRAMs | SRLs | FFs | RAMB36 | RAMB18 | DSP Blocks |"


@pytest.fixture
def run(run_folder: Path, tmp_path: Path) -> Path:
    """A run that went as far as its hardware."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "hardware").symlink_to(run_folder / "hardware")
    artifact.write_json(folder / "recipe.json", {"name": "t"})
    return folder


def layer(name: str, operator: str, expected: int, found: int) -> Compared:
    return Compared(name, operator, Resources(lut=expected, ff=expected), Resources(lut=found, ff=2 * found))


LAYERS = [
    layer("a", "X", 100, 80),
    layer("b", "X", 300, 240),
    layer("c", "Y", 200, 300),
    layer("d", "Y", 10, 9),
]


def test_a_factor_is_the_ratio_of_sums_by_operator_and_resource() -> None:
    found = factors(LAYERS)
    assert found == {
        "X": {"lut": 0.8, "ff": 1.6},
        "Y": {"lut": round(309 / 210, 4), "ff": round(618 / 210, 4)},
    }
    assert factors([LAYERS[3]]) == {}  # too small to say anything


def test_errors_before_after_and_of_layers_that_are_left_out() -> None:
    by = factors(LAYERS)
    before, after = errors(LAYERS, {}, "lut"), errors(LAYERS, by, "lut")
    assert before.total == pytest.approx(610 / 629 - 1) and before.median == pytest.approx(0.25)
    assert after.total == pytest.approx(0, abs=1e-3) and after.median < 0.02
    apart = errors_left_out(LAYERS, "lut")
    assert apart.median == pytest.approx(0, abs=1e-9)  # a and b tell each other's factor; c's is not known
    assert apart.total < after.total


def test_the_command_writes_a_board_whose_estimates_are_those_of_the_report(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from fpga_flow.hardware.estimate import estimate_layers

    target = board("pynq-z1")
    model = load_graph(run / "hardware" / GRAPH)
    expected = estimate_layers(model, target.family)
    rows = [
        f"| {instance(name)} | m | {round(1.25 * of.lut)} | 0 | 0 | 0 | {round(of.ff / 2)} | 0 | 0 | 0 |"
        for name, of in expected.items()
    ]
    (tmp_path / "u.rpt").write_text("\n".join([HEAD, *rows]))
    out = tmp_path / "mine.toml"
    assert cli.main(["refit", str(run), str(tmp_path / "u.rpt"), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"LUT +-(19\.|20\.)\d% +[+-]0\.\d%", said) and str(out) in said
    mine = of_recipe(read_board(out))
    assert (mine.name, mine.part, mine.capacity) == ("mine", target.part, target.capacity)
    assert tomllib.loads(out.read_text())["scales"]["MVAU_rtl"]["lut"] == pytest.approx(1.25, rel=0.01)
    again = estimate_layers(model, mine.family)
    units = [str(node.name) for node in model.graph.node if node.op_type == "MVAU_rtl"]
    for name in units:
        assert again[name].lut == pytest.approx(1.25 * expected[name].lut, rel=0.02)
        assert again[name].ff == pytest.approx(0.5 * expected[name].ff, rel=0.02)
    assert mine.family.digest == target.family.digest and mine.digest != target.digest


def test_the_longest_paths_are_shown_and_say_how_far_to_pipeline(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with finn_session():
        model = load_graph(run / "hardware" / GRAPH)
    first = next(str(node.name) for node in model.graph.node if not stands_between(str(node.op_type)))
    (tmp_path / "u.rpt").write_text(f"{HEAD}\n| {instance(first)} | m | 90 | 0 | 0 | 0 | 90 | 0 | 0 | 0 |\n")
    (tmp_path / "t.rpt").write_text(path("u_x", instance(first), 1.2, 5.4))
    out = tmp_path / "mine.toml"
    words = ["refit", str(run), str(tmp_path / "u.rpt"), "--timing", str(tmp_path / "t.rpt")]
    assert cli.main([*words, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert re.search(rf"{re.escape(first)} +- +2\.10 +5\.40 +1\.20 +3\n", said)
    family = of_recipe(read_board(out)).family
    assert family.level_ns == 2.5
    assert [family.levels(clock) for clock in (100.0, 200.0, 50.0)] == [4, 2, 6]
    assert [board("pynq-z1").family.levels(clock) for clock in (100.0, 200.0, 50.0)] == [6, 3, 6]
    (tmp_path / "t.rpt").write_text(path("u_x", "u_other", 1.2, 5.4))
    assert cli.main([*words, "--out", str(out)]) == 2
    assert "has no path that ends in a layer of the run" in capsys.readouterr().err


def test_a_report_of_another_design_is_refused(
    digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "u.rpt").write_text(f"{HEAD}\n| u_other | m | 1 | 1 | 0 | 0 | 1 | 0 | 0 | 0 |\n")
    words = ["refit", str(digits_run), str(tmp_path / "u.rpt"), "--out", str(tmp_path / "b.toml")]
    assert cli.main(words) == 2
    assert "has none of the run's layers" in capsys.readouterr().err
    assert not (tmp_path / "b.toml").exists()
    assert cli.main([*words[:-1], str(tmp_path / "b.txt")]) == 2
    assert "--out: must end in .toml, not 'b.txt'" in capsys.readouterr().err
