"""A Python file that the user brings: loaded, what it depends on, and whose line an error is."""

import ast
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from fpga_flow.core.artifact import digest_file
from fpga_flow.core.errors import FlowError, InputError

KEY = "model.file"
"""Key of the recipe that names it."""


def load(path: Path) -> ModuleType:
    """Return the module in `path`, which finds modules beside it as a program does.

    It is run once as long as its files stay as they are. Raises `InputError` with the line of an error.
    """
    if not path.is_file():
        raise InputError(f"{KEY}: must be a Python file, not {str(path)!r}, which does not exist")
    files = tuple(sources(path))
    with blamed(path):
        return _load(path, files, tuple(digest_file(file) for file in files))


@lru_cache(maxsize=4)
def _load(path: Path, files: tuple[Path, ...], _digests: tuple[str, ...]) -> ModuleType:
    for name, module in list(sys.modules.items()):  # what an older version of it has imported
        if getattr(module, "__file__", None) in {str(file) for file in files}:
            del sys.modules[name]
    # Its classes are looked up by the name of their module, in some of Python's own parts.
    name = f"own_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{KEY}: must be a Python file (.py), not {str(path)!r}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))
    # Bytecode counts as current by the second and the size of its file: an edit may have neither changed.
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
        sys.dont_write_bytecode = writes
    return module


def sources(path: Path) -> list[Path]:
    """Return `path` and the Python files beside it that it imports, also through each other."""
    found: list[Path] = []
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.append(file)
            waiting += _imported(file)
    return [found[0], *sorted(found[1:])]


def _imported(path: Path) -> list[Path]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, OSError):  # said where it is loaded
        return []
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
    beside = [path.parent.joinpath(*name.split(".")) for name in names]
    files = [file for place in beside for file in (place.with_suffix(".py"), place / "__init__.py")]
    return [file for file in files if file.is_file()]


@contextmanager
def blamed(path: Path | None) -> Iterator[None]:
    """Turn an error that comes out of the user's file `path` into an `InputError` with its line and text."""
    try:
        yield
    except FlowError:
        raise
    except Exception as error:  # the user's code may raise anything
        place = None if path is None else where(error, path)
        if place is None:
            raise
        raise InputError(f"{KEY}: {place}: {text_of(error)}") from error


def where(error: BaseException, path: Path) -> str | None:
    """Return the last place in the user's files that `error` came through; None where it is not theirs."""
    files = {str(file) for file in sources(path)}
    if isinstance(error, SyntaxError) and error.filename in files:
        return f"{error.filename}, line {error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else None


def text_of(error: BaseException) -> str:
    """Return the kind and the first line of the text of `error`."""
    what = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {what.strip().partition(chr(10))[0]}".removesuffix(": ")
