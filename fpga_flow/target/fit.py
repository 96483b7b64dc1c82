"""Whether a design fits a board, and the words for it: the one judgement of that."""

from dataclasses import dataclass

from fpga_flow.core.errors import FitError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.results.estimate import Estimated
from fpga_flow.results.hardware import WouldFit
from fpga_flow.results.synth import SynthResult
from fpga_flow.target.board import Board, board
from fpga_flow.target.resources import LIMITED, Resources


def limits_of(board: Board, margin: float = 0.0) -> Resources:
    """Return what may be taken of `board` where the share `margin` of each resource stays free."""
    return board.capacity.times(1 - margin) if margin else board.capacity


@dataclass(frozen=True)
class Fit:
    """What a design takes of a board of which the share `margin` shall stay free."""

    used: Resources
    board: Board
    margin: float = 0.0

    @property
    def over(self) -> dict[str, float]:
        """By how much each resource that is short is passed, by key; empty where the design fits."""
        limits = limits_of(self.board, self.margin).limited()
        return {key: used - limits[key] for key, used in self.used.limited().items() if used > limits[key]}

    @property
    def shares(self) -> dict[str, float]:
        """Share of the board's whole amount, by key."""
        capacity = self.board.capacity.limited()
        return {key: used / capacity[key] for key, used in self.used.limited().items()}

    def words(self) -> str:
        """Return amounts and shares of all resources."""
        used = self.used.limited()
        return ", ".join(
            f"{used[key]:,.0f} {LIMITED[key]} ({100 * share:.0f} %)" for key, share in self.shares.items()
        )

    def excess(self) -> str:
        """Return by how much each resource that is short is passed."""
        return ", ".join(f"{count:,.0f} {LIMITED[key]} too many" for key, count in self.over.items())

    def short(self) -> str:
        """Return the amounts of the resources that are short, and what there is of them."""
        used, capacity = self.used.limited(), self.board.capacity.limited()
        return ", ".join(f"{used[key]:,.0f} {LIMITED[key]} of {capacity[key]:,.0f}" for key in self.over)


def instead_words(instead: WouldFit | None) -> str:
    """Return what would fit, or what may help where that is not known."""
    if instead is None:
        return "lower --fps, prune more, or take a larger --board"
    rate = "no rate fits" if instead.fps is None else f"{instead.fps:,.0f} frames/s fit"
    bits = "even 2 are too many" if instead.bits is None else f"{instead.bits} bits fit, trained again"
    other = "none of ours holds it" if instead.board is None else f"{instead.board} holds it"
    return f"by estimate, one of these would do: --fps: {rate}; --bits: {bits}; --board: {other}"


def surely_over(expected: Estimated, target: Board) -> list[str]:
    """Return the keys of the resources of which `target` has less than the low end of what is expected."""
    capacity = target.capacity.limited()
    return [key for key, (low, _) in expected.ranges.items() if low > capacity[key]]


def cannot_fit(expected: Estimated, instead: WouldFit | None, target: Board) -> FitError | None:
    """Return the error of a design that is larger than `target` even where it takes the least expected."""
    over, capacity = surely_over(expected, target), target.capacity.limited()
    if not over:
        return None
    said = ", ".join(
        f"{expected.ranges[key][0]:,} to {expected.ranges[key][1]:,} {LIMITED[key]} of {capacity[key]:,.0f}"
        for key in over
    )
    return FitError(
        f"the design cannot fit the board {target.name}: it is expected to take {said}; "
        f"{instead_words(instead)}"
    )


def fits(result: SynthResult, recipe: Recipe) -> FitError | None:
    """Return the error of a design that is larger or slower than the recipe's board, from synth's result.

    The artifact stays, so the report shows what was measured, and the same build ends the same way again.
    """
    fit = Fit(Resources.of(result), board(recipe.board))
    if not fit.over:
        return too_slow(result, recipe.hardware.clock_mhz or fit.board.clock_mhz)
    return FitError(
        f"synth: the design does not fit the board {fit.board.name}: {fit.short()}; "
        f"{instead_words(result.would_fit)}"
    )


def too_slow(result: SynthResult, clock_mhz: float) -> FitError | None:
    """Return the error of a design that cannot have the clock, by the logic of one of its layers alone."""
    period = 1000 / clock_mhz
    if result.logic_ns is None or result.logic_ns <= period:
        return None
    return FitError(
        f"synth: layer {result.slowest}: a path takes {result.logic_ns:.1f} ns in its logic alone, without "
        f"wires, where {clock_mhz:g} MHz leave {period:.1f} ns: set hardware.clock_mhz to less than "
        f"{1000 / result.logic_ns:.0f}; half of that is more likely to be met"
    )
