"""What the recipe asks of the folding: a rate, a latency, the board, or what a file says."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core import places
from fpga_flow.core.progress import bar
from fpga_flow.core.recipe_parts.hardware import HardwareRecipe
from fpga_flow.hardware.fold import search
from fpga_flow.hardware.fold.file import fold_from_file
from fpga_flow.hardware.fold.options import Known, choices_of
from fpga_flow.hardware.fold.problem import Problem, Solution, apply
from fpga_flow.layers.base import Weighing
from fpga_flow.results.hardware import FoldingSummary, WidthConverters
from fpga_flow.target.board import BOARDS, Board

SEARCH_STEPS = 40
"""Of a progress bar; a search may end before."""
CLOSE = 0.97
"""A latency of this share of the wanted one needs no further search."""
CORRECTIONS = 4
"""So often a latency is aimed at again, after it has been predicted in detail."""

Latency = Callable[[ModelWrapper], int]
"""Returns the latency in cycles of a folded graph, predicted in detail; the graph is not changed."""


@dataclass(frozen=True)
class Folded:
    """A folded graph, and what was asked for."""

    model: ModelWrapper
    problem: Problem
    solution: Solution
    target: Literal["fps", "latency", "board", "file"]
    wanted: int | None
    """Cycles per frame (fps) or of latency; None for the others."""


def fold(
    model: ModelWrapper,
    recipe: HardwareRecipe,
    clock_mhz: float,
    board: Board,
    known: Known,
    latency: Latency,
) -> Folded:
    """Return `model` (unfolded layers) folded as the recipe's `hardware` asks.

    `known`: see `Problem`. Raises `InputError` for a wrong folding file.
    """
    with bar("foldings of each layer", len(model.graph.node), "layers") as advance:
        problem = Problem(model, board, known, advance, recipe.weighing)
    if recipe.folding is not None:
        folded = fold_from_file(model, places.named(recipe.folding), board.family)
        return Folded(folded, problem, problem.assess(choices_of(folded)), "file", None)
    wanted = None
    if recipe.target == "latency" and recipe.latency_us is not None:
        wanted = max(1, int(clock_mhz * recipe.latency_us))
        with _searching("folding for the latency") as step:
            solution = _for_latency(model, problem, wanted, latency, step)
    elif recipe.target == "board":
        with _searching(f"folding for {board.name}") as step:
            solution = search.for_board(problem, board, recipe.margin, step)
    else:
        wanted = max(1, int(clock_mhz * 1e6 / recipe.fps))
        solution = search.for_rate(model, problem, wanted, board, recipe.margin)
    return Folded(apply(model, solution.choices), problem, solution, recipe.target, wanted)


def _for_latency(
    model: ModelWrapper, problem: Problem, wanted: int, latency: Latency, step: search.Step
) -> Solution:
    """Return a cheap folding whose latency in detail is at most `wanted`, or about the least there is.

    The search goes by the simpler model of `fold.latency`; where the two differ, it aims again by as much.
    """
    aim = wanted
    found: list[tuple[int, Solution]] = []
    for _ in range(CORRECTIONS):
        solution = search.for_latency(problem, aim, step)
        copy = ModelWrapper(model.model, make_deepcopy=True)
        real = latency(apply(copy, solution.choices))
        found.append((real, solution))
        if CLOSE * wanted <= real <= wanted or solution.latency > aim:
            break
        aim = max(1, int(aim * wanted / real * (0.995 if real > wanted else 1)))
    met = [solution for real, solution in found if real <= wanted]
    return min(met, key=lambda one: one.cost) if met else min(found, key=lambda pair: pair[0])[1]


def result_of(folded: Folded) -> FoldingSummary:
    """Return what the stage keeps of a folding: what it is expected to take, and where that is known from."""
    solution = folded.solution
    return FoldingSummary(
        target=folded.target,
        resources={name: math.ceil(value) for name, value in solution.resources.limited().items()},
        width_converters=WidthConverters(
            count=solution.widths_changed,
            uneven=solution.uneven,
            lut=math.ceil(solution.converters.lut),
            ff=math.ceil(solution.converters.ff),
        ),
        synthesised_layers={
            layer.name: layer[solution.choices[layer.name]].resources.limited()
            for layer in folded.problem.layers
            if layer.name in solution.synthesised
        },
        exact=solution.exact,
    )


@contextmanager
def _searching(what: str) -> Iterator[search.Step]:
    with bar(what, SEARCH_STEPS, "steps") as advance:
        yield advance


def fold_to_cycles(
    model: ModelWrapper,
    cycles_per_frame: int,
    board: Board | None = None,
    weights: Weighing | None = None,
) -> ModelWrapper:
    """Return `model` folded to at most `cycles_per_frame`, or as fast as it can be.

    It is the cheapest such folding at the prices of `board`, the smallest one unless given; `weights` as in
    `Problem`.
    """
    smallest = min(BOARDS.values(), key=lambda one: one.capacity.lut)
    problem = Problem(model, board or smallest, weights=weights)
    return apply(model, search.for_cycles(model, problem, cycles_per_frame).choices)
