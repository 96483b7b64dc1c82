"""Between what the truth lies: of layers, and of their sum."""

import pytest

from fpga_flow.hardware import spread
from fpga_flow.layers.base import kinds
from fpga_flow.target.resources import LIMITED, Resources

FIFO, LISTS = "StreamingFIFO_rtl", "SparseMatrixVector_rtl"


def test_a_layer_may_take_what_is_estimated_and_multipliers_are_exact() -> None:
    taken = Resources(lut=400, ff=300, bram18=2, dsp=3)
    for operator in [one.operator for kind in kinds() for one in kind.implementations]:
        found = spread.layer_ranges(operator, taken)
        assert all(found[key].low <= amount <= found[key].high for key, amount in taken.limited().items())
        assert found["dsp"] == (3, 3)


def test_an_operator_that_was_not_compared_has_the_range_of_all_together() -> None:
    found = spread.layer_ranges("Unheard", Resources(lut=1000))
    others = spread.spreads()[spread.OTHERS, "lut"]
    assert found["lut"] == (1000 * others.low, 1000 * others.high)


def test_shares_of_large_amounts_and_a_few_of_small_ones() -> None:
    row = spread.Spread("x", "lut", 20, 0.9, 1.2, 4.0)
    assert row.around(1000) == (900, 1200)
    assert row.around(10) == (6, 14)
    assert row.around(2) == (0, 6)


def test_a_sum_is_surer_than_its_layers() -> None:
    layer = (LISTS, Resources(lut=500, ff=400))
    one, many = spread.total_ranges([layer]), spread.total_ranges([layer] * 16)

    def width(found: spread.Range, amount: float) -> float:
        return (found.high - found.low) / amount

    assert width(many["lut"], 16 * 500) < width(one["lut"], 500)
    assert many["lut"].low < 16 * 500 < many["lut"].high


def test_the_table_has_every_resource_of_each_operator() -> None:
    operators = {operator for operator, _ in spread.spreads()}
    assert {(operator, key) for operator in operators for key in LIMITED} == set(spread.spreads())
    assert spread.spread_of(FIFO, "ff").low == pytest.approx(1.0)
