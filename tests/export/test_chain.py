import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fpga_flow.export.chain import Chain, Clip, Leaky, Step, affine

STEPS = st.one_of(
    st.tuples(st.floats(0.125, 4), st.floats(-8, 8)).map(lambda t: affine(*t)),
    st.tuples(st.floats(-4, 0), st.floats(0, 4)).map(lambda t: Clip(*t)),
    st.floats(0, 1).map(Leaky),
)


@given(st.lists(STEPS, min_size=1, max_size=6), st.floats(0.1, 3))
@settings(max_examples=60, deadline=None)
def test_normal_form_is_the_same_function(steps: list[Step], scale: float) -> None:
    chain, x = Chain(), np.linspace(-20, 20, 81).reshape(1, 1, 81)
    expected = x
    for step in steps:
        chain, expected = chain.then(step), step.apply(expected)
    np.testing.assert_allclose(chain.apply(x), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(chain.divided(scale).apply(x), expected / scale, rtol=1e-12, atol=1e-12)


def test_a_division_by_the_same_scale_cancels_exactly() -> None:
    for scale in np.random.default_rng(0).uniform(0.01, 3, 200).astype(np.float32):
        assert Chain((affine(np.float64(scale)),)).divided(float(scale)).scale == 1.0


def test_flipped_chain_is_the_same_function_of_the_negated_accumulator() -> None:
    chain = Chain().then(affine([2.0, -3.0], [0.25, 0.5])).then(Clip(0.0, np.inf))
    x = np.arange(-5.0, 6.0).reshape(1, 1, 11).repeat(2, axis=1)
    flip = chain.signs(2) < 0
    assert flip.tolist() == [False, True]
    sign = np.where(flip, -1.0, 1.0)[None, :, None]
    np.testing.assert_array_equal(chain.flipped(flip).apply(x * sign), chain.apply(x))
    assert (chain.flipped(flip).signs(2) >= 0).all()
