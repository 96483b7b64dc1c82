"""Digests of what a stage depends on: parts of the recipe, the files it names, code."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fpga_flow.core import artifact, places
from fpga_flow.core.closure import BESIDE, closure
from fpga_flow.core.recipe import ROOT
from fpga_flow.core.recipe_parts import Recipe

SOURCES = {".py", *BESIDE}
"""Suffixes of source files."""
MODELS = "models"
"""The folder of models in a checkout."""
WHOLE = 1 << 28
"""Bytes up to which a file's content is read."""


def recipe_digest(recipe: Recipe, parts: Iterable[str]) -> str:
    """Return the digest of the dotted `parts` of `recipe`."""
    return artifact.digest_json({key: _recipe_value(recipe, key) for key in parts})


def _recipe_value(recipe: Recipe, dotted: str) -> Any:
    value: Any = recipe.model_dump(mode="json")
    for key in dotted.split("."):
        value = value[key]
    return value


def named_file(recipe: Recipe, key: str) -> Path | None:
    """Return the file that the dotted `key` of `recipe` names."""
    name = _recipe_value(recipe, key)
    return None if name is None else places.named(name)


def file_digest(path: Path) -> str:
    """Return a digest of the content of `path`; of gigabytes only size and time are looked at."""
    status = path.stat()
    if status.st_size > WHOLE:
        return artifact.digest_json([path.name, status.st_size, status.st_mtime_ns])
    return artifact.digest_file(path)


def code_digest(*modules: str, folders: Iterable[str] = (), files: Iterable[Path] = ()) -> str:
    """Return the digest of all that `modules` import (`closure`) and of the source files in `folders`.

    `folders` are those of the checkout: `fpga_flow`, or below `models/`; what models import counts as well,
    and what the Python files in `files` do (a user's, whose own content has a digest elsewhere).
    """
    found: set[Path] = set()
    importing = list(files)
    for folder in folders:
        of_models = Path(folder).parts[0] == MODELS
        path = (places.SHIPPED if of_models else ROOT) / folder
        found |= {p for p in path.rglob("*") if p.suffix in SOURCES}
        importing += path.rglob("*.py") if of_models else ()
    return artifact.digest_files(ROOT, found | set(closure(modules, importing, ROOT)))
