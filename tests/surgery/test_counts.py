"""Channel counts that fold well."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpga_flow.surgery.counts import Multiple, divisors, fold_friendly


@pytest.mark.parametrize(
    ("wanted", "there", "multiple", "stay"),
    [
        (61, 64, 8, 64),
        (56, 64, 8, 56),
        (57, 60, 8, 60),  # no layer becomes wider
        (0, 64, 1, 1),
        (0, 64, 16, 16),
        (61, 64, 1, 61),
        (61, 100, "divisors", 66),  # of 61 to 69: 66 has 8 divisors, 64 has 7
        (45, 64, "divisors", 48),
        (7, 64, "divisors", 8),
        (13, 14, "divisors", 14),
    ],
)
def test_counts(wanted: int, there: int, multiple: Multiple, stay: int) -> None:
    assert fold_friendly(wanted, there, multiple) == stay


@given(wanted=st.integers(0, 300), there=st.integers(1, 300), multiple=st.integers(1, 32))
def test_as_many_as_must_and_no_more_than_there_are(wanted: int, there: int, multiple: int) -> None:
    rules: tuple[Multiple, ...] = (multiple, "divisors")
    for rule in rules:
        stay = fold_friendly(wanted, there, rule)
        assert min(max(1, wanted), there) <= stay <= there
        assert rule == "divisors" or stay == there or stay % multiple == 0
        assert rule != "divisors" or divisors(stay) >= divisors(min(max(1, wanted), there))
