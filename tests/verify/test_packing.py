import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qonnx.core.datatype import DataType

from fpga_flow.design.design import Stream
from fpga_flow.sim.packing import channels_last, pack, unpack


def stream(datatype: str, lanes: int, words: int) -> Stream:
    bits = DataType[datatype].bitwidth() * lanes
    return Stream("t", datatype, (1, words, lanes), (bits + 7) // 8 * 8)


@given(
    datatype=st.sampled_from(
        ["INT2", "INT4", "INT8", "INT13", "UINT1", "UINT3", "UINT4", "BIPOLAR", "TERNARY"]
    ),
    lanes=st.integers(1, 9),
    words=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_unpack_is_the_inverse_of_pack(datatype: str, lanes: int, words: int, seed: int) -> None:
    low, high = int(DataType[datatype].min()), int(DataType[datatype].max())
    values = np.random.default_rng(seed).integers(low, high + 1, (3, words * lanes))
    if datatype == "BIPOLAR":
        values[values == 0] = 1
    shape = stream(datatype, lanes, words)
    packed = pack(values, shape)
    assert packed.shape == (3 * words, shape.width // 8)
    np.testing.assert_array_equal(unpack(packed, shape), values)


def test_lane_0_is_in_the_low_bits_and_padding_is_zero() -> None:
    packed = pack(np.array([[-1, 2, 3]]), stream("INT4", 3, 1))
    assert packed.tolist() == [[0x2F, 0x03]]


def test_channels_go_last() -> None:
    values = np.arange(6).reshape(1, 2, 3, 1)
    assert channels_last(values).reshape(-1).tolist() == [0, 3, 1, 4, 2, 5]


@pytest.mark.parametrize(
    ("datatype", "value", "byte"), [("INT8", -128, 0x80), ("UINT4", 15, 0x0F), ("BIPOLAR", -1, 0)]
)
def test_single_values(datatype: str, value: int, byte: int) -> None:
    assert pack(np.array([[value]]), stream(datatype, 1, 1)).tolist() == [[byte]]
