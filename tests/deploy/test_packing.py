"""The driver's packing against bits that are put one by one."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fpga_flow.deploy.board.accelerator.packing import BLOCK, frame_bytes, narrowest, pack, unpack

Integers = NDArray[np.int64]


def integers(count: int, values: int, bits: int, signed: bool, seed: int) -> Integers:
    """Return random integers, the extremes among them."""
    low = -(1 << bits - 1) if signed else 0
    found = np.random.default_rng(seed).integers(low, low + (1 << bits), (count, values))
    found.flat[0], found.flat[-1] = low, low + (1 << bits) - 1
    return found


def one_by_one(frames: Integers, bits: int) -> bytes:
    """Return the frames' bits, each frame filled up to whole bytes."""
    made = b""
    for frame in frames.tolist():
        total = sum((value % (1 << bits)) << (position * bits) for position, value in enumerate(frame))
        made += total.to_bytes(frame_bytes(len(frame), bits), "little")
    return made


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(1, 16), st.booleans(), st.integers(1, 6), st.integers(1, 70), st.integers(0, 99))
@example(bits=3, signed=True, count=3, values=BLOCK + 5, seed=0)
@example(bits=1, signed=False, count=1, values=1, seed=0)
@example(bits=13, signed=True, count=3, values=BLOCK + 5, seed=0)
def test_every_bit_is_in_its_place(bits: int, signed: bool, count: int, values: int, seed: int) -> None:
    frames = integers(count, values, bits, signed, seed)
    packed = np.empty((count, frame_bytes(values, bits)), np.uint8)
    pack(frames.astype(narrowest(bits, signed)), bits, packed)
    assert packed.tobytes() == one_by_one(frames, bits)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(1, 57), st.booleans(), st.integers(1, 6), st.integers(1, 70), st.integers(0, 99))
@example(bits=5, signed=True, count=2, values=BLOCK + 3, seed=0)
@example(bits=13, signed=True, count=2, values=BLOCK // 8 * 8 + 8, seed=0)
@example(bits=32, signed=False, count=2, values=3, seed=0)
def test_unpacked_integers_are_those_that_were_put_in(
    bits: int, signed: bool, count: int, values: int, seed: int
) -> None:
    frames = integers(count, values, bits, signed, seed)
    data = np.frombuffer(one_by_one(frames, bits), np.uint8).reshape(count, -1)
    found = np.empty((count, values), narrowest(bits, signed))
    unpack(data, bits, signed, found)
    np.testing.assert_array_equal(found, frames)


def test_packing_leaves_its_arguments_as_they_are() -> None:
    frames = integers(4, 64, 3, True, 1).astype(np.int8)
    packed = np.empty((4, 24), np.uint8)
    pack(frames, 3, packed)
    before, packed_before = frames.copy(), packed.copy()
    unpack(packed, 3, True, np.empty((4, 64), np.int8))
    np.testing.assert_array_equal(frames, before)
    np.testing.assert_array_equal(packed, packed_before)


@pytest.mark.parametrize(("bits", "most"), [(0, 57), (58, 57)])
def test_wrong_number_of_bits_to_unpack_is_refused(bits: int, most: int) -> None:
    with pytest.raises(ValueError, match=f"1 to {most}, not {bits}"):
        unpack(np.zeros((1, 8), np.uint8), bits, True, np.empty((1, 1), np.int64))


def test_wrong_number_of_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 16, not 17"):
        pack(np.zeros((1, 1), np.uint8), 17, np.empty((1, 2), np.uint8))


def test_wider_integers_are_refused() -> None:
    with pytest.raises(TypeError, match="int8 or uint8, not int64"):
        pack(np.zeros((1, 8), np.int64), 4, np.empty((1, 4), np.uint8))


def test_narrow_integers_for_wide_codes_are_refused() -> None:
    with pytest.raises(TypeError, match="of 9 bits must be int16 or uint16, not uint8"):
        pack(np.zeros((1, 8), np.uint8), 9, np.empty((1, 9), np.uint8))
