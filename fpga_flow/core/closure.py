"""The source files that a module is made of: all that it imports, and what lies beside those."""

import ast
import functools
from collections.abc import Iterable, Iterator
from pathlib import Path

from fpga_flow.core import places

PACKAGE = "fpga_flow"
LEFT_OUT = f"{PACKAGE}.core"
"""What everything imports, and no artifact's content depends on but by values that its digest has: errors,
messages, files, how tools are found and run (their versions are in the digest), the recipe's form (its
values are)."""
BESIDE = {".sv", ".svh", ".v", ".cpp", ".h", ".j2", ".toml"}
"""Suffixes of files that belong to the package that they lie in."""


def closure(modules: Iterable[str]) -> list[Path]:
    """Return the files that `modules` (dotted names) consist of, sorted.

    That is what they import, at their top or within a function, and so on, without `LEFT_OUT`; of a package
    also its `__init__`, and all of its modules where that imports them by `pkgutil`; and the sources of other
    languages in the folders of those packages.
    """
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in found or module == LEFT_OUT or module.startswith(f"{LEFT_OUT}."):
            continue
        found.add(module)
        waiting += _imported(module)
    files = {path for module in found if (path := _file(module))}
    beside = {other for path in files for other in _beside(path.parent)}
    return sorted(files | beside)


def _imported(module: str) -> list[str]:
    """Return the modules of the package that `module` imports, and those that its own name imports."""
    parents = [module.rpartition(".")[0]] if "." in module else []
    path = _file(module)
    return parents if path is None else [*parents, *imports(path, module)]


@functools.cache
def _file(module: str) -> Path | None:
    path = places.CODE.joinpath(*module.split("."))
    for candidate in (path.with_name(f"{path.name}.py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@functools.cache
def imports(path: Path, module: str) -> tuple[str, ...]:
    """Return the modules of this package that the file `path` of `module` imports, anywhere in it."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            if "pkgutil" in names:
                found += [f"{module}.{one.stem}" for one in path.parent.glob("*.py") if one != path]
            found += names
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [name if _file(name) else node.module for name in names if name.startswith(PACKAGE)]
    return tuple(dict.fromkeys(name for name in found if name.split(".")[0] == PACKAGE))


@functools.cache
def _beside(folder: Path) -> tuple[Path, ...]:
    """Return the files of other languages in `folder` and in those below it that are no packages."""
    return tuple(_other_languages(folder))


def _other_languages(folder: Path) -> Iterator[Path]:
    if folder == places.CODE / PACKAGE:  # its folders are packages, and copies of what is shipped
        return
    for path in folder.iterdir():
        if path.suffix in BESIDE and path.is_file():
            yield path
        elif path.is_dir() and not (path / "__init__.py").exists():
            yield from _other_languages(path)
