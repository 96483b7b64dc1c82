"""How far the training and the pruning are that a run has begun and not ended."""

from collections.abc import Collection
from pathlib import Path

from fpga_flow.core import artifact
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.pipeline.run import Run

CHECKPOINT = "training-{phase}.pt"
"""Of the stage `train` after every epoch (`fpga_flow/train/loop.py`), by the phase of the training."""
HISTORY = "history.json"
"""Of the stage `prune` after every round."""


def unfinished(run: Run, done: Collection[str]) -> list[str]:
    """Return, as in 'train: epoch 23 of 60', what `run` goes on with; `done` are the stages that stand."""
    found = []
    for stage in run.stages:
        folder = run.folder / f"{stage.name}{artifact.PARTIAL}"
        if stage.name in done or stage.name not in _TELL or not folder.is_dir():
            continue
        words = _TELL[stage.name](run.recipe, folder)
        if words is not None:
            found.append(f"{stage.name}: {words}")
    return found


def _epochs(recipe: Recipe, folder: Path) -> str | None:
    phases = {
        "quantised": ("epoch", recipe.train.epochs),
        "float": ("float epoch", recipe.train.float_epochs),
    }
    for phase, (word, epochs) in phases.items():  # the last one first
        file = folder / CHECKPOINT.format(phase=phase)
        if file.is_file():
            from fpga_flow.train.checkpoint import load_state  # torch takes a while to import

            try:
                return f"{word} {len(load_state(file)['curve'])} of {epochs}"
            except (InputError, KeyError, TypeError):  # damaged, or gone meanwhile
                return None
    return None


def _rounds(recipe: Recipe, folder: Path) -> str | None:
    try:
        count = len(artifact.read_json(folder / HISTORY)["rounds"])
    except (InputError, KeyError, TypeError):
        return None
    return "1 round" if count == 1 else f"{count} rounds"


_TELL = {"train": _epochs, "prune": _rounds}
