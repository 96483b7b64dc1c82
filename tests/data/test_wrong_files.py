"""Files that are not RadioML 2018.01A: each is refused with a message that says what and what to do."""

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from fpga_flow.core.errors import InputError
from fpga_flow.data import radioml, radioml_file
from tests.data.files import layout, write


def refusal(path: Path) -> str:
    """Return the message that `path` is refused with."""
    with pytest.raises(InputError) as caught:
        radioml_file.inspect(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


class Boom:
    """Fails the test when it is unpickled."""

    def __reduce__(self) -> Any:
        """Return what unpickling would call."""
        return exec, ("raise SystemExit('a pickle was opened')",)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_wrong_pickle_of_2016_is_never_opened(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "RML2016.10a_dict.pkl"
    path.write_bytes(pickle.dumps({("QPSK", 2): np.zeros((2, 2, 128)), "x": Boom()}, protocol=protocol))
    assert "is a Python pickle, as RadioML 2016 is, and pickles are never opened" in refusal(path)


def test_wrong_python2_pickle_of_2016_is_known_too(tmp_path: Path) -> None:
    path = tmp_path / "RML2016.10b.dat"
    path.write_bytes(b"(dp0\n(S'QPSK'\np1\nI2\ntp2\n")
    assert "is a Python pickle, as RadioML 2016 is" in refusal(path)


@pytest.mark.parametrize(
    ("start", "kind"),
    [(b"BZh91AY", "bzip2 archive"), (b"\x1f\x8b\x08", "gzip archive"), (b"PK\x03\x04", "zip archive")],
)
def test_wrong_archive(tmp_path: Path, start: bytes, kind: str) -> None:
    path = tmp_path / "2018.01.OSC.0001_1024x2M.h5.tar.gz"
    path.write_bytes(start + bytes(100))
    assert kind in refusal(path)


@pytest.mark.parametrize("content", [b"", b"hello", bytes(4096), b"\x89HDF\r\n\x1a"])
def test_wrong_content(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.hdf5"
    path.write_bytes(content)
    assert refusal(path) == f"is no HDF5 file; data.file must name {radioml_file.NAME}"


def test_wrong_path(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.hdf5") == f"no such file; data.file must name {radioml_file.NAME}"
    assert refusal(tmp_path) == f"must be a file, {radioml_file.NAME}"


def test_wrong_layout_of_2016(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.h5",
        {"X": np.zeros((220, 2, 128), np.float32), "Y": np.zeros((220, 11)), "Z": np.zeros((220, 1))},
    )
    old = "which looks like RadioML 2016; only 2018.01A can be read"
    assert refusal(path) == f"X must have shape (frames, length, 2), not (220, 2, 128), {old}"
    write(path, {"X": np.zeros((220, 128, 2), np.float32), "Y": np.zeros((220, 11)), "Z": np.zeros((220, 1))})
    message = (
        "Y must have shape (220, 24), not (220, 11), which looks like RadioML 2016; only 2018.01A can be read"
    )
    assert refusal(path) == message


@pytest.mark.parametrize("part", [0.999, 0.5, 0.01])
def test_wrong_truncated(tmp_path: Path, part: float) -> None:
    path = write(tmp_path / "a.h5", layout(block=100))
    whole = path.read_bytes()
    size = max(int(len(whole) * part), 600)
    path.write_bytes(whole[:size])
    assert refusal(path) == f"is truncated, {size:,} bytes; copy or download it again"


def test_wrong_truncated_within_its_first_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", layout())
    path.write_bytes(path.read_bytes()[:40])
    assert "download it again" in refusal(path)


@pytest.mark.parametrize("key", ["X", "Y", "Z"])
def test_wrong_missing_key(tmp_path: Path, key: str) -> None:
    arrays = layout()
    del arrays[key]
    held = ", ".join(sorted(arrays))
    message = f"must hold X, Y and Z, has no {key} (it holds {held}); data.file: {radioml_file.NAME}"
    assert refusal(write(tmp_path / "a.h5", arrays)) == message


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("X", np.zeros((720, 16, 2)), "X must be float32, not float64"),
        ("X", np.zeros((720, 16, 2), np.int16), "X must be float32, not int16"),
        ("X", np.zeros((720, 32), np.float32), "X must have shape (frames, length, 2), not (720, 32)"),
        ("X", np.zeros((0, 16, 2), np.float32), "X must have shape (frames, length, 2), not (0, 16, 2)"),
        ("X", np.zeros((700, 16, 2), np.float32), "Y must have shape (700, 24), not (720, 24)"),
        ("X", np.float32(1), "X must have shape (frames, length, 2), not ()"),
        ("Y", np.zeros(720, np.int64), "Y must have shape (720, 24), not (720,)"),
        ("Y", np.full((720, 24), b"a"), "Y must be numbers, not |S1"),
        ("Z", np.zeros(720, np.int64), "Z must have shape (720, 1), not (720,)"),
        ("Z", np.zeros((720, 2), np.int64), "Z must have shape (720, 1), not (720, 2)"),
    ],
)
def test_wrong_shape_or_type(tmp_path: Path, key: str, value: Any, message: str) -> None:
    assert refusal(write(tmp_path / "a.h5", layout() | {key: value})).startswith(message)


def test_wrong_one_hot(tmp_path: Path) -> None:
    for change in (0, 2, 1):
        arrays = layout()
        arrays["Y"][33, 5 if change == 1 else 1] = change  # row 33 is of class 1
        assert (
            refusal(write(tmp_path / "a.h5", arrays)) == "Y must have a single 1 in every row; row 33 has not"
        )


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf, 1e9])
def test_wrong_snr(tmp_path: Path, value: float) -> None:
    arrays = layout()
    arrays["Z"] = arrays["Z"].astype(float)
    arrays["Z"][33] = value
    message = f"Z must be SNR in whole dB, not {value} as in row 33"
    assert refusal(write(tmp_path / "a.h5", arrays)) == message


ORDER = "must be ordered by class, then ascending SNR, in blocks of equal size"


def test_wrong_order_of_classes(tmp_path: Path) -> None:
    arrays = layout()
    arrays["Y"] = arrays["Y"][::-1]
    assert refusal(write(tmp_path / "a.h5", arrays)).startswith(ORDER)
    swapped = layout()
    swapped["Y"] = swapped["Y"][:, [0, 2, 1, *range(3, 24)]]
    expected = f"{ORDER}; at row 30 8ASK at -20 dB starts, expected 4ASK at -20 dB at row 30"
    assert refusal(write(tmp_path / "b.h5", swapped)) == expected


def test_wrong_order_of_snrs(tmp_path: Path) -> None:
    arrays = layout(snr_db=(0, -20, 30))
    expected = f"{ORDER}; at row 0 OOK at 0 dB starts, expected OOK at -20 dB at row 0"
    assert refusal(write(tmp_path / "a.h5", arrays)) == expected


def test_wrong_one_block_moved(tmp_path: Path) -> None:
    arrays = layout()
    arrays["Z"][305:310] = 0  # the block from 300 on ends early
    expected = f"{ORDER}; at row 305 64APSK at 0 dB starts, expected 64APSK at 0 dB at row 310"
    assert refusal(write(tmp_path / "a.h5", arrays)) == expected


def test_wrong_shuffled_rows(tmp_path: Path) -> None:
    arrays = layout(block=50)
    order = np.random.default_rng(1).permutation(len(arrays["X"]))
    assert refusal(write(tmp_path / "a.h5", {k: v[order] for k, v in arrays.items()})).startswith(ORDER)


def test_wrong_missing_blocks(tmp_path: Path) -> None:
    arrays = {key: value[:-10] for key, value in layout().items()}
    expected = f"{ORDER}; 710 frames in 71 blocks were found, expected 72 blocks of 10"
    assert refusal(write(tmp_path / "a.h5", arrays)) == expected
    arrays = {key: value[:-3] for key, value in layout().items()}
    expected = f"{ORDER}; 717 frames in 72 blocks were found, expected 72 blocks of 10"
    assert refusal(write(tmp_path / "b.h5", arrays)) == expected


@pytest.mark.parametrize("kind", ["external", "soft", "virtual", "storage", "group"])
def test_wrong_array_that_lies_elsewhere(tmp_path: Path, kind: str) -> None:
    arrays = layout()
    good = write(tmp_path / "good.h5", arrays)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for key in ("Y", "Z"):
            file[key] = arrays[key]
        shape = arrays["X"].shape
        if kind == "external":
            file["X"] = h5py.ExternalLink(str(good), "X")
        elif kind == "soft":
            file["X"] = h5py.SoftLink("/Y")
        elif kind == "virtual":
            virtual = h5py.VirtualLayout(shape, np.float32)
            virtual[:] = h5py.VirtualSource(str(good), "X", shape)
            file.create_virtual_dataset("X", virtual)
        elif kind == "storage":
            file.create_dataset("X", shape, np.float32, external=[(str(good), 0, arrays["X"].nbytes)])
        else:
            file.create_group("X")
    assert refusal(path) == "X must be an array in this file, not a group or a link elsewhere"


def test_wrong_frames_too_long_for_memory(tmp_path: Path) -> None:
    arrays = layout()
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["Y"], file["Z"] = arrays["Y"], arrays["Z"]
        file.create_dataset("X", (720, 10**9, 2), np.float32, chunks=(1, 1024, 2))
    assert refusal(path) == "X must have frames of at most 65,536 samples, not 1,000,000,000"


def test_wrong_huge_array_without_content_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for key, width in (("X", (1024, 2)), ("Y", (24,)), ("Z", (1,))):
            file.create_dataset(key, (10**12, *width), np.float32, chunks=(4096, *width))
    assert refusal(path) == "Y must have a single 1 in every row; row 0 has not"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_wrong_values_are_found_when_they_are_read(tmp_path: Path, value: float) -> None:
    arrays = layout()
    path = tmp_path / "a.h5"
    arrays["X"][33, 7, 1] = value
    found = radioml_file.inspect(write(path, arrays))
    everything = np.arange(len(arrays["X"]))
    with pytest.raises(InputError, match="X must be finite, row 33 is not; copy or download the file again"):
        radioml.read_rows(found.path, everything)
    assert len(radioml.read_rows(found.path, everything[:33])) == 33


def test_wrong_damaged_compressed_chunk(tmp_path: Path) -> None:
    arrays = layout()
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for key, value in arrays.items():
            file.create_dataset(key, data=value, compression="gzip", chunks=(72, *value.shape[1:]))
        where = file["X"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[where.byte_offset : where.byte_offset + where.size] = bytes(where.size)
    path.write_bytes(content)
    found = radioml_file.inspect(path)
    with pytest.raises(InputError, match="cannot be read"):
        radioml.read_rows(found.path, np.arange(5))


@pytest.mark.parametrize("chunked", [False, True])
def test_wrong_bytes_anywhere_are_refused_or_harmless(tmp_path: Path, chunked: bool) -> None:
    arrays = layout(block=3)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for key, value in arrays.items():
            chunks = (12, *value.shape[1:]) if chunked else None
            file.create_dataset(key, data=value, chunks=chunks, compression="gzip" if chunked else None)
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(150):
        damaged = bytearray(whole)
        for place in rng.integers(0, 6000, 4):  # where the file describes itself
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        radioml_file._inspect.cache_clear()
        try:
            found = radioml_file.inspect(path)
            radioml.read_rows(found.path, np.arange(found.frames))
        except InputError as error:
            assert str(error).startswith(f"{path}: ")
            refused += 1
    assert refused > 30
