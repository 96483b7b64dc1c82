"""The solver: the least sum of costs over chains, trees and loops, against trying everything."""

import itertools

import numpy as np
import pytest

from fpga_flow.hardware.fold import solver
from fpga_flow.hardware.fold.solver import Table, cost_of, minimise

CHAIN = [(i, i + 1) for i in range(5)]
FORK_AND_JOIN = [(0, 1), (1, 2), (2, 5), (0, 3), (3, 5), (0, 5), (4, 5)]
EVERY_PAIR = list(itertools.combinations(range(6), 2))


def problem(edges: list[tuple[int, int]], seed: int) -> tuple[list[Table], dict[tuple[int, int], Table]]:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 5, 6)
    single = [rng.integers(0, 20, size).astype(float) for size in sizes]
    return single, {(v, w): rng.integers(0, 20, (sizes[v], sizes[w])).astype(float) for v, w in edges}


def least(single: list[Table], pairs: dict[tuple[int, int], Table]) -> float:
    choices = itertools.product(*(range(len(costs)) for costs in single))
    return min(cost_of(single, pairs, choice) for choice in choices)


@pytest.mark.parametrize("edges", [[], CHAIN, FORK_AND_JOIN, EVERY_PAIR])
@pytest.mark.parametrize("seed", range(8))
def test_the_choice_costs_least_of_all(edges: list[tuple[int, int]], seed: int) -> None:
    single, pairs = problem(edges, seed)
    found = minimise(single, pairs)
    assert found.exact
    assert found.cost == cost_of(single, pairs, found.indices) == least(single, pairs)


@pytest.mark.parametrize("seed", range(8))
def test_without_room_for_tables_no_single_or_double_change_is_cheaper(seed: int) -> None:
    single, pairs = problem(EVERY_PAIR, seed)
    found = minimise(single, pairs, largest=1)
    assert not found.exact and found.cost == cost_of(single, pairs, found.indices)
    for v, w in pairs:
        for a, b in itertools.product(range(len(single[v])), range(len(single[w]))):
            changed = list(found.indices)
            changed[v], changed[w] = a, b
            assert cost_of(single, pairs, changed) >= found.cost


def test_a_long_chain_of_many_choices_is_quick() -> None:
    rng = np.random.default_rng(1)
    single = [rng.random(100) for _ in range(600)]
    pairs = {(i, i + 1): rng.random((100, 100)) for i in range(599)}
    found = minimise(single, pairs)
    path = np.zeros(100)
    for i, costs in enumerate(single):  # Viterbi's algorithm
        path = costs + (0 if i == 0 else (path[:, None] + pairs[i - 1, i]).min(axis=0))
    assert found.cost == pytest.approx(path.min())


def test_the_largest_table_is_a_limit_of_memory() -> None:
    assert solver.LARGEST_TABLE * 8 < 1 << 30
