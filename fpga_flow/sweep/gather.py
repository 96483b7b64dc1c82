"""Reads what stands in the folders of runs, whichever stages they have come to.

A run may be of an older version of this project: its recipe is not validated again, and what belongs together
is told by the digests in its own manifests. Results of another form are not believed: such a row says so.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_origin

from fpga_flow.core import artifact
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import Recipe, outside
from fpga_flow.core.recipe_parts.base import Part
from fpga_flow.pipeline.flow import MODEL, RECIPE, STAGES
from fpga_flow.report.assemble import report_of
from fpga_flow.report.columns import Value, figures
from fpga_flow.report.data import data_note
from fpga_flow.results.run import RunResults, read_all
from fpga_flow.scores.sparsity import sparsity
from fpga_flow.sweep.rows import LayerCount, Row, State
from fpga_flow.sweep.states import SUFFIX, read_state

OWN_COLUMNS = {
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


_OPEN = frozenset((*_open(Recipe, ""), "board"))
"""Tables of a recipe that are one value each: those with keys of the user's, as `quant.layers`; a board."""


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


def gather(folders: Iterable[Path], but: Collection[str] = OWN_COLUMNS) -> list[Row]:
    """Return a row for each run in `folders`, named after the folders, in their order.

    Its settings are the keys in which the recipes differ, other than `but`.
    """
    folders = list(folders)
    recipes = [recipe_of(folder) for folder in folders]
    came = [is_outside(folder) for folder in folders]
    used = [outside.meant(recipe) if out else recipe for recipe, out in zip(recipes, came, strict=True)]
    rows = [
        read(folder, recipe, from_outside=out)
        for folder, recipe, out in zip(folders, recipes, came, strict=True)
    ]
    return [
        row.model_copy(update={"point": name, "settings": settings})
        for row, name, settings in zip(rows, names(folders), differences(used, but), strict=True)
    ]


def differences(
    recipes: Iterable[Mapping[str, Any]], but: Collection[str] = OWN_COLUMNS
) -> list[dict[str, Any]]:
    """Return, for each recipe, the keys in which they differ, other than `but`, and its values.

    A recipe that says nothing of a key has None there.
    """
    flat = [dict(_leaves(recipe, "")) for recipe in recipes]
    keys = [key for key in _differing(flat) if key not in but]
    return [{key: recipe.get(key) for key in keys} for recipe in flat]


def read(
    folder: Path, recipe: Mapping[str, Any], until: str | None = None, *, from_outside: bool = False
) -> Row:
    """Return the row of the run of `recipe` in `folder`, if any yet; `until` is to be its last stage.

    `from_outside`: its network is one from outside, of which the recipe says less (`recipe_parts.outside`).
    """
    manifests, same = standing(folder, recipe)
    state, message = _state(folder, same, manifests, until)
    try:
        found = read_all({name: folder / name for name in manifests})
    except InputError as error:
        found = RunResults()
        state, message = ("outdated", str(error)) if message is None else (state, message)
    train, prune = found.train, found.prune
    if from_outside:
        recipe = outside.meant(recipe)
    model, quant, settings = (_part(recipe, key) for key in ("model", "quant", "prune"))
    bits = quant.get("weight_bits")
    if found.export and (from_outside or model.get("file")):  # which the recipe may not say
        bits = found.export.bits
    return Row(
        point=folder.name,
        state=state,
        stage=next(reversed(manifests), None),
        message=message,
        recipe=recipe.get("name"),
        model=f"{recipe.get('name')}.onnx" if from_outside else _model(model),
        data=data_note(found),
        generated=trained.data.generated if (trained := prune or train) else None,
        bits=bits,
        act_bits=quant.get("act_bits"),
        # What was done, where it was: the recipe may have been changed since.
        method=prune.method if prune else settings.get("method"),
        criterion=settings.get("criterion"),
        dense_criterion=settings.get("dense_criterion"),
        left=prune.left if prune else None,
        figures=_figures(found, recipe),
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


def is_outside(folder: Path) -> bool:
    """Whether the network of the run in `folder` is one from outside."""
    return (folder / MODEL).is_file()


def recipe_of(folder: Path) -> dict[str, Any]:
    """Return the recipe of the run in `folder` as it stands there; raises `InputError` where none does."""
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


def _model(model: Mapping[str, Any]) -> str | None:
    file = model.get("file")
    return Path(file).stem if isinstance(file, str) else model.get("name")


def _value(recipe: Mapping[str, Any], dotted: str) -> Any:
    *parents, leaf = dotted.split(".")
    for key in parents:
        recipe = _part(recipe, key)
    return recipe.get(leaf)


def _state(folder: Path, same: bool, found: Collection[str], until: str | None) -> tuple[State, str | None]:
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


def _figures(found: RunResults, recipe: Mapping[str, Any]) -> dict[str, Value]:
    report = report_of(
        found,
        None,
        recipe=str(recipe.get("name")),
        model=str(_part(recipe, "model").get("name")),
        bits=0,  # as of the board: no figure depends on it
        board="",  # the recipe may name one that is not known today
    )
    counted: dict[str, Value] = {}
    if found.prune and not found.export:  # whose count the report has
        weights, nonzero = found.prune.weights, found.prune.nonzero
        counted = {"weights": weights, "nonzero": nonzero, "sparsity": round(sparsity(weights, nonzero), 6)}
    return figures(report) | counted


def _layers(found: RunResults) -> list[LayerCount]:
    """Return the layers whose weights were counted: the network's, or of one from outside the hardware's."""
    network = found.prune.layers if found.prune else ()
    hardware = found.hardware.layers if found.hardware else ()
    return [
        LayerCount(name=layer.name, weights=layer.weights, nonzero=layer.nonzero)
        for layer in network or hardware
        if layer.weights is not None and layer.nonzero is not None
    ]


def names(folders: Sequence[Path]) -> list[str]:
    """Return the folders' names, with as many of those above as tell them apart."""
    paths = [folder.resolve() for folder in folders]
    for depth in range(1, max((len(path.parts) for path in paths), default=1) + 1):
        found = ["-".join(path.parts[-depth:]) for path in paths]
        if len(set(found)) == len(found):
            return found
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
