"""When the result of a finished stage ends the command with an error, although the stage itself succeeded.

The artifact stays, so the report shows what was measured, and the same build ends the same way again.
"""

from collections.abc import Mapping
from typing import Any

from fpga_flow.core.errors import DifferenceError, FitError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.target.board import board as board_named


def verified(result: Mapping[str, Any], recipe: Recipe) -> DifferenceError | None:
    """Return the error of a verification that found a difference, from verify's result."""
    if not result["mismatches"]:
        return None
    first = result["first_difference"] or {}
    where = ", ".join(f"{key} {value}" for key, value in first.items())
    return DifferenceError(
        f"verify: {result['mismatches']} of {result['samples']} frames differ between RTL and onnxruntime; "
        f"first difference: {where or 'none of the layers differs, only the output'}"
    )


def fits(result: Mapping[str, Any], recipe: Recipe) -> FitError | None:
    """Return the error of a design that is larger than the board, from synth's result."""
    board = board_named(recipe.board)
    over = [
        f"{amount(result[key])} {word} of {getattr(board, key):,}"
        for key, word in RESOURCES.items()
        if result[key] > getattr(board, key)
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
