"""Whether pruning came to a network that fits the board, and the words for it where it did not."""

from fpga_flow.core.errors import FitError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.results.prune import Instead, PruneResult


def fits_when_pruned(result: PruneResult, recipe: Recipe) -> FitError | None:
    """Return the error where no network that is accurate enough fits the recipe's board at its rate.

    It says by how much each of accuracy, rate and board must give. The artifact stays, as for `fits`.
    """
    if result.instead is None or result.taken is None or result.target is None:
        return None
    free = f" (a share of {recipe.hardware.margin:g} left free)" if recipe.hardware.margin else ""
    left, taken, hardware = result.left / result.weights, result.taken, recipe.hardware
    return FitError(
        f"prune: {result.target:.2%} of the validation frames, {hardware.fps:,.0f} frames/s and the board "
        f"{recipe.board_name}{free} do not go together: with {left:.1%} of its weights the network takes "
        f"{taken.words} at {taken.fps:,.0f} frames/s. One must give: {'; '.join(_ways(result.instead))}"
    )


def _ways(instead: Instead) -> list[str]:
    """Return what would do, for each of the three."""
    rate = "no rate fits" if instead.fps is None else f"{instead.fps:,.0f} frames/s fit"
    if instead.accuracy is not None:
        accuracy = f"{instead.accuracy:.2%} fits, with {instead.density:.1%} of the weights"
    elif instead.density is not None:
        accuracy = f"with {instead.density:.1%} of the weights it nearly fits"
    else:
        accuracy = "pruning further does not help"
    board = "none of ours holds it" if instead.board is None else f"{instead.board} holds it"
    return [f"--fps: {rate}", f"--accuracy: {accuracy}", f"--board: {board}"]
