"""Training of a network that something was done to: other bits, layers taken out."""

from pathlib import Path

from fpga_flow.core.artifact import write_json
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.pruning import RequantRecipe, SurgeryRecipe
from fpga_flow.train.dataset import Codes
from fpga_flow.train.distil import Loss
from fpga_flow.train.general import AnyNetwork
from fpga_flow.train.loop import Fit, Settings, curve_json, fit

SEEDS = {"surgery": 98_000_000, "quantising": 99_000_000}
"""What is added to the recipe's seed, lest two trainings draw the same batches."""


def train_on(
    name: str,
    recipe: Recipe,
    settings: RequantRecipe | SurgeryRecipe,
    network: AnyNetwork,
    train: Codes,
    validation: Codes,
    folder: Path,
    loss: Loss,
) -> Fit:
    """Train `network` for the epochs of `settings`, otherwise as a round of pruning; `name` is in `SEEDS`.

    What a killed run left in `folder` is taken up; the curve stays there.
    """
    path = folder / f"{name}.pt"
    outcome = fit(
        network,
        train,
        validation,
        Settings.of(
            recipe.prune,
            epochs=settings.epochs,
            batch=recipe.train.batch,
            learning_rate=settings.learning_rate,
            patience=0,
            rotate=recipe.train.rotate,
        ),
        path,
        recipe.seed + SEEDS[name],
        name,
        loss=loss,
    )
    write_json(folder / f"curve-{name}.json", curve_json(outcome.curve))
    path.unlink()
    return outcome
