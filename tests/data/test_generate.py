import json
import os
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts.data import Impairments
from fpga_flow.data import generate, radioml, radioml_file, signals
from fpga_flow.data.constellations import CLASSES

SNR_DB = (-10, 0, 20)


def write(path: Path, workers: int = 2, snr_db: tuple[int, ...] = SNR_DB, per_block: int = 70) -> Path:
    generate.write(path, snr_db, per_block, 32, 5, Impairments(rolloff=(0.2, 0.3)), workers)
    return path


def test_file_has_the_layout_of_radioml(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5")
    with h5py.File(path) as file:
        assert {key: (file[key].shape, file[key].dtype) for key in file} == {
            "X": ((24 * 3 * 70, 32, 2), np.float32),
            "Y": ((24 * 3 * 70, 24), np.int64),
            "Z": ((24 * 3 * 70, 1), np.int64),
        }
    found = radioml_file.inspect(path)
    assert (found.block, found.length, found.snr_db) == (70, 32, SNR_DB)


def test_file_says_that_and_how_it_was_generated(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5")
    with h5py.File(path) as file:
        assert file.attrs["generated"]
        assert file.attrs["version"] == signals.VERSION
        assert json.loads(file.attrs["classes"]) == list(CLASSES)
        parameters = json.loads(file.attrs["parameters"])
    assert parameters["snr_db"] == list(SNR_DB)
    assert (parameters["seed"], parameters["length"], parameters["frames_per_block"]) == (5, 32, 70)
    assert Impairments.model_validate_json(json.dumps(parameters["impairments"])).rolloff == (0.2, 0.3)
    assert radioml_file.inspect(path).origin == f"generated radio signals (version {signals.VERSION}, seed 5)"


def test_blocks_hold_their_frames_whatever_the_number_of_threads_and_of_other_blocks(tmp_path: Path) -> None:
    one = h5py.File(write(tmp_path / "1.h5", workers=1))["X"][:]
    three = h5py.File(write(tmp_path / "3.h5", workers=3))["X"][:]
    assert np.array_equal(one, three)
    fewer = h5py.File(write(tmp_path / "f.h5", snr_db=(20, 0), per_block=66))["X"][:]
    assert np.array_equal(fewer.reshape(24, 2, 66, 32, 2), one.reshape(24, 3, 70, 32, 2)[:, 1:, :66])
    block = signals.block(22, 0, 70, 32, 5, Impairments(rolloff=(0.2, 0.3)))
    assert np.array_equal(one[(22 * 3 + 1) * 70 :][:70], block)


def test_a_failure_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = signals.chunk

    def failing(label: int, *rest: object) -> object:
        if label == 3:
            raise ZeroDivisionError("as a bug would")
        return real(label, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(signals, "chunk", failing)
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "a.h5")
    assert list(tmp_path.iterdir()) == []


def test_wrong_place_to_write(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file where a folder must be")
    with pytest.raises(InputError, match="a: must be a folder that can be written"):
        write(tmp_path / "a" / "b.h5")


def test_a_full_disk_is_named_with_the_room_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(radioml, "one_hot", full)
    with pytest.raises(InputError, match=r"a.h5: cannot be written \(.*No space left.*\); it needs 0.0 GB"):
        write(tmp_path / "a.h5")
    assert list(tmp_path.iterdir()) == []


def test_the_file_appears_only_when_it_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    real = radioml.one_hot

    def watched(label: int, count: int) -> NDArray[np.int64]:
        seen.append(os.listdir(tmp_path))
        return real(label, count)

    monkeypatch.setattr(radioml, "one_hot", watched)
    write(tmp_path / "a.h5")
    assert len(seen) == 24 * 3 * 2
    assert all(names == [f"a.h5.{os.getpid()}.partial"] for names in seen)
    assert os.listdir(tmp_path) == ["a.h5"]


def test_chunks_are_computed_ahead_by_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    real = signals.chunk

    def watched(
        label: int, snr_db: int, index: int, length: int, seed: int, impairments: Impairments
    ) -> signals.Real:
        started.append(label)
        return real(label, snr_db, index, length, seed, impairments)

    monkeypatch.setattr(signals, "chunk", watched)
    stream = generate.chunks((0,), 64, 16, 1, Impairments(), 2)
    next(stream)
    time.sleep(0.05)
    assert len(started) <= 4 * 2 + 1
    stream.close()
    assert len(started) <= 4 * 2 + 1
