"""Whether a board can have a clock and a frame rate at all, whatever the network is."""

import math

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts.hardware import HardwareRecipe
from fpga_flow.target.board import Board


def most_mhz(board: Board) -> float:
    """Return the clock, in MHz, whose period is that of one level of logic with its wires."""
    return 1000 / board.family.level_ns


def check_speed(recipe: HardwareRecipe, board: Board) -> None:
    """Raise `InputError` where `board` cannot have the clock or the frame rate of `recipe`.

    Between two registers is at least one level of logic, and a frame takes at least one cycle. What a network
    allows is less, and known when it is folded and synthesised.
    """
    clock, most = recipe.clock_mhz or board.clock_mhz, most_mhz(board)
    if clock > most * (1 + 1e-9):
        raise InputError(
            f"hardware.clock_mhz: {clock:g} MHz is more than {board.name} can do: one level of logic (a LUT "
            f"and its wires) counts as {board.family.level_ns:.3g} ns, so {math.floor(most)} MHz at most; "
            "lower --clock, or set level_ns in your own board file ('flow refit --timing' measures it)"
        )
    if recipe.target == "fps" and recipe.folding is None and recipe.fps > clock * 1e6:
        needed = math.ceil(recipe.fps / 1e6)
        raised = f"lower --fps, or raise --clock to {needed} MHz" if needed <= most else "lower --fps"
        raise InputError(
            f"hardware.fps: {recipe.fps:,.0f} frames/s cannot be had at {clock:g} MHz: a frame takes a cycle "
            f"at least, so {clock * 1e6:,.0f} at most on the board {board.name}; {raised}"
        )
