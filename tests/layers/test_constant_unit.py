"""A constant matrix as a unit, simulated against numpy: every type, digits of all sizes, any folding."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fpga_flow.layers.constant.adders import Adder, AdderGraph, Output, Range
from fpga_flow.layers.constant.proof import prove
from fpga_flow.layers.constant.unit import Unit, Words
from tests.layers.constant_units import SOLVERS, Case, Weights, assert_multiply, operands, weights
from tests.rtl.operands import Operand

DIGITS = (1, 2, 3, 4, 5, 32)


@pytest.mark.parametrize("act", ["UINT4", "INT3", "BIPOLAR"])
def test_products_with_a_matrix_in_digits_of_any_size(act: str, simulators: Path, tmp_path: Path) -> None:
    cases = [
        Case.of(
            Weights(12, 18, Operand("INT4"), 0.5, seed=digit),
            Operand(act),
            digit,
            simd=simd,
            pe=pe,
            extra_bits=digit % 2,
        )
        for digit in DIGITS
        for simd, pe in ((18, 12), (6, 3))
    ]
    assert_multiply(cases, tmp_path, simulators)


def test_matrices_with_nothing_in_them(simulators: Path, tmp_path: Path) -> None:
    kinds = [
        Weights(4, 3, Operand("INT4"), 1.0),
        Weights(4, 3, Operand("INT4"), 0.0, empty_rows=3),
        Weights(4, 3, Operand("INT4"), 0.0, empty_columns=2),
        Weights(1, 1, Operand("INT4"), 0.0),
        Weights(1, 1, Operand("INT4"), 1.0),
    ]
    cases = [Case.of(kind, Operand("INT4"), digit) for kind in kinds for digit in (1, 3, 32)]
    assert_multiply(cases, tmp_path, simulators)


def test_vectors_of_more_words_than_digits(simulators: Path, tmp_path: Path) -> None:
    kind = Weights(12, 24, Operand("INT4"), 0.5)
    foldings = [(1, 12), (24, 1), (2, 1), (1, 1)]
    cases = [Case.of(kind, Operand("UINT2"), 4, simd=simd, pe=pe) for simd, pe in foldings]
    assert [case.unit.interval for case in cases] == [24, 12, 12, 24]
    assert_multiply(cases, tmp_path, simulators)


def test_registers_between_any_number_of_levels(simulators: Path, tmp_path: Path) -> None:
    kind = Weights(8, 16, Operand("INT6"), 0.3)
    cases = [
        Case.of(kind, Operand("UINT4"), digit, levels=levels)
        for digit, levels in (
            (1, 1),
            (1, 4),
            (2, 1),
            (2, 2),
            (3, 2),
            (3, 4),
            (4, 9),
            (5, 2),
            (32, 3),
            (32, 6),
        )
    ]
    assert_multiply(cases, tmp_path, simulators)


@pytest.mark.parametrize(
    ("last", "matrix"),
    [
        (Adder(5, 1, 1, 0, True), [[4, 5]]),
        (Adder(5, 1, 1, 1, True), [[4, 4]]),
        (Adder(0, 5, 2, 1), [[8, 6]]),
    ],
)
def test_a_late_operand_whose_zeros_the_adders_lut_does_not_put_in(
    last: Adder, matrix: list[list[int]], simulators: Path, tmp_path: Path
) -> None:
    """A bit at a time; value 5, 2 x0 + 3 x1, is there a cycle late: three adders are enough in a row."""
    adders = (Adder(0, 1), Adder(2, 1), Adder(3, 0), Adder(4, 1), last)
    graph = AdderGraph((Range(0, 15),) * 2, adders, (Output(6),))
    prove(graph, np.array(matrix))
    unit = Unit(graph, 1, Words(2, 1, 4, False, False, 9), levels=3)
    assert_multiply([Case(unit, np.array(matrix), Operand("UINT4"))], tmp_path, simulators)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any matrix, digit, folding and solver."""
    kind = draw(weights())
    divisors = [[d for d in range(1, n + 1) if n % d == 0] for n in (kind.columns, kind.rows)]
    return Case.of(
        kind,
        draw(operands()),
        draw(st.sampled_from(DIGITS)),
        simd=draw(st.sampled_from(divisors[0])),
        pe=draw(st.sampled_from(divisors[1])),
        solver=draw(st.sampled_from(SOLVERS)),
        extra_bits=draw(st.integers(0, 3)),
        levels=draw(st.integers(3, 6)),
    )


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(found=st.lists(cases(), min_size=10, max_size=10))
def test_any_matrix_in_any_digits(found: list[Case], simulators: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert_multiply(found, Path(folder), simulators)


def test_a_unit_whose_words_do_not_divide_its_matrix_is_refused() -> None:
    graph = AdderGraph((Range(0, 1),) * 3, (), (Output(0),) * 4)
    with pytest.raises(ValueError, match="3 inputs and 4 outputs must be multiples of SIMD=2 and PE=4"):
        Unit(graph, 1, Words(2, 4, 1, False, False, 1))
