"""Modules that are alike, written once: Yosys writes one for each instance where it keeps the hierarchy."""

import re
from collections.abc import Iterator
from itertools import count

BEGIN = re.compile(r"^(?=module )", re.MULTILINE)
NAME = re.compile(r"module (\\\S+|\w+)")
WORD = re.compile(r"\\\S+|\w+")
"""What may be a module's name; an escaped one begins with a backslash and ends in front of a space."""
OF_INSTANCE = "$"
"""Between a module's own name and the path of its instance."""


def merged(text: str) -> str:
    """Return the Verilog `text` of Yosys with one of all modules that differ only in name.

    Those of an instance get short names, numbered. A module has no comment or string that has another's name.
    """
    head, *modules = BEGIN.split(text)
    bodies = dict(_named(module) for module in modules)
    while True:
        first: dict[str, str] = {}
        same = {name: kept for name, body in bodies.items() if (kept := first.setdefault(body, name)) != name}
        if not same:
            break
        bodies = {name: _renamed(body, same) for name, body in bodies.items() if name not in same}
    short = dict(_short(bodies))
    return head + "".join(
        f"module {short.get(name, name)}{_renamed(body, short)}" for name, body in bodies.items()
    )


def _named(module: str) -> tuple[str, str]:
    """Return a module's name and all that follows it."""
    found = NAME.match(module)
    assert found is not None, module[:80]
    return found[1], module[found.end() :]


def _renamed(body: str, names: dict[str, str]) -> str:
    return WORD.sub(lambda word: names.get(word[0], word[0]), body)


def _short(bodies: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield a short name for each module that has the path of an instance in its own, and no other has."""
    taken = set(bodies)
    for name in bodies:
        own, path, _ = name.removeprefix("\\").partition(OF_INSTANCE)
        if not path or not re.fullmatch(r"[A-Za-z_]\w*", own):
            continue
        chosen = next(one for n in count() if (one := f"{own}_{n}") not in taken)
        taken.add(chosen)
        yield name, chosen
