"""A run: the folder of one recipe's artifacts, and the stages that make them."""

from dataclasses import dataclass, field
from pathlib import Path

from fpga_flow.core import artifact
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import make_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.stage import Stage
from fpga_flow.pipeline import order
from fpga_flow.target.board import board

RECIPE = "recipe.json"
MODEL = "model.onnx"


@dataclass(frozen=True)
class Outcome:
    """One line of the report's `stages`."""

    name: str
    seconds: float
    cached: bool


@dataclass
class Run:
    """A run's folder with the recipe it is made from; nothing is written before `execute`."""

    folder: Path
    recipe: Recipe
    model_file: Path | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def made(self) -> list[str]:
        """The stages that were made, not kept, since this object has been there."""
        return [outcome.name for outcome in self.outcomes if not outcome.cached]

    @property
    def stages(self) -> list[Stage]:
        """The stages of this run: a network from outside enters at export."""
        return [s.of(self.recipe) for s in order.STAGES if not (self.model_file and s.needs_training)]


def new_run(folder: Path, recipe: Recipe, model_file: Path | None = None) -> Run:
    """Return the run of `recipe` in `folder`, which may be a run already.

    Raises `InputError` for a folder that is something else and for an unknown board.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out: {folder} is a file; name a folder")
    if folder.exists() and any(folder.iterdir()) and not (folder / RECIPE).is_file():
        raise InputError(f"--out: {folder} is not empty and is no run of fpga_flow; name another folder")
    board(recipe.board)
    return Run(folder, recipe, model_file)


def check_run(folder: Path) -> None:
    """Raise `InputError` where `folder` is no run."""
    if not (folder / RECIPE).is_file():
        what = (
            f"{folder} is no run of fpga_flow (it has no {RECIPE})" if folder.exists() else f"no run {folder}"
        )
        raise InputError(f"RUN: {what}; 'flow list' names the runs")


def open_run(folder: Path) -> Run:
    """Open an existing run; raises `InputError` where `folder` is none."""
    check_run(folder)
    recipe = make_recipe(artifact.read_json(folder / RECIPE), origin=str(folder / RECIPE))
    model = folder / MODEL
    return new_run(folder, recipe, model if model.is_file() else None)
