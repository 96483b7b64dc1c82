"""The cheapest folding for a rate, the cheapest for a latency, and the fastest that fits the board."""

import math
from collections.abc import Callable

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.hardware.fold.finn import finn_folding
from fpga_flow.hardware.fold.problem import Problem, Solution
from fpga_flow.target.board import Board
from fpga_flow.target.fit import Fit, limits_of
from fpga_flow.target.resources import Resources

RATIO = 1.004
"""A search over cycles ends when two neighbours are closer than this."""
PACES = 14
"""Cycles per frame that are tried for a latency."""
WEIGHTS = (2.0, 4.0, 8.0, 16.0)
"""What the costs of width converters are multiplied by, in the search for cheap ones."""
DEARER = 1.01
"""So much more a folding may cost for the sake of cheap width converters."""
REPRICED = 6
"""So often a resource that is short is made dearer, before a rate counts as too high for the board."""

Step = Callable[[], None]
"""Is called after each step of a search."""


def for_cycles(model: ModelWrapper, problem: Problem, cycles: int) -> Solution:
    """Return the cheapest folding of `model` for at most `cycles` per frame.

    It is nowhere worse than what FINN's `SetFolding` finds for `cycles`: where that is faster than asked for,
    ours is made as fast, at no more cost. A target out of reach gives the fastest folding there is.
    """
    best = cheap_converters(problem, cycles)
    rival = finn_folding(model, problem, cycles)
    if rival is None:
        return best
    theirs = problem.assess(rival)
    if theirs.cycles < best.cycles:
        best = cheap_converters(problem, theirs.cycles)
    if best.cost > theirs.cost and theirs.cycles <= best.cycles:
        best = problem.solve(best.cycles)
    return theirs if theirs.cycles <= best.cycles and theirs.cost < best.cost else best


def cheap_converters(problem: Problem, cycles: int) -> Solution:
    """Return a folding of at most `cycles` per frame: the one with the cheapest width converters found.

    It costs at most `DEARER` times as much as the cheapest one.
    """
    least = problem.solve(cycles)
    best = least
    for weight in WEIGHTS:
        other = problem.solve(cycles, converter_weight=weight)
        if other.cost <= DEARER * least.cost and other.converters.lut < best.converters.lut:
            best = other
    return best


def for_latency(problem: Problem, cycles: int, step: Step = lambda: None) -> Solution:
    """Return the cheapest folding found whose latency is at most `cycles`, or the one of least latency.

    The latency is no sum over layers, so this is a search: for several paces of the whole, a price on the
    cycles that layers hold a frame back is raised until the latency is reached.
    """
    fastest = problem.fastest()[0]
    slowest = max(fastest, min(cycles, problem.slowest()))
    paces = sorted({int(pace) for pace in np.geomspace(fastest, slowest, PACES)})
    found: list[Solution] = []
    for pace in paces:
        step()
        found.append(_within(problem, pace, cycles))
    met = [solution for solution in found if solution.latency <= cycles]
    return min(met, key=lambda one: one.cost) if met else min(found, key=lambda one: one.latency)


def _within(problem: Problem, pace: int, cycles: int) -> Solution:
    """Return the cheapest folding of at most `pace` cycles per frame and a latency of `cycles`.

    Where there is none, that of a high price of delays, which has about the least latency.
    """
    solution = problem.solve(pace)
    if solution.latency <= cycles:
        return solution
    low, high = 1e-3, 1e4  # LUTs a cycle
    best = problem.solve(pace, delay_price=high)
    if best.latency > cycles:
        return min(best, solution, key=lambda one: one.latency)
    while high / low > 1.5:
        price = math.sqrt(low * high)
        solution = problem.solve(pace, delay_price=price)
        if solution.latency <= cycles:
            high = price
            best = min(best, solution, key=lambda one: one.cost)
        else:
            low = price
    return best


def for_board(problem: Problem, board: Board, margin: float, step: Step = lambda: None) -> Solution:
    """Return the fastest folding that leaves the share `margin` of every resource of `board` free.

    Where none does, the smallest folding.
    """
    limits = limits_of(board, margin)
    low, high = problem.fastest()[0], problem.slowest()
    best = fitting(problem, low, limits)
    if best is not None:
        return best
    best = fitting(problem, high, limits)
    if best is None:
        return problem.solve(high)
    # `low` does not fit, `high` does.
    while high / low > RATIO and high - low > 1:
        step()
        middle = int(math.sqrt(low * high))
        middle = min(max(middle, low + 1), high - 1)
        solution = fitting(problem, middle, limits)
        if solution is None:
            low = middle
        else:
            best, high = solution, min(middle, solution.cycles)
    return best


def for_rate(model: ModelWrapper, problem: Problem, cycles: int, board: Board, margin: float) -> Solution:
    """Return the cheapest folding of `model` for at most `cycles` per frame, if it fits.

    Where that does not leave the share `margin` of every resource of `board` free and another folding that is
    found does, the other one: a resource that is not short takes the place of one that is. Where none does,
    one that fits at all.
    """
    best = for_cycles(model, problem, cycles)
    if not Fit(best.resources, board, margin).over or best.cycles > cycles:
        return best
    found = fitting(problem, cycles, limits_of(board, margin))
    if found is None and Fit(best.resources, board).over:
        found = fitting(problem, cycles, limits_of(board))
    return found or best


def fitting(problem: Problem, cycles: int, limits: Resources) -> Solution | None:
    """Return a folding of at most `cycles` within `limits`, None where none was found.

    The prices of resources that are short are raised until the folding uses others in their place.
    """
    at = prices = np.array(problem.prices.row)
    room = np.array(limits.row)
    for _ in range(REPRICED):
        solution = problem.solve(cycles, Resources(*at))
        used = np.array(solution.resources.row) / room
        if np.all(used <= 1):
            return solution
        at = at * np.maximum(used / used.max(), 0.1)
        at *= np.dot(prices, room) / np.dot(at, room)
    return None
