"""What commands that build have in common: the recipe of a network from outside, a run and its report."""

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from fpga_flow.cli import telling
from fpga_flow.core import places, system
from fpga_flow.core.errors import DifferenceError, FitError, FlowError, InputError
from fpga_flow.core.recipe import Change, make_recipe
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.data import OWN
from fpga_flow.core.recipe_parts.outside import OF_DATA, OF_TRAINING
from fpga_flow.pipeline import flow

OUTSIDE_FRAMES = 32
"""Frames that are simulated of a network from outside, unless `--set verify.frames` says otherwise."""
TRAINED = "a network from outside ({option}) is trained already"
UNUSED = {
    "data": "a network from outside ({option}) is tried on your own frames ({data} FILE.npz), or on some "
    "chosen by its input's shape",
    **dict.fromkeys(OF_TRAINING, TRAINED),
}
"""Parts of a recipe that a network from outside makes no use of, and why."""


def outside_recipe(
    model: Path, changes: Iterable[Change], option: str = "--model", data: str = "--data"
) -> Recipe:
    """Return the recipe of the network in the file `model`, which `option` names; `data` names its frames.

    Raises `InputError` for a file that is not there and for a change that such a network makes no use of.
    """
    changes = list(changes)
    of_data = [f"data.{key}" for key in OF_DATA]
    own = any(change.key == "data.name" and change.value == OWN for change in changes)
    for change in changes:
        why = UNUSED.get(change.key.partition(".")[0])
        if why is not None and not (own and change.key in of_data):
            name = change.option or f"--set {change.key}"
            why = why.format(option=option, data=data)
            raise InputError(f"{name}: {why}; leave it out (export, hardware, verify and board can be set)")
    if not model.is_file():
        raise InputError(f"{option}: must be an ONNX file, not {str(model)!r}, which does not exist")
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", model.stem).lstrip("_.-")[:64]
    if not name:
        raise InputError(f"{option}: the file's name must hold a letter or digit, not {model.name!r}")
    table = {"name": name, "prune": {"method": "none"}, "verify": {"frames": OUTSIDE_FRAMES}}
    return make_recipe(table, changes, option)


def build(run: flow.Run, until: str | None = None, force: str | None = None, *, show: bool = True) -> None:
    """Execute the run and show its results, also where one of them is the reason to end with an error.

    With `force`, only that stage is wanted: an input of it that was changed since it was made is an error.
    Without `show` the report is written, but not shown where all is well. `--quiet` has the run's folder
    printed in its place, and nothing at an error.
    """
    from fpga_flow import report

    with system.writing(run.folder, places.RUNS):
        try:
            flow.execute(run, until, force, mend=force is None)
        except (DifferenceError, FitError):
            report.write(run)
            if not telling.quiet():
                report.show(run)
            raise
        except FlowError:
            if run.made:
                with suppress(InputError):  # of a stage behind the one that failed
                    report.write(run)
            raise
        report.write(run)
    if show:
        show_results(run)


def show_results(run: flow.Run) -> None:
    """Print the results of `run`; with `--quiet` its folder alone."""
    from fpga_flow import report

    if telling.quiet():
        print(run.folder)
    else:
        report.show(run)
