"""The estimate against Yosys' counts of docs/estimate.csv: networks whose layers are folded at random."""

import statistics

import pytest

from tests.bench.bench_estimate import FILE, SMALL, Pair, Row, pairs_of
from tests.bench.tables import read_rows

SEEDS = (1, 3, 10, 11)
"""Those from 10 on are held back."""


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    rows = [row for row in read_rows(FILE, Row) if int(row.seed) in SEEDS]
    return [pair for found in pairs_of(rows).values() for pair in found]


@pytest.mark.parametrize(("resource", "median", "nine_of_ten"), [("lut", 0.05, 0.25), ("ff", 0.01, 0.1)])
def test_most_layers_are_near(pairs: list[Pair], resource: str, median: float, nine_of_ten: float) -> None:
    errors = [abs(pair.error(resource)) for pair in pairs if getattr(pair.found, resource) >= SMALL]
    assert len(errors) > 40
    assert statistics.median(errors) <= median
    assert statistics.quantiles(errors, n=10)[-1] <= nine_of_ten


def test_multipliers_are_exact_and_block_rams_nearly(pairs: list[Pair]) -> None:
    assert all(pair.expected.dsp == pair.found.dsp for pair in pairs)
    assert any(pair.found.dsp for pair in pairs)
    differ = [pair for pair in pairs if pair.expected.bram18 != pair.found.bram18]
    assert len(differ) <= 1 and all(abs(one.expected.bram18 - one.found.bram18) <= 1 for one in differ)
    assert sum(pair.found.bram18 for pair in pairs) > 30


def test_what_stands_between_layers_has_as_many_registers_as_expected(pairs: list[Pair]) -> None:
    between = ("StreamingFIFO_rtl", "Register_rtl", "StreamingDataWidthConverter_rtl", "FMPadding_rtl")
    found = [pair for pair in pairs if pair.operator in between]
    assert len(found) > 100
    differ = [pair for pair in found if pair.expected.ff != pair.found.ff]
    assert len(differ) <= 1 and all(abs(one.expected.ff - one.found.ff) <= 1 for one in differ)
