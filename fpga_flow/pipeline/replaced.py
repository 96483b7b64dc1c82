"""Whether a build would make a finished training or pruning anew, and why."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fpga_flow.core import artifact, toolchain
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import make_recipe
from fpga_flow.core.stage import Stage
from fpga_flow.pipeline import reasons
from fpga_flow.pipeline.dependencies import depends_on, inputs_of
from fpga_flow.pipeline.run import RECIPE, Run

SHOWN = 12
"""Keys that the error names, at most."""
WIDTH = 60
"""Characters of a value that are shown."""
INSTEAD = "name another folder with --out DIR, or have it replaced with --again"
_MISSING = object()


@dataclass(frozen=True)
class Repeated:
    """A finished stage that trains, and that a build would make anew."""

    stage: Stage
    seconds: float
    """What it took the last time."""
    why: tuple[str, ...]
    """What changed, in words; empty where only a stage before it is made anew."""


def repeated(run: Run) -> list[Repeated]:
    """Return the finished stages that train, and that a build of `run` would make anew, in their order.

    None where that has been begun already, and was interrupted.
    """
    found: list[Repeated] = []
    for stage in (one for one in run.stages if one.needs_training):
        folder = run.folder / stage.name
        manifest = artifact.read_manifest(folder)
        if manifest is None:
            continue
        inputs = inputs_of(run, stage)
        if any(artifact.read_manifest(run.folder / name) is None for name in inputs):
            continue  # it is lost already
        depends = depends_on(run, stage, toolchain.versions(stage.tools))
        if artifact.begun(folder, artifact.digest_json(depends)) or reasons.of_inputs(manifest, depends):
            return []
        why = tuple(reasons.of_itself(manifest, depends))
        if why or any(one.stage.name in inputs for one in found):
            found.append(Repeated(stage, manifest.seconds, why))
    return found


def changes(found: list[Repeated]) -> list[str]:
    """Return what changed for any of `found`, in words, each once."""
    return list(dict.fromkeys(why for one in found for why in one.why))


def check_nothing_lost(run: Run) -> None:
    """Raise `InputError` where a build would make a finished training or pruning of `run` anew.

    It says what changed, and of the recipe each key.
    """
    found = repeated(run)
    changed = changes(found)
    lines: list[str] = []
    if reasons.RECIPE in changed:
        lines = _changed_keys(run, found)
        if not lines:  # a replacement that was interrupted: the run has its recipe already
            return
    if not found:
        return
    lost = " and ".join(f"{one.stage.name} ({one.seconds:,.0f} s the last time)" for one in found)
    what = f"{run.folder}: this would repeat {lost}, because {' and '.join(changed)}"
    raise InputError("\n  ".join([f"{what}:" if lines else what, *lines, INSTEAD]))


def _changed_keys(run: Run, found: list[Repeated]) -> list[str]:
    """Return a line for each key that changed of the recipe that the stages depend on, at most `SHOWN`."""
    try:
        recipe = make_recipe(artifact.read_json(run.folder / RECIPE), origin=str(run.folder / RECIPE))
    except InputError as error:
        raise InputError(f"{error}; {INSTEAD}") from None
    before, after = recipe.model_dump(mode="json"), run.recipe.model_dump(mode="json")
    changed: dict[str, tuple[Any, Any]] = {}
    for one in found:
        if reasons.RECIPE in one.why:
            for part in one.stage.parts:
                changed |= _differences(part, _value(before, part), _value(after, part))
    keys = [f"{key}: {_shown(old)} -> {_shown(new)}" for key, (old, new) in changed.items()]
    return [*keys[:SHOWN], *([f"and {len(keys) - SHOWN} more"] if len(keys) > SHOWN else [])]


def _value(table: Any, dotted: str) -> Any:
    for key in dotted.split("."):
        table = table[key]
    return table


def _differences(key: str, old: Any, new: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """Yield each dotted key below `key` whose value differs, with both values."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys((*old, *new)):
            yield from _differences(f"{key}.{name}", old.get(name, _MISSING), new.get(name, _MISSING))
    elif old != new:
        yield key, (old, new)


def _shown(value: Any) -> str:
    text = "not set" if value is _MISSING else json.dumps(value)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."
