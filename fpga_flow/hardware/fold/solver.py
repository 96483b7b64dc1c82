"""Least total cost over discrete choices with costs of single choices and of pairs of neighbours.

The choices of a layer are its foldings, a pair's cost is what stands between two neighbours. The least sum
is found exactly by eliminating one variable after the other (nonserial dynamic programming: U. Bertele,
F. Brioschi, "Nonserial Dynamic Programming", 1972; bucket elimination: R. Dechter, "Bucket elimination: A
unifying framework for reasoning", Artificial Intelligence 113, 1999). On a chain this is Viterbi's
algorithm; residual and concatenating networks are series-parallel, so no table has more than two further
variables. Only where a table would become too large, descent by single variables and by pairs takes over.
"""

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]

LARGEST_TABLE = 20_000_000
"""Entries of a table of the elimination; 160 MB."""


@dataclass(frozen=True)
class Choice:
    """A choice for each variable."""

    indices: tuple[int, ...]
    cost: float
    exact: bool
    """No other choice costs less."""


def minimise(
    single: Sequence[Table], pairs: Mapping[tuple[int, int], Table], largest: int = LARGEST_TABLE
) -> Choice:
    """Return the choice of least cost.

    `single[v]` (choices of v,) is the cost of each choice of variable v; `pairs[v, w]` (choices of v, choices
    of w) with v < w is the cost of choosing both. Costs are finite.
    """
    indices = _eliminate(single, pairs, largest)
    exact = indices is not None
    if indices is None:
        indices = _descend(single, pairs)
    return Choice(tuple(indices), cost_of(single, pairs, indices), exact)


def cost_of(single: Sequence[Table], pairs: Mapping[tuple[int, int], Table], indices: Sequence[int]) -> float:
    """Return the cost of the choice `indices`."""
    total = sum(float(costs[index]) for costs, index in zip(single, indices, strict=True))
    return total + sum(float(costs[indices[v], indices[w]]) for (v, w), costs in pairs.items())


@dataclass
class _Factor:
    variables: tuple[int, ...]
    table: Table
    """An axis for each variable, in the order of `variables`, which ascends."""


def _eliminate(
    single: Sequence[Table], pairs: Mapping[tuple[int, int], Table], largest: int
) -> list[int] | None:
    """Return the indices of least cost, None where a table would have more than `largest` entries."""
    sizes = [len(costs) for costs in single]
    factors: list[set[int]] = [set() for _ in single]
    """Variable -> numbers of the factors it is in."""
    known: dict[int, _Factor] = {}
    neighbours: list[set[int]] = [set() for _ in single]

    def add(factor: _Factor) -> None:
        number = len(numbers)
        numbers.append(number)
        known[number] = factor
        for variable in factor.variables:
            factors[variable].add(number)
            neighbours[variable] |= set(factor.variables) - {variable}

    numbers: list[int] = []
    for variable, costs in enumerate(single):
        add(_Factor((variable,), costs))
    for (v, w), costs in pairs.items():
        add(_Factor((v, w), costs))

    def effort(variable: int) -> float:
        return float(sizes[variable]) * math.prod(float(sizes[n]) for n in neighbours[variable])

    queue = [(effort(variable), variable) for variable in range(len(single))]
    heapq.heapify(queue)
    left = set(range(len(single)))
    trace: list[tuple[int, tuple[int, ...], NDArray[np.int64]]] = []
    while left:
        size, variable = heapq.heappop(queue)
        if variable not in left or size != effort(variable):
            continue  # out of date; the right entry is in the queue as well
        if size > largest:
            return None
        around = tuple(sorted(neighbours[variable]))
        table = np.zeros(tuple(sizes[n] for n in around) + (sizes[variable],))
        for number in sorted(factors[variable]):
            table += _spread(known.pop(number), (*around, variable))
        best = np.argmin(table, axis=-1)
        trace.append((variable, around, best))
        left.remove(variable)
        for n in around:
            factors[n] -= factors[variable]
            neighbours[n].discard(variable)
        if around:
            add(_Factor(around, table.min(axis=-1)))
        for n in around:
            heapq.heappush(queue, (effort(n), n))
    chosen = [0] * len(single)
    for variable, around, best in reversed(trace):
        chosen[variable] = int(best[tuple(chosen[n] for n in around)])
    return chosen


def _spread(factor: _Factor, variables: tuple[int, ...]) -> Table:
    """Return the factor's table with an axis for each of `variables`, of size 1 for those it has not."""
    present = [v for v in variables if v in factor.variables]
    table = factor.table.transpose([factor.variables.index(v) for v in present])
    sizes = iter(table.shape)
    return table.reshape([next(sizes) if v in factor.variables else 1 for v in variables])


def _descend(single: Sequence[Table], pairs: Mapping[tuple[int, int], Table]) -> list[int]:
    """Return indices that no change of one variable, or of two neighbours at once, makes cheaper."""
    around: list[dict[int, Table]] = [{} for _ in single]
    for (v, w), costs in pairs.items():
        around[v][w], around[w][v] = costs, costs.T
    chosen = [int(np.argmin(costs)) for costs in single]

    def local(v: int, without: int = -1) -> Table:
        fixed = [costs[:, chosen[w]] for w, costs in around[v].items() if w != without]
        return single[v] + sum(fixed, np.zeros(len(single[v])))

    better = True
    while better:
        better = False
        for v in range(len(single)):
            costs = local(v)
            best = int(np.argmin(costs))
            if costs[best] < costs[chosen[v]]:
                chosen[v], better = best, True
        for v, w in pairs:
            both = local(v, w)[:, None] + local(w, v)[None, :] + pairs[v, w]
            best_v, best_w = np.unravel_index(int(np.argmin(both)), both.shape)
            if both[best_v, best_w] < both[chosen[v], chosen[w]]:
                chosen[v], chosen[w], better = int(best_v), int(best_w), True
    return chosen
