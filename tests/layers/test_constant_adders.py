"""Networks of adders: exact values, exact ranges, and the proof that finds every fault."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpga_flow.layers.constant.adders import Adder, AdderGraph, Output, Range, pruned
from fpga_flow.layers.constant.proof import UnprovedError, prove
from fpga_flow.layers.constant.solvers import solve
from tests.layers.constant_units import Weights, operands, range_of, weights
from tests.rtl.operands import Operand

GRAPH = AdderGraph(
    (Range(0, 3), Range(-2, 1)),
    (Adder(0, 1, 1, 0), Adder(2, 0, 0, 2, True), Adder(None, 2, subtract=True)),
    (Output(3, 1), Output(None), Output(4)),
)
"""2a + b; 2a + b - 4a; -(2a + b)."""
MATRIX = np.array([[-4, 2], [0, 0], [-2, -1]])


def test_values_and_ranges_are_exact() -> None:
    vectors = np.array([[a, b] for a in range(4) for b in range(-2, 2)])
    values, outputs = GRAPH.evaluate(vectors)
    np.testing.assert_array_equal(outputs, vectors @ MATRIX.T)
    assert [Range(int(v.min()), int(v.max())) for v in values.T] == list(GRAPH.ranges)
    assert [Range(int(v.min()), int(v.max())) for v in outputs.T] == list(GRAPH.output_ranges)
    assert GRAPH.sums == Range(-16, 2) and GRAPH.depth == 2


@pytest.mark.parametrize(
    ("low", "high", "bits", "signed"),
    [
        (0, 0, 0, False),
        (0, 1, 1, False),
        (0, 8, 4, False),
        (-1, 0, 1, True),
        (-1, 1, 2, True),
        (-9, 3, 5, True),
    ],
)
def test_bits_of_a_range(low: int, high: int, bits: int, signed: bool) -> None:
    assert (Range(low, high).bits, Range(low, high).signed) == (bits, signed)


def test_the_proof_says_what_it_looked_at() -> None:
    proof = prove(GRAPH, MATRIX)
    assert (proof.columns, proof.values, proof.bits) == (2, 5, 4)


@given(kind=weights(), act=operands(), data=st.data())
def test_a_network_with_a_fault_is_never_proved(kind: Weights, act: Operand, data: st.DataObject) -> None:
    matrix = kind.draw()
    graph = solve(matrix, [range_of(act)] * kind.columns, "csd").graph
    wrong = matrix.copy()
    place = data.draw(st.integers(0, matrix.size - 1))
    wrong.flat[place] += data.draw(st.sampled_from([-8, -1, 1, 2]))
    with pytest.raises(UnprovedError, match=f"output {place // kind.columns} must take input"):
        prove(graph, wrong)


def test_a_network_of_another_size_is_not_proved() -> None:
    with pytest.raises(UnprovedError, match=r"must be \(1, 2\), not \(3, 2\)"):
        prove(GRAPH, MATRIX[:1])


def test_bits_that_are_too_few_are_not_proved() -> None:
    held = list(GRAPH.ranges)
    held[2] = Range(held[2].low, held[2].high - 1)
    with pytest.raises(UnprovedError, match="value 2 goes from -2 to 7"):
        prove(GRAPH, MATRIX, held)


def test_numbers_that_python_must_count_itself_are_not_proved() -> None:
    graph = AdderGraph((Range(0, 1 << 61),), (Adder(0, 0, 0, 1),), (Output(1),))
    with pytest.raises(UnprovedError, match="must be below 2\\*\\*62"):
        prove(graph, np.array([[3]]))


@pytest.mark.parametrize(
    ("adder", "message"),
    [
        (Adder(0, 2), "must read values from 0 to 1"),
        (Adder(0, 1, -1, 0), "shifts must not be negative"),
        (Adder(None, 1), "0 plus a value is that value"),
    ],
)
def test_a_network_that_is_none_is_refused(adder: Adder, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AdderGraph((Range(0, 1), Range(0, 1)), (adder,), ())


def test_outputs_of_a_network_are_its_values() -> None:
    with pytest.raises(ValueError, match="output 0 must be a value from 0 to 0"):
        AdderGraph((Range(0, 1),), (), (Output(1),))
    with pytest.raises(ValueError, match="the shift must not be negative"):
        AdderGraph((Range(0, 1),), (), (Output(0, -1),))


def test_what_nobody_needs_and_what_is_there_twice_goes() -> None:
    graph = AdderGraph(
        GRAPH.inputs, (*GRAPH.adders, Adder(0, 1, 1, 0), Adder(3, 5)), (*GRAPH.outputs[:2], Output(5))
    )
    found = pruned(graph)
    assert found.adders == GRAPH.adders[:2]
    np.testing.assert_array_equal(
        found.evaluate(np.eye(2, dtype=int))[1], graph.evaluate(np.eye(2, dtype=int))[1]
    )


def test_a_network_is_the_same_after_it_was_a_table() -> None:
    again = AdderGraph.of_table(GRAPH.table())
    assert again == GRAPH and again.digest == GRAPH.digest
