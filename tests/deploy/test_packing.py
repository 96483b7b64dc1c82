"""The driver's packing against bits that are put one by one."""

import numpy as np
import pytest

from fpga_flow.deploy.board.accelerator.packing import frame_bytes, pack, unpack


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("values", [1, 7, 8, 13, 64])
@pytest.mark.parametrize("signed", [False, True])
def test_packed_frames_hold_every_bit_in_its_place(bits: int, values: int, signed: bool) -> None:
    low = -(1 << bits - 1) if signed else 0
    dtype = np.int8 if signed else np.uint8
    frames = np.random.default_rng(bits).integers(low, low + (1 << bits), (5, values)).astype(dtype)
    packed = pack(frames, bits)
    assert packed.shape == (5, frame_bytes(values, bits))
    for frame, data in zip(frames, packed, strict=True):
        expected = 0
        for position, value in enumerate(frame.tolist()):
            expected |= (value % (1 << bits)) << (position * bits)
        assert int.from_bytes(data.tobytes(), "little") == expected


@pytest.mark.parametrize("bits", [1, 3, 5, 8, 11, 16, 20, 32, 48])
@pytest.mark.parametrize("signed", [False, True])
def test_unpacked_integers_are_those_that_were_put_in(bits: int, signed: bool) -> None:
    low = -(1 << bits - 1) if signed else 0
    values = np.random.default_rng(bits).integers(low, low + (1 << bits), (4, 6))
    frames = []
    for frame in values.tolist():
        total = sum((value % (1 << bits)) << (position * bits) for position, value in enumerate(frame))
        frames.append(list(total.to_bytes(frame_bytes(6, bits), "little")))
    found = unpack(np.array(frames, np.uint8), 6, bits, signed)
    np.testing.assert_array_equal(found, values)


def test_wrong_number_of_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="1 to 8, not 9"):
        pack(np.zeros((1, 1), np.uint8), 9)


def test_wider_integers_are_refused() -> None:
    with pytest.raises(TypeError, match="int8 or uint8, not int64"):
        pack(np.zeros((1, 8), np.int64), 4)
