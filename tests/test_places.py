"""Where the cache is: beside the runs, where `FLOW_CACHE` says, or where `--cache` does."""

from pathlib import Path
from typing import Any

import pytest

from fpga_flow.cli import main as cli
from fpga_flow.core import places
from fpga_flow.pipeline import flow
from tests import fakes


@pytest.fixture(autouse=True)
def used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """The caches that stages have been given."""
    found: list[Path] = []

    def train(context: flow.Context) -> Any:
        found.append(context.cache)
        return fakes.results()["train"]

    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages(train=train))
    monkeypatch.setattr(places, "RUNS", tmp_path / "out")
    monkeypatch.delenv(places.CACHE, raising=False)
    monkeypatch.chdir(tmp_path)
    return found


def train(*options: str) -> int:
    return cli.main(["build", "signals", "--until", "train", *options])


def test_cache_stands_beside_the_runs(used: list[Path], tmp_path: Path) -> None:
    assert train() == 0
    assert used == [tmp_path / "out" / ".cache"]


def test_option_comes_before_the_environment_and_only_for_its_command(
    used: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train("--cache", "near", "--out", "a") == 0
    assert train("--out", "b") == 0
    monkeypatch.setenv(places.CACHE, str(tmp_path / "far"))
    assert train("--out", "c") == 0
    assert train("--out", "d", "--cache", "near") == 0
    assert used == [tmp_path / name for name in ("near", "out/.cache", "far", "near")]
    assert places.cache() == tmp_path / "far"


def test_empty_variable_means_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(places.CACHE, "")
    assert places.cache() == tmp_path / "out" / ".cache"


@pytest.mark.parametrize("option", [True, False])
def test_a_file_is_no_cache(
    used: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any, option: bool
) -> None:
    (tmp_path / "file").write_text("")
    if not option:
        monkeypatch.setenv(places.CACHE, "file")
    assert train(*(("--cache", "file") if option else ())) == 2
    assert "error: --cache: file is a file; name a folder\n" in capfd.readouterr().err
    assert not used and not (tmp_path / "out").exists()
