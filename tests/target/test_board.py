"""Boards: those that come with the project, and a file of the user's own."""

from pathlib import Path

import pytest

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import load_recipe, make_recipe
from fpga_flow.core.settings import changes_of, hardware_changes
from fpga_flow.pipeline import flow
from fpga_flow.report import assemble
from fpga_flow.target.board import BOARDS, board
from fpga_flow.target.families import names
from fpga_flow.target.resources import Resources
from tests import fakes

MINE = """
name = "mine"
part = "xc7a35tcpg236-1"
family = "xc7"
clock_mhz = 80
lut = 20_800
ff = 41_600
bram18 = 100
dsp = 190
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A board's file in the working folder."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.toml"
    file.write_text(MINE)
    return file


def test_every_board_is_named_after_its_file_and_of_a_known_family() -> None:
    assert {"pynq-z1", "pynq-z2", "zcu104"} <= BOARDS.keys()
    for name, each in BOARDS.items():
        assert each.name == name and each.family.name in names() and each.processor


def test_a_unit_of_what_a_board_has_little_of_is_dear() -> None:
    z1 = board("pynq-z1")
    assert z1.prices.ff == pytest.approx(0.1 * z1.capacity.lut / z1.capacity.ff)
    assert z1.prices.lut == 1 and z1.prices.dsp == z1.capacity.lut / z1.capacity.dsp


def test_a_file_is_taken_from_the_option_a_setting_and_a_recipe(mine: Path, tmp_path: Path) -> None:
    folder = tmp_path / "below"
    folder.mkdir()
    recipe = folder / "r.toml"
    recipe.write_text('board = "../mine.toml"\n')
    ways = [
        make_recipe({"name": "r"}, hardware_changes("mine.toml", None)),
        make_recipe({"name": "r"}, changes_of(["board=mine.toml"])),
        load_recipe(recipe),
    ]
    for way in ways:
        found = board(way.board)
        assert (way.board_name, found.part, found.clock_mhz) == ("mine", "xc7a35tcpg236-1", 80)
        assert found.capacity == Resources(20_800, 41_600, 100, 190)


def test_a_recipe_may_hold_the_board_itself(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text(f"[board]{MINE}")
    assert board(load_recipe(file).board).capacity.dsp == 190


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{MINE}lots = 3", r"{file}: lots is no key of a board; it must be one of name, part, family, .*"),
        (MINE.replace("dsp = 190", "dsp = 0"), r"{file}: dsp must be greater than or equal to 1, not 0"),
        (MINE.replace("dsp = 190", ""), r"{file}: dsp is missing"),
        (MINE.replace('"xc7"', "7"), r"{file}: family must be a valid string, not 7"),
        (MINE.replace("=", "", 1), r"{file}: Expected .*"),
    ],
)
def test_a_wrong_file_is_named_with_its_key(mine: Path, text: str, message: str) -> None:
    mine.write_text(text)
    with pytest.raises(InputError, match=f"^{message.format(file=mine)}$"):
        hardware_changes("mine.toml", None)


def test_a_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wanted = f"^board: must be a TOML file, not '{tmp_path / 'nix.toml'}', which does not exist$"
    with pytest.raises(InputError, match=wanted):
        hardware_changes("nix.toml", None)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"xc7"', '"xc9"', "board mine: family: must be one of xc7, xcup, not 'xc9'"),
        ('"xc7"', '"xcup"', "board mine: part: must begin with xczu or xck2, .*, not 'xc7a35tcpg236-1'"),
    ],
)
def test_an_unknown_or_another_family_is_told_before_a_run_is_made(
    mine: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    mine.write_text(MINE.replace(old, new))
    recipe = make_recipe({"name": "r"}, hardware_changes("mine.toml", None))
    with pytest.raises(InputError, match=f"^{message}$"):
        flow.new_run(tmp_path / "run", recipe)


def test_a_value_that_is_no_board_is_told() -> None:
    with pytest.raises(InputError, match="^recipe: board must be a name or a table, not 3$"):
        make_recipe({"name": "r", "board": 3})
    with pytest.raises(InputError, match=r"^recipe: board\.part is missing \(and 6 more\)$"):
        make_recipe({"name": "r", "board": {"name": "x"}})


def test_a_changed_board_runs_the_stages_that_depend_on_it(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages())

    def made() -> list[str]:
        run = flow.new_run(tmp_path / "run", make_recipe({"name": "r"}, hardware_changes("mine.toml", None)))
        flow.execute(run)
        return run.made

    assert "synth" in made() and made() == []
    mine.write_text(f"# as before\n{MINE}")
    assert made() == []
    mine.write_text(MINE.replace("dsp = 190", "dsp = 180"))
    assert made() == ["hardware", "estimate", "synth"]


def test_a_run_knows_its_board_when_the_file_is_gone(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages())
    run = flow.new_run(tmp_path / "run", make_recipe({"name": "r"}, hardware_changes("mine.toml", None)))
    flow.execute(run)
    mine.unlink()
    opened = flow.open_run(tmp_path / "run")
    flow.execute(opened)
    report = assemble(opened)
    assert opened.made == [] and report.board == "mine"
    assert report.hardware is not None and report.hardware.family == "xc7"
