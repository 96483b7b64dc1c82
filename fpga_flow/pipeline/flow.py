"""A run: its stages in their order, each made where what it depends on has changed.

A stage is a module of `fpga_flow.stages` that has `run(context) -> result`, where `result` (a model of
`fpga_flow.results`) is what the stage measured and decided. It is skipped when the digest of its inputs,
its parts of the recipe, its tools' versions and its own code is that of what stands in the run.
"""

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fpga_flow import results
from fpga_flow.core import artifact, interrupt, own_code, places, progress, toolchain
from fpga_flow.core.digests import named_file
from fpga_flow.core.errors import FlowError, InputError
from fpga_flow.core.locking import locked
from fpga_flow.core.log import logged
from fpga_flow.core.progress import say
from fpga_flow.core.recipe import model_names
from fpga_flow.core.stage import Context as Context
from fpga_flow.core.stage import Stage, only
from fpga_flow.pipeline import reasons, registry
from fpga_flow.pipeline.dependencies import depends_on, digest_of, inputs_of, named_files
from fpga_flow.pipeline.order import STAGE_NAMES as STAGE_NAMES
from fpga_flow.pipeline.order import STAGES as STAGES
from fpga_flow.pipeline.run import MODEL as MODEL
from fpga_flow.pipeline.run import RECIPE as RECIPE
from fpga_flow.pipeline.run import Outcome
from fpga_flow.pipeline.run import Run as Run
from fpga_flow.pipeline.run import new_run as new_run
from fpga_flow.pipeline.run import open_run as open_run
from fpga_flow.pipeline.standing import check_model, mark_outdated
from fpga_flow.pipeline.standing import current as current
from fpga_flow.results.run import KINDS
from fpga_flow.target.board import board
from fpga_flow.target.speed import check_speed


def execute(
    run: Run,
    until: str | None = None,
    force: str | None = None,
    relatives: Sequence[Path] = (),
    wait: float = 0.0,
    mend: bool = True,
) -> None:
    """Run all stages of `run` up to `until`, in order; `force` names one that runs in any case.

    Without `until` those are left out that run on demand. A stage that one of the runs in `relatives` has
    made of the same inputs, recipe, tools and code is taken from there. `wait` is how many seconds another
    flow that works on this run is waited for; -1: as long as it takes. A stage whose files are not as it made
    them runs again; without `mend` that is an `InputError` that names the file.

    Every file and tool is looked for, and clock and rate are looked at, before the first stage starts. Raises
    what a stage raises, and `DifferenceError` or `FitError` where a finished stage's result says so.
    """
    check_recipe(run)
    stages = run.stages
    names = [stage.name for stage in stages]
    if until is not None:
        if until not in names:
            raise InputError(f"stage: must be one of {', '.join(names)} in this run, not {until!r}")
        stages = stages[: names.index(until) + 1]
    else:
        stages = [stage for stage in stages if not stage.on_demand]
    if not mend:
        for name, artifact_folder in current(run).items():
            if name != force:
                artifact.check_intact(artifact_folder)
    tools = {stage.name: toolchain.versions(stage.tools) for stage in stages}
    with locked(run.folder, wait):
        progress.work_on(run.folder)
        if not mend:
            check_model(run)
        before = _take_up(run)
        registry.note(run.folder)
        try:
            for stage in stages:
                with progress.stage(stage.name):
                    artifact.recover(run.folder / stage.name)
                    depends = depends_on(run, stage, tools[stage.name])
                    kept = None if force == stage.name else _kept(run, stage, depends, relatives, mend)
                    run.outcomes.append(kept or _make(run, stage, depends))
                problem = _judge(run, stage)
                if problem:
                    raise problem
        except InputError:
            if not run.made:
                _give_back(run, before)
            raise
        finally:
            mark_outdated(run)


def check_recipe(run: Run) -> None:
    """Raise `InputError` where a model or file of the recipe is not there, or its speed cannot be had."""
    recipe = run.recipe
    shipped = run.model_file is None and recipe.model.file is None
    if shipped and recipe.model.name not in model_names():
        raise InputError(f"model.name: must be one of {', '.join(model_names())}, not {recipe.model.name!r}")
    for stage in run.stages:
        for key, path in named_files(run, stage).items():
            if path is not None and not path.is_file():
                raise InputError(f"{key}: must be a file, not {str(path)!r}")
    check_speed(recipe.hardware, board(recipe.board))


def _take_up(run: Run) -> dict[Path, bytes]:
    """Write recipe and model into the run; returns what stood there before, by path."""
    kept = run.folder / MODEL
    before = {path: path.read_bytes() for path in (run.folder / RECIPE, kept) if path.is_file()}
    if run.model_file is None:
        kept.unlink(missing_ok=True)
    elif run.model_file != kept:
        scratch = kept.with_suffix(".new")
        scratch.write_bytes(run.model_file.read_bytes())
        scratch.replace(kept)
    artifact.write_json(run.folder / RECIPE, run.recipe.model_dump(mode="json"))
    return before


def _give_back(run: Run, before: dict[Path, bytes]) -> None:
    """Leave the run as it was before wrong input; a new one disappears."""
    for path, content in before.items():
        path.write_bytes(content)
    if not before:
        shutil.rmtree(run.folder)


def _kept(
    run: Run, stage: Stage, depends: Mapping[str, Any], relatives: Sequence[Path], mend: bool
) -> Outcome | None:
    """Return the outcome of a stage that need not run, since it stands here or in one of `relatives`.

    Where it stands and must run again all the same, it is said why.
    """
    final, digest = run.folder / stage.name, artifact.digest_json(depends)
    standing = artifact.read_manifest(final)
    if final.exists() and (standing is None or standing.digest == digest):
        damage = artifact.damage(final)
        if standing and damage is None:
            say(f"{stage.name:9} kept ({standing.seconds:.1f} s when it was made)")
            return Outcome(stage.name, standing.seconds, True)
        if damage and not mend:
            raise artifact.damaged(damage)
        say(f"{stage.name:9} runs again: {damage}")
    for other in relatives:
        taken = artifact.adopt(other / stage.name, final, digest)
        if taken is not None:
            say(f"{stage.name:9} taken from {other} ({taken.seconds:.1f} s when it was made)")
            return Outcome(stage.name, taken.seconds, True)
    if standing is not None and standing.digest != digest:
        why = [*reasons.of_inputs(standing, depends), *reasons.of_itself(standing, depends)]
        say(f"{stage.name:9} runs again: {', '.join(why)}")
    return None


def _make(run: Run, stage: Stage, depends: Mapping[str, Any]) -> Outcome:
    final = run.folder / stage.name
    progress.stage_begins(stage.summary)
    partial = artifact.open_partial(final, artifact.digest_json(depends))
    context = Context(
        recipe=only(run.recipe, stage.parts),
        folder=partial,
        inputs={name: run.folder / name for name in inputs_of(run, stage)},
        cache=places.cache(),
        model_file=run.model_file,
        kept=_kept_apart(run, stage),
    )
    start = time.monotonic()
    with logged(partial / artifact.LOG, stage.name), own_code.blamed(named_file(run.recipe, own_code.KEY)):
        result = stage.run(context)
    interrupt.check()
    seconds = time.monotonic() - start
    artifact.finish(
        partial,
        final,
        result,
        depends=depends,
        seconds=seconds,
        parts=stage.parts,
    )
    progress.stage_ends(seconds)
    return Outcome(stage.name, round(seconds, 3), False)


def _kept_apart(run: Run, stage: Stage) -> Path | None:
    """Return the folder for what `stage` makes without its addition, None where it has none."""
    if stage.addition is None:
        return None
    plain = next(one for one in STAGES if one.name == stage.name)
    digest = digest_of(run, plain, toolchain.versions(plain.tools))
    return places.cache() / stage.name / digest


def _judge(run: Run, stage: Stage) -> FlowError | None:
    if stage.judge is None:
        return None
    return stage.judge(results.read(KINDS[stage.name], run.folder / stage.name), run.recipe)
