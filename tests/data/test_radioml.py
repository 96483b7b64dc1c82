from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from fpga_flow.core.errors import InputError
from fpga_flow.data import Split, radioml, radioml_file
from tests.data.files import layout, write


def test_split_is_that_of_the_challenge() -> None:
    test = radioml.split_indices(4096, 26, "test", 0.1, 1)
    train = radioml.split_indices(4096, 26, "train", 0.1, 1)
    validation = radioml.split_indices(4096, 26, "validation", 0.1, 1)
    assert test[0][:6].tolist() == [2521, 2209, 3417, 1009, 1749, 778]
    assert {len(rows) for rows in test} == {410}
    assert sum(map(len, test)) == 255_840
    assert sum(map(len, train)) + sum(map(len, validation)) == 2_300_064
    for number in (0, 1, 300, 623):
        rows = np.concatenate([part[number] for part in (test, train, validation)])
        assert np.array_equal(np.sort(rows), np.arange(4096 * number, 4096 * (number + 1)))


def test_split_of_small_blocks_rounds_test_and_validation_up() -> None:
    sizes = [
        len(radioml.split_indices(128, 2, split, 0.1, 1)[0]) for split in ("train", "validation", "test")
    ]
    assert sizes == [103, 12, 13]


def test_validation_depends_on_the_seed_and_test_does_not() -> None:
    one, other = (
        {
            split: radioml.split_indices(40, 2, split, 0.2, seed)[5].tolist()
            for split in ("validation", "test")
        }
        for seed in (1, 2)
    )
    assert one["test"] == other["test"]
    assert one["validation"] != other["validation"]


def test_layout_is_read_from_the_file(tmp_path: Path) -> None:
    found = radioml_file.inspect(write(tmp_path / "a.h5", layout(block=7, snr_db=(-4, 0, 2, 30), length=24)))
    assert (found.frames, found.length, found.block) == (24 * 4 * 7, 24, 7)
    assert found.snr_db == (-4, 0, 2, 30)
    assert found.origin is None


def test_layout_is_found_across_the_pieces_it_is_read_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.h5", layout(block=7))
    for rows in (1, 5, 7, 100):
        monkeypatch.setattr(radioml_file, "ROWS", rows)
        radioml_file._inspect.cache_clear()
        assert radioml_file.inspect(path).block == 7


def test_one_block_per_class_is_a_layout_too(tmp_path: Path) -> None:
    found = radioml_file.inspect(write(tmp_path / "a.h5", layout(block=5, snr_db=(10,))))
    assert (found.block, found.snr_db) == (5, (10,))


def test_frames_carry_their_label_and_snr_and_come_channels_first(tmp_path: Path) -> None:
    arrays = layout(block=10, length=16)
    found = radioml_file.inspect(write(tmp_path / "a.h5", arrays))
    seen = []
    sizes: dict[Split, int] = {"train": 8, "validation": 1, "test": 1}
    for split, size in sizes.items():
        frames = radioml.frames(found, split, found.snr_db, 0.1, 3)
        assert len(frames) == 24 * 3 * size
        assert frames.shape == (2, 16)
        assert not frames.generated
        values = frames.read(np.arange(len(frames)))
        assert values.shape == (len(frames), 2, 16)
        assert values.dtype == np.float32
        rows = values[:, 0, 0].astype(int)
        assert np.array_equal(values, np.stack([arrays["X"][row].T for row in rows]))
        assert np.array_equal(frames.labels, arrays["Y"][rows].argmax(axis=1))
        assert frames.snr_db is not None
        assert np.array_equal(frames.snr_db, arrays["Z"][rows, 0])
        seen += rows.tolist()
    assert sorted(seen) == list(range(720))


def test_reading_keeps_any_order_and_repeats(tmp_path: Path) -> None:
    found = radioml_file.inspect(write(tmp_path / "a.h5", layout()))
    frames = radioml.frames(found, "train", found.snr_db, 0.1, 3)
    whole = frames.read(np.arange(len(frames)))
    wanted = np.random.default_rng(1).integers(0, len(frames), 300)
    assert np.array_equal(frames.read(wanted), whole[wanted])
    assert frames.read(np.array([], dtype=int)).shape == (0, 2, 16)
    for wrong in ([-1], [len(frames)], [0.5], [[0]]):
        with pytest.raises(IndexError):
            frames.read(np.array(wrong))


def test_reading_takes_slices_and_never_the_whole_array(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.h5", layout(block=40))
    monkeypatch.setattr(radioml, "READ_FRAMES", 50)
    sizes: list[int] = []
    original = h5py.Dataset.__getitem__

    def watched(self: Any, where: Any) -> Any:
        value = original(self, where)
        sizes.append(np.shape(value)[0] if self.name == "/X" else 0)
        return value

    monkeypatch.setattr(h5py.Dataset, "__getitem__", watched)
    found = radioml_file.inspect(path)
    assert max(sizes) == 0  # X itself is not touched by the check
    frames = radioml.frames(found, "test", found.snr_db, 0.1, 3)
    sizes.clear()
    frames.read(np.arange(len(frames)))
    assert 0 < max(sizes) <= 50
    sizes.clear()
    frames.read(np.array([0, len(frames) - 1]))
    assert sum(sizes) == 2


def test_some_snrs_are_chosen_and_others_left_out(tmp_path: Path) -> None:
    found = radioml_file.inspect(write(tmp_path / "a.h5", layout()))
    whole = radioml.frames(found, "test", found.snr_db, 0.1, 3)
    part = radioml.frames(found, "test", (30, -20), 0.1, 3)
    assert whole.snr_db is not None
    kept = np.flatnonzero(whole.snr_db != 0)
    assert np.array_equal(part.read(np.arange(len(part))), whole.read(kept))
    with pytest.raises(InputError, match=r"data.snr_db: .* has \[-20, 0, 30\] dB, not \[4\]"):
        radioml.frames(found, "test", (0, 4), 0.1, 3)


def test_training_frames_are_limited_per_block_and_test_frames_not(tmp_path: Path) -> None:
    found = radioml_file.inspect(write(tmp_path / "a.h5", layout()))
    limited = radioml.frames(found, "train", found.snr_db, 0.1, 3, train_per_block=2)
    assert np.bincount(limited.labels).tolist() == [3 * 2] * 24
    assert len(radioml.frames(found, "test", found.snr_db, 0.1, 3, train_per_block=2)) == 72


def test_blocks_too_small_to_split_are_refused(tmp_path: Path) -> None:
    found = radioml_file.inspect(write(tmp_path / "a.h5", layout(block=1)))
    with pytest.raises(InputError, match="blocks of 1 frames are too small for train, validation and test"):
        radioml.frames(found, "train", found.snr_db, 0.1, 3)


def test_a_file_is_checked_again_when_it_has_changed(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", layout(block=10))
    assert radioml_file.inspect(path).block == 10
    write(path, layout(block=20))
    assert radioml_file.inspect(path).block == 20
