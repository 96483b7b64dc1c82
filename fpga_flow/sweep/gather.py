"""Reads what stands in the folders of runs, whichever stages they have come to.

A run may be of an older version of this project: its recipe is not validated again, and what belongs together
is told by the digests in its own manifests.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from fpga_flow.core import artifact
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.base import Part
from fpga_flow.pipeline.flow import MODEL, RECIPE, STAGES
from fpga_flow.report.data import data_note
from fpga_flow.scores.sparsity import sparsity
from fpga_flow.sweep.rows import LayerCount, Row, State
from fpga_flow.sweep.states import SUFFIX, read_state

_OWN_COLUMNS = {
    "name",
    "model.name",
    "quant.weight_bits",
    "quant.act_bits",
    "prune.method",
    "prune.criterion",
    "prune.dense_criterion",
}
"""Keys of a recipe that have a column of their own, and its name."""


def _open(part: type[Part], before: str) -> Iterator[str]:
    for name, field in part.model_fields.items():
        kinds = (field.annotation, *get_args(field.annotation))
        if any(get_origin(kind) is dict for kind in kinds):
            yield before + name
        elif isinstance(field.annotation, type) and issubclass(field.annotation, Part):
            yield from _open(field.annotation, f"{before}{name}.")


_OPEN = frozenset(_open(Recipe, ""))
"""Tables of a recipe whose keys are the user's, as `quant.layers`: each is one value."""
Results = Mapping[str, Mapping[str, Any]]
"""The result of each stage that stands, by stage name, in the order of the stages."""


def run_folders(paths: Iterable[Path]) -> list[Path]:
    """Return the runs among `paths` and directly below them, also points of a sweep that have none.

    A link to a run counts once. Raises `InputError` for a path that neither is a run nor holds one.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        here = [path]
        if not (path / RECIPE).is_file():
            failed = (path / file.name.removesuffix(SUFFIX) for file in path.glob(f"*{SUFFIX}"))
            here = sorted({*(file.parent for file in path.glob(f"*/{RECIPE}")), *failed})
        if not here:
            raise InputError(f"--gather: {path} is no run of fpga_flow (it has no {RECIPE}) and holds none")
        found |= {folder.resolve(): folder for folder in here}
    return list(found.values())


def gather(folders: Iterable[Path]) -> list[Row]:
    """Return a row for each run in `folders`, named after the folders, in their order."""
    folders = list(folders)
    recipes = [_recipe(folder) for folder in folders]
    return [
        read(folder, recipe).model_copy(update={"point": name, "settings": settings})
        for folder, name, recipe, settings in zip(
            folders, _names(folders), recipes, differences(recipes), strict=True
        )
    ]


def differences(recipes: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return, for each recipe, the keys in which they differ and its values; not those with own columns."""
    flat = [dict(_leaves(recipe, "")) for recipe in recipes]
    keys = [key for key in _differing(flat) if key not in _OWN_COLUMNS]
    return [{key: recipe.get(key) for key in keys} for recipe in flat]


def read(folder: Path, recipe: Mapping[str, Any], until: str | None = None) -> Row:
    """Return the row of the run of `recipe` in `folder`, if any yet; `until` is to be its last stage."""
    manifests, same = standing(folder, recipe)
    found = {name: artifact.read_result(folder / name) for name in manifests}
    accuracy: dict[str, Any] = {}
    for result in found.values():
        accuracy |= result.get("accuracy") or {}
    quant, settings = _part(recipe, "quant"), _part(recipe, "prune")
    state, message = _state(folder, same, found, until)
    return Row(
        point=folder.name,
        state=state,
        stage=next(reversed(manifests), None),
        message=message,
        recipe=recipe.get("name"),
        model="outside" if (folder / MODEL).is_file() else _part(recipe, "model").get("name"),
        data=data_note(found),
        generated=_generated(found),
        bits=quant.get("weight_bits"),
        act_bits=quant.get("act_bits"),
        # What was done, where it was: the recipe may have been changed since.
        method=found.get("prune", {}).get("method", settings.get("method")),
        criterion=settings.get("criterion"),
        dense_criterion=settings.get("dense_criterion"),
        accuracy_float=accuracy.get("float"),
        accuracy_unpruned=accuracy.get("quantised"),
        accuracy_pruned=accuracy.get("pruned"),
        accuracy_golden=accuracy.get("golden"),
        accuracy_rtl=accuracy.get("rtl"),
        samples=_samples(found),
        **_cost(found),
        fps=found.get("hardware", {}).get("fps"),
        mismatches=found.get("verify", {}).get("mismatches"),
        **_synthesised(found),
        seconds=round(sum(manifest.seconds for manifest in manifests.values()), 3),
        layers=_layers(found),
    )


def standing(folder: Path, recipe: Mapping[str, Any]) -> tuple[dict[str, artifact.Manifest], bool]:
    """Return the manifests of the artifacts that belong together, and whether all are of `recipe`.

    One that was made from an input that has since been made anew is left out. Of artifacts that do not tell
    which parts of the recipe they depend on, the latter is taken for granted.
    """
    found: dict[str, artifact.Manifest] = {}
    same = True
    for stage in STAGES:
        manifest = artifact.read_manifest(folder / stage.name)
        if manifest is None:
            continue
        inputs = {name: digest for name, digest in manifest.inputs.items() if name != MODEL}
        if inputs == {name: found[name].content for name in inputs if name in found}:
            found[stage.name] = manifest
            # By the parts it was made with: the stage may depend on others today.
            parts = {key: _value(recipe, key) for key in manifest.parts}
            same &= not parts or manifest.recipe == artifact.digest_json(parts)
    return found, same


def _recipe(folder: Path) -> dict[str, Any]:
    ended = None if (folder / RECIPE).is_file() else read_state(folder)
    if ended is not None:
        return ended.recipe
    recipe = artifact.read_json(folder / RECIPE)
    if not isinstance(recipe, dict):
        raise InputError(f"{folder / RECIPE}: must be a JSON object, not {type(recipe).__name__}")
    return recipe


def _part(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = table.get(key)
    return part if isinstance(part, Mapping) else {}


def _value(recipe: Mapping[str, Any], dotted: str) -> Any:
    *parents, leaf = dotted.split(".")
    for key in parents:
        recipe = _part(recipe, key)
    return recipe.get(leaf)


def _state(folder: Path, same: bool, found: Results, until: str | None) -> tuple[State, str | None]:
    ended = read_state(folder)
    if ended is not None and ended.state == "failed":
        return "failed", ended.message
    damaged = [words for name in found if (words := artifact.damage(folder / name))]
    if damaged:
        return "failed", damaged[0]
    whole = until in found if until else bool(found) and not any(folder.glob(f"*{artifact.PARTIAL}"))
    if not whole:
        return "unfinished", None
    return ("done" if same else "outdated"), None


def _generated(found: Results) -> bool | None:
    for result in found.values():
        if isinstance(data := result.get("data"), Mapping):
            return bool(data.get("generated"))
    return None


def _samples(found: Results) -> int | None:
    counts = [result.get("samples") for name, result in found.items() if name != "verify"]
    return next((count for count in reversed(counts) if count is not None), None)


def _cost(found: Results) -> dict[str, Any]:
    counted = found.get("export", {}).get("cost") or {}
    pruned = {key: found.get("prune", {}).get(key) for key in ("weights", "left", "nonzero")}
    weights, nonzero = (counted.get(key, pruned[key]) for key in ("weights", "nonzero"))
    return {
        "weights": weights,
        "left": pruned["left"],
        "nonzero": nonzero,
        "sparsity": None if weights is None or nonzero is None else round(sparsity(weights, nonzero), 6),
        **{key: counted.get(key) for key in ("macs", "nonzero_macs", "bit_ops", "weight_bits", "itu_score")},
    }


def _synthesised(found: Results) -> dict[str, Any]:
    return {key: found.get("synth", {}).get(key) for key in ("lut", "ff", "bram18", "dsp")}


def _layers(found: Results) -> list[LayerCount]:
    """Return the layers whose weights were counted: the network's, or of one from outside the hardware's."""
    for stage in ("prune", "hardware"):
        counted = [
            layer for layer in found.get(stage, {}).get("layers") or () if layer["weights"] is not None
        ]
        if counted:
            return [LayerCount.model_validate(layer) for layer in counted]
    return []


def _names(folders: Sequence[Path]) -> list[str]:
    """Return the folders' names, with as many of those above as tell them apart."""
    paths = [folder.resolve() for folder in folders]
    for depth in range(1, max((len(path.parts) for path in paths), default=1) + 1):
        names = ["-".join(path.parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def _leaves(table: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping) and before + key not in _OPEN:
            yield from _leaves(value, f"{before}{key}.")
        else:
            yield before + key, value


def _differing(recipes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the keys whose values are not the same in all recipes that have them."""
    keys = list(dict.fromkeys(key for recipe in recipes for key in recipe))
    return [
        key
        for key in keys
        if len({artifact.digest_json(recipe[key]) for recipe in recipes if key in recipe}) > 1
    ]
