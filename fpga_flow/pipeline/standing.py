"""What stands in a run: which artifacts belong together, which are out of date, whether one was changed."""

from collections.abc import Iterable
from pathlib import Path

from fpga_flow.core import artifact
from fpga_flow.core.digests import file_digest, recipe_digest
from fpga_flow.core.errors import InputError
from fpga_flow.pipeline import order
from fpga_flow.pipeline.dependencies import code_of, input_digests, inputs_of
from fpga_flow.pipeline.run import MODEL, Run

OUTDATED_TEXT = (
    "Out of date: what stands here was made from inputs or a recipe that have since been replaced.\n"
    "'flow build' with this recipe, or 'flow {stage}' of this run, makes it again.\n"
)


def current(run: Run) -> dict[str, Path]:
    """Return the folders of the artifacts that belong together and to the run's recipe, by stage name.

    An artifact that was made from inputs or a recipe that have since been replaced is left out.
    """
    found: dict[str, Path] = {}
    for stage in run.stages:
        manifest = artifact.read_manifest(run.folder / stage.name)
        if manifest is None or not found.keys() >= set(inputs_of(run, stage)):
            continue
        if manifest.inputs == input_digests(run, stage) and manifest.recipe == recipe_digest(
            run.recipe, stage.parts
        ):
            found[stage.name] = run.folder / stage.name
    return found


def intact(run: Run) -> dict[str, Path]:
    """Return what `current` does; raises `InputError` that names a file which is not as it was made."""
    check_model(run)
    for stage in run.stages:
        folder = run.folder / stage.name
        if folder.is_dir():
            artifact.check_intact(folder)
    return current(run)


def intact_stages(run: Run, names: Iterable[str], advice: str) -> dict[str, Path]:
    """Return what `intact` does; raises `InputError` with `advice` where a stage of `names` is not in it."""
    folders = intact(run)
    missing = [name for name in names if name not in folders]
    if missing:
        raise InputError(f"{run.folder}: {', '.join(missing)} missing or out of date; {advice}")
    return folders


def outdated(run: Run) -> list[str]:
    """Return the stages whose artifacts stand in the run, but were made from what has since been replaced."""
    standing = current(run)
    return [
        stage.name
        for stage in order.STAGES
        if stage.name not in standing and (run.folder / stage.name / artifact.MANIFEST).is_file()
    ]


def by_other_code(run: Run) -> list[str]:
    """Return the stages that belong together, but that another version of flow's code has made."""
    standing, found = current(run), []
    for stage in run.stages:
        if stage.name in standing:
            manifest = artifact.read_manifest(standing[stage.name])
            if manifest is not None and manifest.code != code_of(run, stage):
                found.append(stage.name)
    return found


def mark_outdated(run: Run) -> None:
    """Write into the folder of every artifact that is out of date that it is, and nothing into the others."""
    names = outdated(run)
    for stage in order.STAGES:
        mark = run.folder / stage.name / artifact.OUTDATED
        if stage.name in names:
            artifact.write_text(mark, OUTDATED_TEXT.format(stage=stage.name))
        else:
            mark.unlink(missing_ok=True)


def check_model(run: Run) -> None:
    """Raise `InputError` where the network in an opened run is not the one that its export was made of."""
    if run.model_file != run.folder / MODEL:
        return
    digest = file_digest(run.model_file)
    manifests = [artifact.read_manifest(run.folder / stage.name) for stage in run.stages]
    if any(manifest.inputs.get(MODEL, digest) != digest for manifest in manifests if manifest):
        raise InputError(
            f"{run.model_file}: has been changed since the run was built; give the network again with "
            f"'flow build --model FILE --out {run.folder}'"
        )
