"""The device families: those in this folder, a file each, and those that others register."""

import importlib
import pkgutil

from fpga_flow.core.errors import InputError
from fpga_flow.target.family import Family

_families: dict[str, Family] = {}


def register(family: Family) -> Family:
    """Make `family` known and return it; raises `ValueError` where another one has its name."""
    if _families.setdefault(family.name, family) is not family:
        raise ValueError(f"there is a family {family.name} already")
    return family


def forget(family: Family) -> None:
    """Take `family` out again: for tests that add one."""
    _families.pop(family.name, None)


def names() -> list[str]:
    """Return the names of all families."""
    return list(_families)


def family_named(name: str) -> Family:
    """Return the family called `name`; raises `InputError` for an unknown one."""
    try:
        return _families[name]
    except KeyError:
        raise InputError(f"family: must be one of {', '.join(_families)}, not {name!r}") from None


def family_of(part: str) -> Family:
    """Return the family of `part`; raises `InputError` where none has such parts."""
    for family in _families.values():
        if part.lower().startswith(family.parts):
            return family
    begin = ", ".join(f"{' or '.join(family.parts)} ({family.name})" for family in _families.values())
    raise InputError(f"part: must begin with {begin}, not {part!r}")


for _module in pkgutil.iter_modules(__path__):
    _found = importlib.import_module(f"{__name__}.{_module.name}")
    if isinstance(getattr(_found, "FAMILY", None), Family):  # a module that families share has none
        register(_found.FAMILY)
