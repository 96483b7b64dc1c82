"""The source files that a module is made of: all that it imports, and what lies beside those."""

import ast
import functools
from collections.abc import Iterable, Iterator
from importlib.util import resolve_name
from pathlib import Path

from fpga_flow.core import places

PACKAGE = "fpga_flow"
LEFT_OUT = f"{PACKAGE}.core"
"""What everything imports, and no artifact's content depends on but by values that its digest has: errors,
messages, files, how tools are found and run (their versions are in the digest), the recipe's form (its
values are)."""
BESIDE = {".csv", ".sv", ".svh", ".v", ".cpp", ".h", ".j2", ".toml", ".txt"}
"""Suffixes of files that belong to the package that they lie in."""


def closure(modules: Iterable[str], files: Iterable[Path] = (), root: Path = places.CODE) -> list[Path]:
    """Return the files that `modules` (dotted names) consist of, sorted.

    That is what they import, at their top or within a function, and so on, without `LEFT_OUT`; of a package
    also its `__init__`, and all of its modules where that imports them by `pkgutil`; and the sources of other
    languages in the folders of those packages. What `files` import (Python files from elsewhere: a model's)
    belongs to it as well, they themselves do not. `root` is the folder that the package stands in.
    """
    found: set[str] = set()
    waiting = [*modules, *(name for file in files for name in imports(file, "", root))]
    while waiting:
        module = waiting.pop()
        if module in found or module == LEFT_OUT or module.startswith(f"{LEFT_OUT}."):
            continue
        found.add(module)
        waiting += _imported(module, root)
    sources = {path for module in found if (path := _file(module, root))}
    beside = {other for path in sources for other in _beside(path.parent, root)}
    return sorted(sources | beside)


@functools.cache
def _imported(module: str, root: Path) -> list[str]:
    """Return the modules of the package that `module` imports, and those that its own name imports."""
    parents = [module.rpartition(".")[0]] if "." in module else []
    path = _file(module, root)
    return parents if path is None else [*parents, *imports(path, module, root)]


@functools.cache
def _file(module: str, root: Path) -> Path | None:
    path = root.joinpath(*module.split("."))
    for candidate in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def imports(path: Path, module: str, root: Path = places.CODE) -> list[str]:
    """Return the modules of the package in `root` that the file `path` imports, anywhere in it.

    `module` is its own name, empty for a file from elsewhere. A file that is no Python imports nothing: that
    is said where it is loaded.
    """
    package = module if path.stem == "__init__" else module.rpartition(".")[0]
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return []
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            if "pkgutil" in names:
                found += [f"{package}.{one}" for one in _modules_in(path.parent)]
            found += names
        elif isinstance(node, ast.ImportFrom) and (package or not node.level):
            source = resolve_name("." * node.level + (node.module or ""), package)
            names = [f"{source}.{alias.name}" for alias in node.names]
            found += [name if _file(name, root) else source for name in names if name.startswith(PACKAGE)]
    return list(dict.fromkeys(name for name in found if name.split(".")[0] == PACKAGE))


def _modules_in(folder: Path) -> list[str]:
    """Return the names of the modules and packages in `folder`."""
    files = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    return files + [path.parent.name for path in folder.glob("*/__init__.py")]


@functools.cache
def _beside(folder: Path, root: Path) -> tuple[Path, ...]:
    """Return the files of other languages in `folder` and in those below it that are no packages."""
    if folder == root / PACKAGE:  # its folders are packages, and copies of what is shipped
        return ()
    return tuple(_other_languages(folder))


def _other_languages(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.suffix in BESIDE and path.is_file():
            yield path
        elif path.is_dir() and not (path / "__init__.py").exists():
            yield from _other_languages(path)
