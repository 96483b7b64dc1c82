import pickle
from pathlib import Path

import numpy as np
import pytest

from fpga_flow.data import pickled
from tests.data import archives


class Boom:
    """Would write a file where a pickle of it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.write_text, (self.path, "boom"))


HELD = {
    "data": np.arange(24, dtype=np.uint8).reshape(4, 6),
    "labels": [0, 255, 256, -1, 1 << 40],
    "pair": ("a", None, True, 1.5, b"\x00\xff"),
    "empty": [[], (), {}],
}


def same(read: object, held: object) -> bool:
    if isinstance(held, np.ndarray):
        return isinstance(read, np.ndarray) and read.dtype == held.dtype and np.array_equal(read, held)
    if isinstance(held, dict):
        return isinstance(read, dict) and all(same(read[key], held[key]) for key in held | read)
    return type(read) is type(held) and read == held


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_and_arrays_are_read_from_every_protocol(protocol: int) -> None:
    held = dict(HELD)
    if protocol not in (2, 3, 4):  # arrays, or bytes, are written by other functions there
        del held["data"]
        held["pair"] = ("a", None, 1.5)
    assert same(pickled.read(pickle.dumps(held, protocol=protocol)), held)


def test_what_python2_wrote_is_read() -> None:
    image = np.arange(600, dtype=np.uint8).reshape(2, 300)
    read = pickled.read(archives.python2({"data": image, "labels": [3, 700], "name": "x" * 300}))
    assert same(read["data"], image)
    assert read["labels"] == [3, 700]
    assert read["name"] == "x" * 300


def test_an_array_stored_by_columns_is_read_as_it_was() -> None:
    array = np.asfortranarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    assert np.array_equal(pickled.read(pickle.dumps(array, protocol=2)), array)


def test_the_same_array_twice_is_read_twice() -> None:
    array = np.arange(3, dtype=np.uint8)
    read = pickled.read(pickle.dumps([array, array], protocol=2))
    assert same(read[0], array)
    assert same(read[1], array)


@pytest.mark.parametrize("protocol", range(6))
def test_wrong_code_is_never_run(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "ran"
    content = pickle.dumps({"data": Boom(path)}, protocol=protocol)
    with pytest.raises(ValueError, match="which no file of data needs"):
        pickled.read(content)
    assert not path.exists()
    pickle.loads(content)  # noqa: S301  # the file does run in Python's own machine
    assert path.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(S'touch ran'\ntR.",
        b"\x80\x02c__builtin__\neval\nU\x011\x85R.",
        b"\x80\x02ccopy_reg\n_reconstructor\n(c__main__\nA\nc__builtin__\nobject\nNtR.",
        b"(i__builtin__\nopen\n.",
        b"(c__builtin__\nopen\no.",
        b"\x80\x02\x8c\x02os\x8c\x06system\x93U\x011\x85R.",
        b"\x80\x02}U\x01a\x85b.",
        b"\x80\x02Pabc\n.",
    ],
)
def test_wrong_calls_objects_and_persistent_names_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"no file of data needs|sets the inside|is damaged"):
        pickled.read(content)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b".", b"\x80\x02", b"e.", b"\x80\x02]u.", b"\x80\x02h\x05."]
)
def test_wrong_content(content: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        pickled.read(content)


@pytest.mark.filterwarnings("ignore:invalid escape")  # of Python's own reader of damaged texts
def test_wrong_bytes_anywhere_are_refused_or_harmless() -> None:
    whole = archives.python2({"data": np.zeros((2, 30), np.uint8), "labels": [1, 2], "name": "abc"})
    rng = np.random.default_rng(1)
    refused = 0
    for _ in range(3000):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 2):
            damaged[place] = rng.integers(256)
        try:
            pickled.read(bytes(damaged))
        except ValueError:
            refused += 1
    for length in range(len(whole)):
        with pytest.raises(ValueError, match=r".+"):
            pickled.read(whole[:length])
    assert refused > 1000


def test_wrong_array_larger_than_its_content() -> None:
    content = archives.python2({"data": np.zeros((7, 9), np.uint8)}).replace(
        b"(K\x07K\x09t", b"(J\xff\xff\xff\x7fK\x09t"
    )
    with pytest.raises(ValueError, match="reshape"):
        pickled.read(content)
