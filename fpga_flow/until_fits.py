"""What a network that is being pruned takes of the board: `prune.fitting.Hardware` for the stage `prune`.

A checkpoint goes the way that the stages behind take, in memory: to integers, to layers, to the cheapest
folding for the frame rate, whose resources are estimated. That takes some seconds; nothing is synthesised.
"""

from functools import lru_cache

import torch
from qonnx.core.modelwrapper import ModelWrapper
from torch import Tensor

from fpga_flow.budget.graph import lowered
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.export.brevitas_export import export_module
from fpga_flow.export.declared import declared_input
from fpga_flow.export.network import write_network
from fpga_flow.export.walk import to_integers
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware.fold import search
from fpga_flow.hardware.fold.problem import Problem, Solution
from fpga_flow.layers.constant.csd import signed_digits
from fpga_flow.prune.criteria import layer_magnitude
from fpga_flow.prune.fitting import Shape
from fpga_flow.prune.masks import masked
from fpga_flow.results.prune import Taken
from fpga_flow.target.board import BOARDS, Board, board
from fpga_flow.target.fit import Fit
from fpga_flow.train.checkpoint import State
from fpga_flow.train.general import network_of
from fpga_flow.train.network import deployed

LEAST_PRICE = 0.05
"""LUTs of a weight at least: less than a bit of a list takes."""


class BoardEstimate:
    """The board of a recipe at its frame rate; see `prune.fitting.Hardware`."""

    def __init__(self, recipe: Recipe) -> None:
        """Raises `InputError` for an unknown board."""
        self._recipe, self._board = recipe, board(recipe.board)

    def taken(self, state: State, shape: Shape) -> Taken:
        """See `Hardware.taken`; the folding is the one that the stage `hardware` finds."""
        return self._taken(self._lowered(state, shape, self._board), self._board)

    def solution(self, state: State, shape: Shape) -> Solution:
        """Return the cheapest folding of the network in `state` at the wanted rate."""
        return self._folded(self._lowered(state, shape, self._board), self._board)

    def best_rate(self, state: State, shape: Shape) -> float | None:
        """See `Hardware.best_rate`."""
        problem = self._problem(self._lowered(state, shape, self._board), self._board)
        best = search.for_board(problem, self._board, self._recipe.hardware.margin)
        return self._clock(self._board) * 1e6 / best.cycles if self._fit(best, self._board) else None

    def larger_board(self, state: State, shape: Shape) -> str | None:
        """See `Hardware.larger_board`."""
        mine = self._board.capacity
        for other in sorted(BOARDS.values(), key=lambda one: one.capacity.lut):
            larger = other.capacity.lut > mine.lut
            if larger and self._taken(self._lowered(state, shape, other), other).fits:
                return other.name
        return None

    def prices(self, state: State, shape: Shape) -> dict[str, Tensor]:
        """See `Hardware.prices`.

        A layer's price of a weight is what half of its weights save, the smallest ones gone. Where the layer
        is built of adders, it goes by the signed digits of each weight. Raises `InputError` where a layer of
        the network is none of the hardware.
        """
        half = masked(state, layer_magnitude(state, 0.5))
        (costs, codes), (less, left) = (self._costs(one, shape) for one in (state, half))
        found = {}
        for name, values in codes.items():
            if name not in costs or name not in less:
                raise InputError(
                    f"prune.criterion: hardware must find each layer of the network in the hardware, "
                    f"{name} is not there; use magnitude"
                )
            saved = costs[name][0] - less[name][0]
            gone = int((values != 0).sum() - (left[name] != 0).sum())
            price = torch.full_like(values, max(LEAST_PRICE, saved / max(gone, 1)))
            if costs[name][1] == "constant":
                digits = values.to(torch.int64).apply_(digit_count).clamp(min=1).float()
                price *= digits / digits[values != 0].mean() if values.any() else 1
            found[name] = price
        return found

    def _costs(self, state: State, shape: Shape) -> tuple[dict[str, tuple[float, str]], dict[str, Tensor]]:
        """Return each layer's least cost at the wanted rate with how it is built then, and its integers."""
        problem = self._problem(self._lowered(state, shape, self._board), self._board)
        at = max(self._cycles(self._board), problem.fastest()[0])
        costs = {
            name: min((cost, way) for way, cost in ways.items())
            for name, ways in problem.costs_at(at).items()
        }
        return costs, network_of(self._recipe, state).codes()

    def _lowered(self, state: State, shape: Shape, target: Board) -> ModelWrapper:
        """Return the unfolded layers of the network for `target`."""
        model = export_module(deployed(self._recipe, state), shape)
        network = write_network(to_integers(model, declared_input(self._recipe.export.input)))
        with finn_session():
            return lowered(network, self._recipe.hardware, target)[0]

    def _problem(self, model: ModelWrapper, target: Board) -> Problem:
        return Problem(model, target, weights=self._recipe.hardware.weighing)

    def _taken(self, model: ModelWrapper, target: Board) -> Taken:
        solution = self._folded(model, target)
        return Taken(
            fps=round(self._clock(target) * 1e6 / solution.cycles, 3),
            words=Fit(solution.resources, target, self._recipe.hardware.margin).words(),
            fits=solution.cycles <= self._cycles(target) and self._fit(solution, target),
        )

    def _folded(self, model: ModelWrapper, target: Board) -> Solution:
        with finn_session():
            margin = self._recipe.hardware.margin
            return search.for_rate(model, self._problem(model, target), self._cycles(target), target, margin)

    def _fit(self, solution: Solution, target: Board) -> bool:
        return not Fit(solution.resources, target, self._recipe.hardware.margin).over

    def _clock(self, target: Board) -> float:
        return self._recipe.hardware.clock_mhz or target.clock_mhz

    def _cycles(self, target: Board) -> int:
        """Return the cycles per frame that the wanted rate leaves."""
        return max(1, int(self._clock(target) * 1e6 / self._recipe.hardware.fps))


@lru_cache(maxsize=256)
def digit_count(number: int) -> int:
    """Return how many signed digits of `number` are not zero."""
    return sum(1 for _ in signed_digits(int(number)))


make = BoardEstimate
