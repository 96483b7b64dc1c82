"""`flow clean`."""

import json
import os
import re
import time
from pathlib import Path

import pytest
from filelock import FileLock

from fpga_flow.cli import main as cli
from fpga_flow.core import places
from fpga_flow.core.locking import locked
from fpga_flow.pipeline import flow, registry
from fpga_flow.sim.cache import BUILDING
from fpga_flow.storage.cache import KINDS, entries
from tests import fakes

DAY = 86_400.0
FILES = {
    "data": "data/signals-1.h5",
    "kernels": "kernels-1-2.so",
    "rounds": "prune/0123/1.pt",
    "layers": "layers/0123.json",
    "synthesis": "synth/0123.json",
    "proofs": "proofs/0123.json",
    "simulators": "verilator/0123/simulator",
    "objects": "verilator/objects/0123-4567.o",
}
"""A file of each kind."""


def put(name: str, days: float = 10.0, size: int = 1000) -> Path:
    """Make a file in the cache, whose entry was last used so many days ago."""
    path = places.cache() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    age(path, days)
    if path.parent.parent.name in ("prune", "verilator"):
        age(path.parent, days)
    return path


def age(path: Path, days: float) -> None:
    then = time.time() - days * DAY
    os.utime(path, (then, then))


@pytest.fixture
def cache() -> dict[str, Path]:
    return {kind: put(name) for kind, name in FILES.items()}


def left(cache: dict[str, Path]) -> set[str]:
    return {kind for kind, path in cache.items() if path.exists()}


def running(folder: Path, hours: float) -> Path:
    """Make a run that began so many hours ago, for a test to lock."""
    flow.execute(fakes.run_of(folder), "train")
    age(folder / flow.RECIPE, hours / 24)
    return folder


def test_without_options_it_shows_kinds_and_removes_nothing(
    cache: dict[str, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    put("synth/0123.log", days=3)
    put("synth/4567.json", days=0, size=500_000)
    assert cli.main(["clean"]) == 0
    out = capfd.readouterr().out
    lines = {line.split()[0]: line.split()[-5:] for line in out.splitlines() if line}
    assert lines["synthesis"] == ["502.0", "kB", "2", "3", "days"]
    assert lines["data"][-3:] == ["1", "10", "days"]
    assert "Total 509.0 kB." in out
    assert left(cache) == set(KINDS)


def test_kinds_are_removed_by_name(cache: dict[str, Path], capfd: pytest.CaptureFixture[str]) -> None:
    put("synth/0123.log")
    put("synth/0123.lock")
    assert cli.main(["clean", "--kind", "synthesis", "--kind", "rounds", "--kind", "rounds"]) == 0
    assert left(cache) == set(KINDS) - {"synthesis", "rounds"}
    assert list((places.cache() / "synth").iterdir()) == []
    out = capfd.readouterr().out
    assert "synthesis   1 entry removed, 3.0 kB freed\n" in out
    assert f"{places.cache()}: 2 entries removed, 4.0 kB freed\n" in out


def test_old_entries_are_removed_of_all_kinds_or_of_those_named(cache: dict[str, Path]) -> None:
    new = put("layers/new.json", days=2)
    assert cli.main(["clean", "--older-than", "11"]) == 0
    assert left(cache) == set(KINDS)
    assert cli.main(["clean", "--older-than", "9.5", "--kind", "objects"]) == 0
    assert left(cache) == set(KINDS) - {"objects"}
    assert cli.main(["clean", "--older-than", "5"]) == 0
    assert left(cache) == set() and new.is_file()


def test_nothing_but_entries_is_removed(cache: dict[str, Path], tmp_path: Path) -> None:
    mine = put("mine/thesis.txt")
    flow.execute(fakes.run_of(tmp_path / "run"), "train")
    assert cli.main(["clean", "--older-than", "0"]) == 0
    assert left(cache) == set() and mine.is_file() and registry.noted() == [tmp_path / "run"]


def test_an_entry_whose_lock_is_held_stays(cache: dict[str, Path], capfd: pytest.CaptureFixture[str]) -> None:
    lock = put("synth/0123.lock")
    other = put("synth/4567.json")
    with FileLock(lock):
        assert cli.main(["clean", "--kind", "synthesis"]) == 0
    assert cache["synthesis"].is_file() and lock.is_file() and not other.exists()
    assert "1 entry removed, 1.0 kB freed; 1 may be in use and stay" in capfd.readouterr().out


@pytest.mark.parametrize("where", ["out/run", "elsewhere/run"])
def test_what_a_running_build_has_used_stays(cache: dict[str, Path], tmp_path: Path, where: str) -> None:
    run = running(tmp_path / where, hours=3)
    used = put("verilator/4567/simulator", days=2 / 24)
    with locked(run):
        assert cli.main(["clean", "--older-than", "0"]) == 0
    assert left(cache) == {"data", "kernels", "rounds"}, "whose use leaves no trace"
    assert used.is_file()
    assert cli.main(["clean", "--older-than", "0"]) == 0
    assert left(cache) == set() and not used.exists()


def test_a_simulator_that_is_being_built_stays_until_it_is_abandoned() -> None:
    new = put(f"verilator/{BUILDING}new/work", days=0.5)
    old = put(f"verilator/{BUILDING}old/work", days=1.5)
    assert cli.main(["clean", "--kind", "simulators"]) == 0
    assert new.is_file() and not old.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--kind", "runs"), "--kind: must be one of data, kernels, rounds,"),
        (("--kind", "../out"), "--kind: must be one of data, kernels, rounds,"),
        (("--older-than", "-1"), "--older-than: must be a number of days, 0 or more, not -1"),
        (("--older-than", "nan"), "--older-than: must be a number of days, 0 or more, not nan"),
    ],
)
def test_wrong_options_remove_nothing(
    cache: dict[str, Path], capfd: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    assert cli.main(["clean", *options]) == 2
    assert f"error: {message}" in capfd.readouterr().err
    assert left(cache) == set(KINDS)


def test_every_folder_that_the_program_keeps_in_the_cache_is_of_a_kind() -> None:
    code = [path.read_text() for path in (places.CODE / "fpga_flow").rglob("*.py")]
    named = {name for text in code for name in re.findall(r'cache(?:\(\))? / "(\w+)"', text)}
    patterns = {kind.files.partition("/")[0] for kind in KINDS.values()}
    assert {"data", "synth", "verilator"} <= named <= patterns
    assert registry.FOLDER not in patterns


def test_entries_come_oldest_first() -> None:
    for name, days in (("b", 1), ("a", 3), ("c", 2)):
        put(f"layers/{name}.json", days=days).write_text(json.dumps(name))
        age(places.cache() / "layers" / f"{name}.json", days)
    assert [entry.paths[0].stem for entry in entries(KINDS["layers"])] == ["a", "c", "b"]
