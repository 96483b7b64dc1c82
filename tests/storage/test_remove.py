"""`flow remove`."""

import os
import sys
from pathlib import Path

import pytest

from fpga_flow.cli import main as cli
from fpga_flow.core import places
from fpga_flow.core.locking import locked
from fpga_flow.pipeline import flow
from fpga_flow.storage.sizes import taken
from tests import fakes


def made(folder: Path, size: int = 0) -> Path:
    flow.execute(fakes.run_of(folder), "train")
    (folder / "train" / "large").write_bytes(bytes(size))
    return folder


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: answer == "y")


def test_runs_go_by_name_and_by_path_and_their_size_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = made(places.RUNS / "first", 3_000_000), made(tmp_path / "second")
    kept = made(places.RUNS / "kept")
    capfd.readouterr()
    assert cli.main(["remove", "first", str(second), "--yes"]) == 0
    assert not first.exists() and not second.exists() and (kept / flow.RECIPE).is_file()
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == f"{first}  removed, 3.0 MB freed"
    assert lines[1].startswith(f"{second}  removed, ") and lines[2] == "3.0 MB freed"


@pytest.mark.parametrize("words", [["--yes"], []])
def test_what_is_no_run_is_refused_and_nothing_is_removed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    run = made(places.RUNS / "run")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for other in (str(tmp_path / "mine"), "nix", str(run / "train"), str(run / flow.RECIPE)):
        assert cli.main(["remove", "run", other, *words]) == 2
        said = "no run nix" if other == "nix" else f"{other} is no run of fpga_flow"
        assert f"error: RUN: {said}" in capfd.readouterr().err
    assert (tmp_path / "mine" / "thesis.txt").is_file() and (run / "train").is_dir()


def test_a_link_to_a_run_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = made(places.RUNS / "run")
    (tmp_path / "link").symlink_to(run)
    assert cli.main(["remove", str(tmp_path / "link"), "--yes"]) == 2
    assert f"is a link; name the folder itself, {run}" in capfd.readouterr().err
    assert (run / "train").is_dir()


def test_what_a_link_in_a_run_leads_to_stays(tmp_path: Path) -> None:
    run = made(places.RUNS / "run")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    (run / "link").symlink_to(tmp_path / "mine")
    assert cli.main(["remove", "run", "--yes"]) == 0
    assert not run.exists() and (tmp_path / "mine" / "thesis.txt").is_file()


def test_a_run_that_holds_other_runs_or_the_cache_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    outer = made(tmp_path / "outer")
    inner = made(outer / "inner")
    assert cli.main(["remove", str(outer), "--yes"]) == 2
    assert f"holds {inner}, which would go too" in capfd.readouterr().err
    assert cli.main(["remove", str(inner), "--yes"]) == 0
    monkeypatch.setenv(places.CACHE, str(outer / "cache"))
    assert cli.main(["remove", str(outer), "--yes"]) == 2
    assert (outer / "train").is_dir()


def test_a_run_that_is_being_built_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    free, busy = made(places.RUNS / "free"), made(places.RUNS / "busy")
    with locked(busy):
        assert cli.main(["remove", "free", "busy", "--yes"]) == 2
    error = capfd.readouterr().err
    assert f"{busy}: another flow is working on this run; wait until it is done, or end it" in error
    assert (free / "train").is_dir() and (busy / "train").is_dir()


def test_without_a_terminal_yes_must_be_given(capfd: pytest.CaptureFixture[str]) -> None:
    run = made(places.RUNS / "run")
    assert cli.main(["remove", "run"]) == 2
    assert "error: --yes: must be given where there is no terminal to ask on" in capfd.readouterr().err
    assert (run / "train").is_dir()


@pytest.mark.parametrize("answer", ["y", "n"])
def test_on_a_terminal_it_asks(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], answer: str
) -> None:
    run = made(places.RUNS / "run", 2_000_000)
    on_a_terminal(monkeypatch, answer)
    assert cli.main(["remove", "run"]) == 0
    assert f"{run}  2.0 MB" in capfd.readouterr().err
    assert run.exists() == (answer == "n")


def test_a_broken_run_can_be_removed() -> None:
    run = made(places.RUNS / "run")
    (run / flow.RECIPE).write_text("{")
    assert cli.main(["remove", "run", "--yes"]) == 0
    assert not run.exists()


def test_a_file_with_links_frees_nothing_until_the_last_one_goes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "one").write_bytes(bytes(1000))
    os.link(tmp_path / "a" / "one", tmp_path / "b" / "one")
    assert taken(tmp_path / "a") == (1000, 0)
    assert taken(tmp_path / "a", tmp_path / "b") == (1000, 1000)
    assert taken(tmp_path / "a" / "gone") == (0, 0)
