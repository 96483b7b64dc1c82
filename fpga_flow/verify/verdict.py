"""When the result of a verification ends the command with an error, although the stage itself succeeded.

The artifact stays, so the report shows what was measured, and the same build ends the same way again.
"""

from collections.abc import Mapping
from typing import Any

from fpga_flow.core.errors import DifferenceError
from fpga_flow.core.recipe_parts import Recipe


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
