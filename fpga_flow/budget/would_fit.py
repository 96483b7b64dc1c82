"""What would fit the board where a network does not: another rate, fewer bits, or another board."""

from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.budget.graph import Graph, lowered
from fpga_flow.budget.narrow import most_bits, narrowed
from fpga_flow.core.progress import bar
from fpga_flow.core.recipe_parts.hardware import HardwareRecipe
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware.fold import search
from fpga_flow.hardware.fold.problem import Problem, Solution
from fpga_flow.results.hardware import WouldFit
from fpga_flow.target.board import BOARDS, Board
from fpga_flow.target.fit import Fit, limits_of

LEAST_BITS = 2
LEAST_MARGIN = 0.05
"""Slower foldings have deeper FIFOs."""
STEPS = 8
"""Of the progress bar: about so many foldings are tried."""


def would_fit(network: ModelWrapper, recipe: HardwareRecipe, graph: Graph, fit: Fit) -> WouldFit:
    """Return what of the integer `network` would fit the board, where `graph`, as `recipe` asks, does not.

    By the estimates of folding, which do not know how deep FIFOs are; as much more as `graph` takes for that
    (`fit`) is left free, `LEAST_MARGIN` at least.
    """
    board, expected = fit.board, graph.folded.solution.resources
    margin = max(LEAST_MARGIN, 1 - expected.lut / fit.used.lut)
    with finn_session(), bar(f"finding out what would fit {board.name}", STEPS, "foldings") as step:
        solution = search.for_board(_problem(network, recipe, board), board, margin)
        step()
        rate = _clock(recipe, board) * 1e6 / solution.cycles if _fits(solution, board, margin) else None
        larger = None
        for other in sorted(BOARDS.values(), key=lambda one: one.capacity.lut):
            if other.capacity.lut > board.capacity.lut and larger is None:
                larger = other.name if _fits(_folded(network, recipe, other, margin), other, margin) else None
                step()
        low, high = LEAST_BITS - 1, most_bits(network)  # `high` does not fit
        while high - low > 1:
            middle = (low + high) // 2
            solution = _folded(narrowed(network, middle), recipe, board, margin)
            low, high = (middle, high) if _fits(solution, board, margin) else (low, middle)
            step()
        return WouldFit(fps=rate, bits=low if low >= LEAST_BITS else None, board=larger)


def _problem(network: ModelWrapper, recipe: HardwareRecipe, board: Board) -> Problem:
    model, _ = lowered(network, recipe, board)
    return Problem(model, board, weights=recipe.weighing)


def _folded(network: ModelWrapper, recipe: HardwareRecipe, board: Board, margin: float) -> Solution:
    """Return a folding for what is asked for, which does not fit where it cannot."""
    problem = _problem(network, recipe, board)
    clock = _clock(recipe, board)
    if recipe.target == "latency" and recipe.latency_us is not None:
        return search.for_latency(problem, max(1, int(clock * recipe.latency_us)))
    if recipe.target == "board":
        return search.for_board(problem, board, margin)
    cycles = max(1, int(clock * 1e6 / recipe.fps))
    return search.fitting(problem, cycles, limits_of(board, margin)) or problem.solve(cycles)


def _clock(recipe: HardwareRecipe, board: Board) -> float:
    return recipe.clock_mhz or board.clock_mhz


def _fits(solution: Solution, board: Board, margin: float) -> bool:
    return not Fit(solution.resources, board, margin).over
