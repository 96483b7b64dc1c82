"""The options of `flow build` that say what hardware is folded for."""

from pathlib import Path

import pytest

from fpga_flow.cli import building
from fpga_flow.cli import main as cli
from fpga_flow.core.recipe_parts.hardware import HardwareRecipe
from fpga_flow.pipeline import flow


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[flow.Run]:
    runs: list[flow.Run] = []
    monkeypatch.setattr(building, "build", lambda run, until: runs.append(run))
    return runs


def hardware_of(runs: list[flow.Run], folder: Path, *options: str) -> HardwareRecipe:
    assert cli.main(["build", "--out", str(folder / "run"), *options]) == 0
    return runs[-1].recipe.hardware


def test_a_rate_a_latency_and_the_board_are_targets(built: list[flow.Run], tmp_path: Path) -> None:
    assert hardware_of(built, tmp_path).target == "fps"
    rate = hardware_of(built, tmp_path, "--fps", "20000")
    assert (rate.target, rate.fps) == ("fps", 20_000)
    latency = hardware_of(built, tmp_path, "--latency", "12.5")
    assert (latency.target, latency.latency_us) == ("latency", 12.5)
    fit = hardware_of(built, tmp_path, "--fit", "--set", "hardware.margin=0.1")
    assert (fit.target, fit.margin) == ("board", 0.1)


def test_the_clock_goes_with_every_target(built: list[flow.Run], tmp_path: Path) -> None:
    assert hardware_of(built, tmp_path, "--clock", "150").clock_mhz == 150
    assert hardware_of(built, tmp_path, "--clock", "150", "--fit").target == "board"
    assert hardware_of(built, tmp_path).clock_mhz is None


def test_an_option_takes_the_place_of_the_recipes_target(built: list[flow.Run], tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text('[hardware]\ntarget = "latency"\nlatency_us = 3.0\n')
    assert hardware_of(built, tmp_path, str(recipe)).latency_us == 3.0
    for option in (("--fps", "10"), ("--fit",)):
        assert hardware_of(built, tmp_path, str(recipe), *option).latency_us is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--fps", "1", "--fit"), "--fps and --fit: hardware is folded for one target; give one of them"),
        (("--fps", "1", "--latency", "1"), "--fps and --latency: hardware is folded for one target"),
        (("--latency", "0"), "--latency must be greater than 0, not 0.0"),
        (("--set", "hardware.target=latency"), "hardware.latency_us must be given in microseconds"),
        (("--set", "hardware.latency_us=3.0"), "hardware.latency_us: must be left out where hardware.target"),
        (("--fit", "--set", "hardware.margin=1.5"), "hardware.margin: must be less than 1, not 1.5"),
    ],
)
def test_wrong_targets_are_refused_naming_the_settings(
    built: list[flow.Run],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    message: str,
) -> None:
    assert cli.main(["build", "--out", str(tmp_path / "run"), *options]) == 2
    assert message in capsys.readouterr().err and not built
