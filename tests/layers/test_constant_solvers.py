"""Both solvers: right for every matrix, the same network every time, and few adders."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings

from fpga_flow.core.errors import InputError
from fpga_flow.layers.constant import solvers
from fpga_flow.layers.constant.adders import Range
from fpga_flow.layers.constant.csd import signed_digits
from fpga_flow.layers.constant.solvers import blocks, solve
from tests.layers.constant_units import SOLVERS, Weights, operands, range_of, weights
from tests.rtl.operands import Operand


@pytest.mark.parametrize("solver", SOLVERS)
@settings(deadline=None, max_examples=40)
@given(kind=weights(most=24), act=operands())
def test_every_matrix_has_a_network_that_is_proved(kind: Weights, act: Operand, solver: str) -> None:
    matrix = kind.draw()
    solution = solve(matrix, [range_of(act)] * kind.columns, solver)
    vectors = act.draw(5, (20, kind.columns))
    np.testing.assert_array_equal(solution.graph.evaluate(vectors)[1], vectors @ matrix.T)
    assert solution.proof.columns == kind.columns
    assert solution.solver.startswith(solver)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_network_is_the_same_in_another_process(solver: str) -> None:
    script = f"""
from tests.layers.constant_units import Weights, range_of
from tests.rtl.operands import Operand
from fpga_flow.layers.constant.solvers import blocks, solve
matrix = Weights(24, 32, Operand("INT5"), 0.4).draw()
print(solve(matrix, [range_of(Operand("UINT4"))] * 32, "{solver}").graph.digest)
"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
        ).stdout
        for environment in (
            {"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1"},
            {"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": "2", "OMP_NUM_THREADS": "2"},
        )
    ]
    assert runs[0] == runs[1] and len(runs[0]) > 60


@pytest.mark.parametrize("solver", SOLVERS)
def test_common_sums_are_made_once(solver: str) -> None:
    matrix = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 0, 1], [2, 2, 1, 1]])
    assert len(solve(matrix, [Range(0, 15)] * 4, solver).graph.adders) <= 5


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_row_that_is_another_one_s_opposite_takes_one_adder_more(solver: str) -> None:
    matrix = np.array([[3, 5, 1], [-3, -5, -1]])
    alone = len(solve(matrix[:1], [Range(0, 15)] * 3, solver).graph.adders)
    assert len(solve(matrix, [Range(0, 15)] * 3, solver).graph.adders) <= alone + 1


@pytest.mark.skipif(len(SOLVERS) < 2, reason="alkaid is not installed")
def test_the_plain_solver_is_nearly_as_good() -> None:
    for zeros in (0.0, 0.5, 0.9):
        matrix = Weights(48, 64, Operand("INT4"), zeros).draw()
        counts = [len(solve(matrix, [Range(0, 15)] * 64, solver).graph.adders) for solver in SOLVERS]
        assert counts[0] <= 1.05 * counts[1]


def test_a_large_matrix_is_solved_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = Weights(10, 30, Operand("INT6"), 0.1).draw()
    whole = solve(matrix, [Range(-8, 7)] * 30, "csd").graph
    monkeypatch.setattr("fpga_flow.layers.constant.csd.MOST_PAIRS", 200)
    blocks = solve(matrix, [Range(-8, 7)] * 30, "csd").graph
    assert len(whole.adders) < len(blocks.adders) < 2 * len(whole.adders)


def test_parts_that_share_no_row_and_no_column_are_found() -> None:
    matrix = np.array([[0, 1, 0, 0, 2], [3, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 4, 0, 0, 0], [0, 0, 0, 5, 0]])
    assert sorted(blocks(matrix)) == [([0, 3], [1, 4]), ([1], [0]), ([4], [3])]
    assert not list(blocks(np.zeros((2, 3), np.int64)))


@pytest.mark.parametrize("solver", SOLVERS)
def test_groups_take_the_adders_of_each_alone(solver: str) -> None:
    parts = [Weights(6, 9, Operand("INT4"), 0.3, seed=seed).draw() for seed in range(4)]
    matrix = np.zeros((24, 36), np.int64)
    for place, part in enumerate(parts):
        matrix[place::4, place::4] = part
    alone = sum(len(solve(part, [Range(0, 15)] * 9, solver).graph.adders) for part in parts)
    assert len(solve(matrix, [Range(0, 15)] * 36, solver).graph.adders) == alone


def test_signed_digits_are_the_number_and_none_stand_side_by_side() -> None:
    for number in range(-300, 301):
        digits = list(signed_digits(number))
        assert sum(sign << shift for shift, sign in digits) == number
        assert all(high - low > 1 for (low, _), (high, _) in pairwise(digits))


def test_without_alkaid_the_plain_solver_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solvers, "find_spec", lambda name: None)
    assert solve(np.array([[1, 2]]), [Range(0, 1)] * 2).solver == "csd"
    with pytest.raises(InputError, match="alkaid is not installed"):
        solve(np.array([[1, 2]]), [Range(0, 1)] * 2, "alkaid")


def test_what_no_solver_takes_is_refused() -> None:
    with pytest.raises(InputError, match="auto or one of alkaid, csd, not best"):
        solve(np.array([[1]]), [Range(0, 1)], "best")
    with pytest.raises(InputError, match="must be below 16777216 in magnitude, not 16777216"):
        solve(np.array([[1 << 24]]), [Range(0, 1)])
    with pytest.raises(ValueError, match="a column for each of 2 inputs"):
        solve(np.array([[1]]), [Range(0, 1)] * 2)
