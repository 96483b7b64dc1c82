"""Entries of a cache that know their own content."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fpga_flow.core import kept


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "made.o"
    path.write_bytes(b"object code")
    return path


def test_file_is_found_by_its_key_and_suffix(source: Path, tmp_path: Path) -> None:
    path = kept.keep_file(source, tmp_path / "cache", "abc", ".o")
    assert path.read_bytes() == b"object code"
    assert kept.find_file(tmp_path / "cache", "abc", ".o") == path
    assert kept.find_file(tmp_path / "cache", "ab", ".o") is None
    assert kept.find_file(tmp_path / "cache", "abc", ".so") is None
    assert kept.find_file(tmp_path / "none", "abc", ".o") is None


@pytest.mark.parametrize("content", [b"", b"object cod", b"Object code", b"object code "])
def test_changed_file_is_not_found_and_goes(
    source: Path, tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = kept.keep_file(source, tmp_path / "cache", "abc", ".o")
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert kept.find_file(tmp_path / "cache", "abc", ".o") is None
    assert caplog.messages == [f"{path} is damaged and is made again"]
    assert not path.exists()


def test_table_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "table.json"
    assert kept.read_table(path) is None
    kept.write_table(path, {"lut": 3})
    assert kept.read_table(path) == {"lut": 3}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"value": {"lut": 3}, "sha256": "0"}'])
def test_damaged_table_counts_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "table.json"
    kept.write_table(path, {"lut": 3})
    path.write_text(text)
    assert kept.read_table(path) is None


def test_changed_number_in_a_table_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    kept.write_table(path, {"lut": 3})
    path.write_text(path.read_text().replace("3", "4", 1))
    assert kept.read_table(path) is None


def test_a_table_may_be_written_by_several_at_once(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "table.json"

    def write(number: int) -> None:
        for _ in range(50):
            kept.write_table(path, {"lut": number})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert kept.read_table(path)["lut"] in range(8)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
