"""When the result of a finished stage ends the command with an error, although the stage itself succeeded.

The artifact stays, so the report shows what was measured, and the same build ends the same way again.
"""

from fpga_flow.core.errors import DifferenceError, FitError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.results.synth import SynthResult
from fpga_flow.results.verify import VerifyResult
from fpga_flow.target.board import board as board_named


def verified(result: VerifyResult, recipe: Recipe) -> DifferenceError | None:
    """Return the error of a verification that found a difference, from verify's result."""
    if not result.mismatches:
        return None
    first = result.first_difference
    where = first.words() if first else "none of the layers differs, only the output"
    return DifferenceError(
        f"verify: {result.mismatches} of {result.samples} frames differ between RTL and onnxruntime; "
        f"first difference: {where}"
    )


def fits(result: SynthResult, recipe: Recipe) -> FitError | None:
    """Return the error of a design that is larger than the board, from synth's result."""
    board = board_named(recipe.board)
    over = [
        f"{amount(getattr(result, key))} {word} of {getattr(board, key):,}"
        for key, word in RESOURCES.items()
        if getattr(result, key) > getattr(board, key)
    ]
    if not over:
        return None
    return FitError(
        f"synth: the design does not fit the board {board.name}: {', '.join(over)}; "
        "lower --fps, prune more, or take a larger --board"
    )


def amount(number: float | None) -> str:
    """Return `number` with separators and at most one decimal, or nothing for None."""
    if number is None:
        return ""
    return f"{number:,.0f}" if float(number).is_integer() else f"{number:,.1f}"


RESOURCES = {"lut": "LUT", "ff": "FF", "bram18": "BRAM18", "dsp": "DSP"}
"""Key of a resource in results and boards, and what it is called."""
