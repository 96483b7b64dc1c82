"""What `flow list` says of runs: where they are, how large, and how far their training is."""

import re
from pathlib import Path
from typing import Any

import pytest

from fpga_flow.cli import main as cli
from fpga_flow.core import artifact, places
from fpga_flow.core.locking import locked
from fpga_flow.pipeline import flow, registry
from fpga_flow.train.checkpoint import save_state
from tests import fakes


@pytest.fixture
def listed(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("COLUMNS", "200")

    def lines() -> dict[str, str]:
        """The lines about runs, by their first word."""
        capfd.readouterr()
        assert cli.main(["list"]) == 0
        out = capfd.readouterr().out
        runs = out[out.index("\nRuns in ") :].splitlines()
        return {line.split()[0]: " ".join(line.split()[1:]) for line in runs if line.strip()}

    return lines


def test_runs_have_sizes(listed: Any) -> None:
    flow.execute(fakes.run_of(places.RUNS / "mine"), "train")
    (places.RUNS / "mine" / "train" / "large").write_bytes(bytes(7_000_000))
    assert re.fullmatch(r"pynq-z1 up to train 7\.0 MB", listed()["mine"])


def test_runs_made_elsewhere_are_listed_until_they_vanish(listed: Any, tmp_path: Path) -> None:
    other = tmp_path / "at home" / "net[bold]"
    flow.execute(fakes.run_of(tmp_path / "else"), "train")
    flow.execute(fakes.run_of(other), "train")
    flow.execute(fakes.run_of(tmp_path / "else"), "train")
    flow.execute(fakes.run_of(places.RUNS / "here"), "train")
    found = listed()
    assert found[str(tmp_path / "else")].startswith("pynq-z1 up to train")
    assert found[str(tmp_path / "at")].startswith("home/net[bold] pynq-z1")
    assert registry.elsewhere() == [other, tmp_path / "else"]
    assert len(list((places.cache() / "runs").iterdir())) == 3
    assert cli.main(["remove", str(tmp_path / "else"), "--yes"]) == 0
    assert str(tmp_path / "else") not in listed()
    assert len(list((places.cache() / "runs").iterdir())) == 2


def test_points_of_a_sweep_in_the_folder_of_runs_are_not_elsewhere() -> None:
    flow.execute(fakes.run_of(places.RUNS / "a-sweep" / "point"), "train")
    assert registry.elsewhere() == []
    assert registry.noted() == [places.RUNS / "a-sweep" / "point"]


@pytest.mark.parametrize("content", ["{", '"\\u0000"', "[1]", ""])
def test_a_damaged_note_is_dropped(tmp_path: Path, content: str) -> None:
    flow.execute(fakes.run_of(tmp_path / "run"), "train")
    (places.cache() / "runs" / "broken.json").write_text(content)
    assert registry.noted() == [tmp_path / "run"]
    assert len(list((places.cache() / "runs").iterdir())) == 1


def test_a_cache_that_cannot_be_written_stops_no_build(tmp_path: Path) -> None:
    places.RUNS.mkdir(parents=True)
    (places.RUNS / ".cache").write_text("a file")
    flow.execute(fakes.run_of(tmp_path / "run"), "train")
    assert (tmp_path / "run" / "train").is_dir()


def interrupted(_: flow.Context) -> Any:
    raise KeyboardInterrupt


def stopped_in(stage: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that was interrupted in `stage`; returns where that works."""
    monkeypatch.setattr("fpga_flow.pipeline.order.STAGES", fakes.stages(**{stage: interrupted}))
    run = fakes.run_of(places.RUNS / "mine", train={"epochs": 60, "float_epochs": 20})
    with pytest.raises(KeyboardInterrupt):
        flow.execute(run)
    return run.folder / f"{stage}{artifact.PARTIAL}"


def test_interrupted_training_shows_its_epoch(listed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stopped_in("train", monkeypatch)
    assert "train:" not in listed()["mine"]
    save_state(folder / "training-float.pt", {"curve": [{}] * 7})
    assert listed()["mine"].endswith("train: float epoch 7 of 20")
    save_state(folder / "training-quantised.pt", {"curve": [{}] * 23})
    assert listed()["mine"].endswith("train: epoch 23 of 60")
    (folder / "training-quantised.pt").write_bytes(b"half")
    assert "train:" not in listed()["mine"]


def test_interrupted_pruning_shows_its_rounds(listed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stopped_in("prune", monkeypatch)
    artifact.write_json(folder / "history.json", {"target": None, "rounds": [{}, {}, {}]})
    assert re.fullmatch(r"pynq-z1 up to train [\d.]+ \w+ prune: 3 rounds", listed()["mine"])


def test_a_run_that_is_being_built_is_said_to_be(listed: Any) -> None:
    flow.execute(fakes.run_of(places.RUNS / "mine"), "train")
    with locked(places.RUNS / "mine"):
        assert listed()["mine"].endswith(" running")
    assert not listed()["mine"].endswith(" running")
