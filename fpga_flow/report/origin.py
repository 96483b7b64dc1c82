"""What a run was made with: its recipe, a command that makes the same again, when, and with which tools."""

import json
import platform
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from fpga_flow import __version__
from fpga_flow.core import artifact
from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe import Change, find_recipe, load_recipe, make_recipe, parse_setting, recipe_names
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.core.recipe_parts.outside import meant
from fpga_flow.pipeline.flow import Run, current
from fpga_flow.report.schema import Origin

ALWAYS = "verify.frames"
"""Key whose default for a network from outside is another than the recipe's."""


def origin(run: Run) -> Origin:
    """Return what `run` was made with; the versions of flow and Python are those that write this."""
    manifests = [artifact.read_manifest(folder) for folder in current(run).values()]
    versions: dict[str, dict[str, None]] = {
        "flow": {__version__: None},
        "Python": {platform.python_version(): None},
    }
    for manifest in filter(None, manifests):
        for tool, version in manifest.tools.items():
            versions.setdefault(tool, {})[version] = None
    return Origin(
        command=command(run.recipe, run.model_file is not None),
        settings=settings_of(run.recipe, run.model_file is not None),
        made=max((manifest.made for manifest in manifests if manifest), default=""),
        versions={tool: ", ".join(found) for tool, found in versions.items()},
    )


def settings_of(recipe: Recipe, outside: bool) -> dict[str, Any]:
    """Return the values of `recipe` that are not the defaults, by dotted key; its name among them.

    `outside`: of a network from outside, for which some of them mean nothing.
    """
    table = recipe.model_dump(mode="json")
    if outside:
        table = meant(table)
    return {"name": recipe.name, **_changed(table, _defaults(recipe))}


def as_toml(settings: Mapping[str, Any]) -> str:
    """Return `settings`, by dotted key, as a TOML file; null, which TOML lacks, stands in a comment."""
    lines = [f"{key} = {literal(v)}" for key, v in settings.items() if v is not None]
    empty = [f"# {key} is empty: --set {key}=null" for key, value in settings.items() if value is None]
    return "\n".join([*lines, *empty])


def literal(value: Any) -> str:
    """Return `value`, as JSON has it, in TOML."""
    if isinstance(value, dict):
        pairs = (f"{literal(key)} = {literal(v)}" for key, v in value.items() if v is not None)
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def command(recipe: Recipe, outside: bool) -> str:
    """Return a command that makes a run of `recipe`, of a network from outside where `outside`.

    Where the recipe is the project's with other values, that says all; else it names a file, which
    `as_toml` of the recipe's settings is.
    """
    table = recipe.model_dump(mode="json")
    if outside:
        changed = {**_changed(meant(table), _defaults(recipe)), ALWAYS: recipe.verify.frames}
        return _words("--model", f"{recipe.name}.onnx", changed)
    if recipe.name in recipe_names():
        base = load_recipe(find_recipe(recipe.name)).model_dump(mode="json")
        changed = _changed(table, base)
        if _makes(base, changed, recipe):
            return _words(recipe.name, changed)
    empty = {key: None for key, value in _changed(table, _defaults(recipe)).items() if value is None}
    return _words(f"{recipe.name}.toml", empty)


def _words(*words: str | Mapping[str, Any]) -> str:
    found = ["flow", "build"]
    for word in words:
        found += [word] if isinstance(word, str) else [*_options(word)]
    return shlex.join(found)


def _options(changed: Mapping[str, Any]) -> Iterator[str]:
    for key, value in changed.items():
        told = "null" if value is None else literal(value)
        plain = isinstance(value, str) and parse_setting(f"{key}={value}").value == value
        yield from ("--set", f"{key}={value if plain else told}")


def _makes(base: dict[str, Any], changed: Mapping[str, Any], recipe: Recipe) -> bool:
    """Return whether `changed` on top of `base` is `recipe`, which a part with a null within is not."""
    try:
        return make_recipe(base, [Change(key, value) for key, value in changed.items()]) == recipe
    except InputError:
        return False


def _defaults(recipe: Recipe) -> dict[str, Any]:
    return make_recipe({"name": recipe.name}).model_dump(mode="json")


def _changed(table: Mapping[str, Any], base: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return what `table` has in place of what `base` has, by the dotted keys that `--set` takes."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        other = base.get(key)
        if value == other and key in base:
            continue
        if isinstance(value, dict) and isinstance(other, dict) and _are_sections(value, other):
            found |= _changed(value, other, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def _are_sections(value: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return value.keys() == other.keys() and all(re.fullmatch(r"\w+", part) for part in value)
