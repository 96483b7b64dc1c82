"""The cache of simulators: what was not used for longest goes, and nothing that is in use."""

import os
from pathlib import Path

from fpga_flow.sim.cache import ABANDONED_SECONDS, touch, trim

NOW = 1_000_000_000.0


def simulator(cache: Path, name: str, age: float, size: int = 1 << 20) -> Path:
    folder = cache / name
    folder.mkdir(parents=True)
    (folder / "simulator").write_bytes(bytes(size))
    os.utime(folder, (NOW - age, NOW - age))
    return folder


def test_oldest_go_until_the_rest_fits(tmp_path: Path) -> None:
    old, older, new = (simulator(tmp_path, name, age) for name, age in (("a", 20), ("b", 30), ("c", 10)))
    assert trim(tmp_path, limit=5 << 19, grace=0, now=NOW) == [older]
    assert old.is_dir() and new.is_dir() and not older.exists()
    assert trim(tmp_path, limit=5 << 19, grace=0, now=NOW) == []


def test_objects_and_logs_count_and_go_too(tmp_path: Path) -> None:
    kept = simulator(tmp_path, "kept", 10)
    stale = [tmp_path / "objects" / "stale.o", tmp_path / "stale.log"]
    stale[0].parent.mkdir()
    for path in stale:
        path.write_bytes(bytes(1 << 20))
        os.utime(path, (NOW - 20, NOW - 20))
    assert sorted(trim(tmp_path, limit=3 << 19, grace=0, now=NOW)) == sorted(stale)
    assert (kept / "simulator").is_file() and (tmp_path / "objects").is_dir()


def test_what_is_touched_is_new_again(tmp_path: Path) -> None:
    first, second = simulator(tmp_path, "a", 20), simulator(tmp_path, "b", 10)
    touch(first)
    assert trim(tmp_path, limit=3 << 19, grace=0) == [second]


def test_what_was_used_lately_stays_whatever_the_size(tmp_path: Path) -> None:
    simulator(tmp_path, "a", 50)
    gone = simulator(tmp_path, "b", 70)
    assert trim(tmp_path, limit=0, grace=60, now=NOW) == [gone]


def test_a_killed_build_goes_and_a_running_one_stays(tmp_path: Path) -> None:
    killed = simulator(tmp_path, "building-1", ABANDONED_SECONDS + 1)
    running = simulator(tmp_path, "building-2", ABANDONED_SECONDS - 1)
    assert trim(tmp_path, limit=0, grace=0, now=NOW) == [killed]
    assert running.is_dir()


def test_an_empty_or_missing_cache_is_fine(tmp_path: Path) -> None:
    assert trim(tmp_path / "none") == trim(tmp_path) == []
