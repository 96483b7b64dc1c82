"""When the result of a verification ends the command with an error, although the stage itself succeeded.

The artifact stays, so the report shows what was measured, and the same build ends the same way again.
"""

from fpga_flow.core.errors import DifferenceError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.results.verify import VerifyResult


def verified(result: VerifyResult, recipe: Recipe) -> DifferenceError | None:
    """Return the error of a verification that found a difference, from verify's result."""
    fault = result.fault()
    return DifferenceError(f"verify: {fault}") if fault else None
