"""Whether a build would make a finished training or pruning anew because its recipe is another one."""

import json
from collections.abc import Iterator
from typing import Any

from fpga_flow.core import artifact
from fpga_flow.core.digests import recipe_digest
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import make_recipe
from fpga_flow.pipeline.run import RECIPE, Run

SHOWN = 12
"""Keys that the error names, at most."""
WIDTH = 60
"""Characters of a value that are shown."""
INSTEAD = "name another folder with --out DIR, or have it replaced with --again"
_MISSING = object()


def check_nothing_lost(run: Run) -> None:
    """Raise `InputError` where `run` has a finished training or pruning that its recipe would make anew.

    It names the keys that differ from the recipe that stands in the run's folder. What the stages depend on
    besides, such as code and files, may differ.
    """
    done = {
        stage: manifest
        for stage in run.stages
        if stage.needs_training and (manifest := artifact.read_manifest(run.folder / stage.name))
    }
    differing = [stage for stage, it in done.items() if it.recipe != recipe_digest(run.recipe, stage.parts)]
    if not differing:
        return
    try:
        recipe = make_recipe(artifact.read_json(run.folder / RECIPE), origin=str(run.folder / RECIPE))
    except InputError as error:
        raise InputError(f"{error}; {INSTEAD}") from None
    before, after = recipe.model_dump(mode="json"), run.recipe.model_dump(mode="json")
    changed: dict[str, tuple[Any, Any]] = {}
    lost: list[str] = []
    for stage, manifest in done.items():  # in their order: one that is made anew takes the later ones with it
        if stage in differing:
            for part in stage.parts:
                changed |= _differences(part, _value(before, part), _value(after, part))
        if changed:
            lost.append(f"{stage.name} ({manifest.seconds:,.0f} s the last time)")
    if changed:
        keys = [f"{key}: {_shown(old)} -> {_shown(new)}" for key, (old, new) in changed.items()]
        more = [f"and {len(keys) - SHOWN} more"] if len(keys) > SHOWN else []
        what = f"{run.folder}: this would repeat {' and '.join(lost)}, because the recipe changed:"
        raise InputError("\n  ".join([what, *keys[:SHOWN], *more, INSTEAD]))


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
