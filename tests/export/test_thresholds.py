from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qonnx.core.datatype import DataType

from fpga_flow.export.chain import Affine, Chain, Clip, Leaky, affine
from fpga_flow.export.network import filled_up
from fpga_flow.export.operations import Activation
from fpga_flow.export.tensors import Quantiser, Tensor
from fpga_flow.export.thresholds import find_thresholds


def activation(chain: Chain, quantiser: Quantiser, low: int, high: int, channels: int) -> Activation:
    limits = np.full(channels, low), np.full(channels, high)
    x = Tensor("x", (1, channels, 4, 1), "INT32", *limits)
    y = Tensor("y", (1, channels, 4, 1), quantiser.datatype, *limits)
    return Activation("act", (x,), (y,), chain, quantiser)


def assert_counts(act: Activation) -> None:
    """Every accumulator in range gives low + step * (thresholds reached), as the chain says."""
    thresholds, quantiser = find_thresholds(act), act.quantiser
    assert thresholds.shape == (act.x.channels, quantiser.levels)
    grid = np.arange(act.x.low.min(), act.x.high.max() + 1)
    x = np.broadcast_to(grid, (1, act.x.channels, len(grid))).astype(np.float64)
    wanted = quantiser.apply(act.chain.apply(x))[0]
    counted = (grid[None, :, None] >= thresholds[:, None, :]).sum(axis=2)
    np.testing.assert_array_equal(quantiser.low + quantiser.step * counted, wanted)
    assert np.all(np.diff(thresholds, axis=1) >= 0)
    assert thresholds.min() >= act.x.low.min()
    assert thresholds.max() <= act.x.high.max() + 1


UINT2 = Quantiser(0, 3, "UINT2")


def test_ties_round_half_to_even() -> None:
    # acc/2: 0.5 -> 0, 1.5 -> 2, 2.5 -> 2, 3.5 -> 4 (clipped to 3)
    act = activation(Chain((affine(0.5),)), UINT2, -8, 8, 1)
    assert find_thresholds(act).tolist() == [[2, 3, 6]]
    assert_counts(act)


def test_floor_and_ceil_take_their_own_side_of_a_whole_number() -> None:
    for rounding, expected in (("FLOOR", [[2, 4, 6]]), ("CEIL", [[1, 3, 5]])):
        act = activation(Chain((affine(0.5),)), Quantiser(0, 3, "UINT2", rounding), -8, 8, 1)
        assert find_thresholds(act).tolist() == expected
        assert_counts(act)


def test_a_zero_point_decides_ties_as_the_file_rounds_with_it() -> None:
    act = activation(Chain((affine(0.5),)), Quantiser(-1, 2, "INT3", zero=1), -8, 8, 1)
    # acc/2 + 1: 0.5 -> 0, 1.5 -> 2, 2.5 -> 2, less 1
    assert find_thresholds(act).tolist() == [[0, 1, 4]]
    assert_counts(act)


@pytest.mark.parametrize(
    ("low", "high", "datatype"),
    [
        (55, 63, "UINT6"),
        (-1, 2, "INT3"),
        (-7, 8, "INT5"),
        (-63, -57, "INT7"),
        (0, 15, "UINT4"),
        (-3, 3, "INT3"),
    ],
)
def test_few_numbers_of_a_wide_type_get_more_thresholds_and_count_the_same(
    low: int, high: int, datatype: str
) -> None:
    act = activation(Chain((affine(0.37, (low + high) / 2),)), Quantiser(low, high, datatype), -80, 80, 2)
    plain = find_thresholds(act)
    thresholds, begin = filled_up(act, plain)
    grid = np.arange(-80, 81)[:, None]
    np.testing.assert_array_equal(
        begin + (grid >= thresholds[0]).sum(axis=1), low + (grid >= plain[0]).sum(axis=1)
    )
    kind = DataType[datatype]
    assert kind.min() <= begin and begin + thresholds.shape[1] <= kind.max()
    assert 2 ** (kind.bitwidth() - 1) <= thresholds.shape[1] < 2 ** kind.bitwidth()
    assert np.all(np.diff(thresholds, axis=1) >= 0)


def test_bipolar_has_one_threshold_and_counts_zero_as_positive() -> None:
    act = activation(Chain((affine(1.0, -2.0),)), Quantiser(-1, 1, "BIPOLAR", "BIPOLAR"), -8, 8, 1)
    assert find_thresholds(act).tolist() == [[2]]
    assert_counts(act)


def test_levels_out_of_reach_lie_one_beyond_the_range_and_reached_ones_at_its_start() -> None:
    act = activation(Chain((affine([1.0, 0.0, 0.0], [-100.0, 100.0, 1.2]),)), UINT2, -8, 8, 3)
    assert find_thresholds(act).tolist() == [[9, 9, 9], [-8, -8, -8], [-8, 9, 9]]


def test_clip_and_leaky_steps_in_the_chain() -> None:
    chain = Chain().then(affine(0.3, 0.1)).then(Clip(0.0, 1.7)).then(affine(2.0, -1.0)).then(Leaky(0.25))
    assert_counts(activation(chain, Quantiser(-4, 3, "INT3"), -30, 30, 2))


@given(
    st.integers(1, 8),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["ROUND", "FLOOR", "CEIL"]),
    st.lists(st.tuples(st.floats(0, 4), st.floats(-40, 40)), min_size=1, max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_any_bits_scale_and_rounding(
    bits: int, signed: bool, narrow: bool, rounding: str, lines: list[tuple[float, float]]
) -> None:
    bits = max(bits, 2)
    low = -(2 ** (bits - 1)) + narrow if signed else 0
    high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1 - narrow
    chain = Chain((Affine(*(np.array(column) for column in zip(*lines, strict=True))),))
    assert_counts(activation(chain, Quantiser(low, high, f"INT{bits + 1}", rounding), -60, 70, len(lines)))


@pytest.mark.parametrize("scale", [Fraction(1, 2), Fraction(1, 8), Fraction(3, 4)])
def test_exact_ties_agree_with_rational_arithmetic(scale: Fraction) -> None:
    act = activation(Chain((affine(float(scale)),)), Quantiser(-8, 7, "INT4"), -50, 50, 1)
    thresholds = find_thresholds(act)[0]
    for level, threshold in enumerate(thresholds, start=-7):
        reaching = [acc for acc in range(-50, 51) if min(max(round(acc * scale), -8), 7) >= level]
        assert threshold == (reaching[0] if reaching else 51)
