"""Why a stage that stands in a run must be made again, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

from fpga_flow.core.artifact import Manifest
from fpga_flow.pipeline.run import MODEL

CODE = "flow's code changed"
RECIPE = "the recipe changed"


def of_inputs(manifest: Manifest, now: Mapping[str, Any]) -> list[str]:
    """Return which inputs of a stage are others than those it was made of; `now` as in `depends_on`."""
    before, after = manifest.inputs, now["inputs"]
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return ["the network's file changed" if name == MODEL else f"{name} was made again" for name in names]


def of_itself(manifest: Manifest, now: Mapping[str, Any]) -> list[str]:
    """Return what else changed since the stage of `manifest` was made; `now` as in `depends_on`."""
    return [*_of_recipe(manifest, now), *_of_tools(manifest, now), *_of_code(manifest, now)]


def _of_recipe(manifest: Manifest, now: Mapping[str, Any]) -> Iterator[str]:
    if manifest.recipe != now["recipe"]:
        yield RECIPE
    elif manifest.board != now["board"]:
        yield "the board's file changed"
    for key, digest in now["files"].items():
        if manifest.recipe == now["recipe"] and manifest.read.get(key, digest) != digest:
            yield f"the file of {key} changed"


def _of_tools(manifest: Manifest, now: Mapping[str, Any]) -> Iterator[str]:
    for tool, version in now["tools"].items():
        before = manifest.tools.get(tool)
        if before != version:
            yield f"{tool} {version} is in use" if before is None else f"{tool} {before} became {version}"


def _of_code(manifest: Manifest, now: Mapping[str, Any]) -> Iterator[str]:
    if manifest.code != now["code"]:
        yield CODE
