"""The graph of imports: which modules of the package import which, and which rooms.

A room is what stands at the package's top: a folder, or a single module. Imports within functions count.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from fpga_flow.core import places
from fpga_flow.core.closure import PACKAGE, imports


def module_graph(root: Path = places.CODE) -> dict[str, set[str]]:
    """Return every module of the package in the folder `root`, and those of them that it imports."""
    files = {_name(path.relative_to(root)): path for path in (root / PACKAGE).rglob("*.py")}
    return {
        module: {name for name in imports(path, module, root) if name in files and name != module}
        for module, path in sorted(files.items())
    }


def room_graph(modules: Mapping[str, Collection[str]]) -> dict[str, Counter[str]]:
    """Return every room of a graph of modules, and the others it imports, with the number of such imports."""
    found: dict[str, Counter[str]] = {room_of(module): Counter() for module in modules}
    for module, imported in modules.items():
        found[room_of(module)].update(room for name in imported if (room := room_of(name)) != room_of(module))
    return found


def room_of(module: str) -> str:
    """Return the room that `module` stands in; the package's own name for its `__init__`."""
    return module.split(".")[1] if "." in module else module


def circle(graph: Mapping[str, Collection[str]]) -> list[str]:
    """Return the names of a circle in `graph`, each imported by the one before; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        names: list[str] = error.args[1]
        return names[::-1]
    return []


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
