"""What happens in a worker's process: one job of a sweep's plan."""

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from fpga_flow.core.errors import DifferenceError, FitError, FlowError, InputError
from fpga_flow.sweep.states import Ended, log_file, state_file, write_state


def build(
    folder: str,
    recipe: Mapping[str, Any],
    model: Path | None,
    until: str,
    relatives: Sequence[str],
    before: Ended | None,
    last: bool,
) -> Ended:
    """Build the point in `folder` up to the stage `until`; stages that `relatives` have made are taken there.

    `model` is the file of its network, where that is one from outside.
    `before` is the end of the job this one builds on: where that failed, so does this one. What fails is
    returned, not raised, and stays in the file of the point's state, as does a point that is whole (`last`).
    """
    run = Path(folder)
    run.parent.mkdir(parents=True, exist_ok=True)
    if before is not None and before.state == "failed":
        ended = Ended("failed", until, dict(recipe), before.exit_code, before.message)
    else:
        state_file(run).unlink(missing_ok=True)
        with _spoken_to(log_file(run)):
            ended = _build(
                run, recipe, model, until, [Path(path) for path in relatives if path != folder], last
            )
    if last or ended.state == "failed":
        write_state(run, ended)
    return ended


def _build(
    folder: Path,
    table: Mapping[str, Any],
    model: Path | None,
    until: str,
    relatives: Sequence[Path],
    last: bool,
) -> Ended:
    from fpga_flow import report
    from fpga_flow.core.progress import say
    from fpga_flow.core.recipe import make_recipe
    from fpga_flow.pipeline import flow  # heavy, and the worker's cores must be set before

    recipe = dict(table)
    try:
        if model is not None and not model.is_file():
            raise InputError(f"--model: {model} is not there for the worker; put it where all of them see it")
        run = flow.new_run(folder, make_recipe(dict(table)), model)
        try:
            flow.execute(run, until, relatives=relatives, wait=-1)
        except (DifferenceError, FitError):
            report.write(run)
            raise
        if last:
            report.write(run)
    except FlowError as error:
        say("\n  ".join([f"error: {error}", *getattr(error, "__notes__", ())]))
        return Ended("failed", until, recipe, error.exit_code, str(error))
    except Exception as error:  # noqa: BLE001  (a fault of one point must not end the others)
        traceback.print_exc()
        return Ended("failed", until, recipe, 1, f"a fault in flow itself: {type(error).__name__}: {error}")
    return Ended("done", until, recipe)


@contextmanager
def _spoken_to(path: Path) -> Iterator[None]:
    """Append what would be seen on a terminal to the file `path`."""
    with (
        path.open("a", encoding="utf-8", buffering=1) as stream,
        redirect_stderr(stream),
        redirect_stdout(stream),
    ):
        yield


def surroundings(folder: str, token: str) -> dict[str, Any]:
    """Return this worker's version, code and processor, and whether it sees the file `token` in `folder`."""
    from fpga_flow import __version__
    from fpga_flow.core import toolchain
    from fpga_flow.core.digests import code_digest

    return {
        "version": __version__,
        "code": code_digest(folders=["fpga_flow", "models"]),
        "processor": toolchain.processor().version,
        "sees": (Path(folder) / token).is_file(),
    }
