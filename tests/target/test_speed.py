"""Clocks and frame rates that a board cannot have, whatever the network is."""

from dataclasses import replace
from pathlib import Path

import pytest

from fpga_flow.cli import main as cli
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts.hardware import HardwareRecipe
from fpga_flow.pipeline import flow
from fpga_flow.target.board import BOARDS, board
from fpga_flow.target.speed import check_speed, most_mhz
from tests import fakes


@pytest.mark.parametrize("name", BOARDS)
def test_the_most_is_one_level_of_logic(name: str) -> None:
    one = board(name)
    most = most_mhz(one)
    assert most == pytest.approx(600) and one.family.levels(most) == 1
    check_speed(HardwareRecipe(clock_mhz=most), one)
    with pytest.raises(InputError, match=rf"601 MHz is more than {name} can do: .* counts as 1\.67 ns"):
        check_speed(HardwareRecipe(clock_mhz=601), one)


def test_a_board_s_own_level_and_clock_count() -> None:
    z1 = board("pynq-z1")
    faster = replace(z1, family=replace(z1.family, level_ns=1.2), clock_mhz=800)
    check_speed(HardwareRecipe(), faster)
    with pytest.raises(InputError, match="so 833 MHz at most"):
        check_speed(HardwareRecipe(clock_mhz=900), faster)
    with pytest.raises(InputError, match=r"hardware.clock_mhz: 800 MHz"):
        check_speed(HardwareRecipe(), replace(z1, clock_mhz=800))


def test_a_frame_takes_a_cycle_at_least() -> None:
    z1 = board("pynq-z1")
    check_speed(HardwareRecipe(fps=1e8), z1)
    check_speed(HardwareRecipe(fps=1.5e8, clock_mhz=150), z1)
    with pytest.raises(InputError, match=r"100,000,000 at most .*; lower --fps, or raise --clock to 151 MHz"):
        check_speed(HardwareRecipe(fps=1.501e8), z1)
    with pytest.raises(InputError, match=r"; lower --fps$"):
        check_speed(HardwareRecipe(fps=1e9), z1)
    check_speed(HardwareRecipe(target="latency", latency_us=1.0, fps=1e9), z1)


@pytest.mark.parametrize("words", [("--clock", "700"), ("--set", "hardware.clock_mhz=700"), ("--fps", "2e8")])
def test_it_is_told_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages())
    assert cli.main(["build", "signals", "--out", str(tmp_path / "run"), *words]) == 2
    said = capfd.readouterr().err
    assert "600 MHz at most" in said or "100,000,000 at most" in said
    assert not (tmp_path / "run").exists()


def test_estimate_tells_it_before_the_run_is_built(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages())
    flow.execute(fakes.run_of(tmp_path / "run"), "train")
    assert cli.main(["estimate", str(tmp_path / "run"), "--clock", "700"]) == 2
    assert "600 MHz at most" in capfd.readouterr().err
    assert not (tmp_path / "run" / "prune").exists()


def test_wrong_clocks_are_named_by_their_option(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for value, message in (("0", "--clock must be greater than or equal to 1"), ("fast", "must be a number")):
        assert cli.main(["build", "--out", str(tmp_path / "run"), "--clock", value]) == 2
        assert message in capfd.readouterr().err
