"""A device family."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """A device family."""

    name: str
    multiplier: tuple[int, int]


def family_of(part: str) -> Family:
    """Return the family of `part`."""
    return Family("xc7", (25, 18)) if part.startswith("xc7") else Family("xcup", (27, 18))
