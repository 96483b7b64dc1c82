"""What the picture of the dataflow consists of, and its measures, for `dataflow.svg.j2`.

A unit of the picture is about a pixel on a phone.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

WIDTH = 340.0
"""Of a column."""
NARROW = 150.0
"""A box that shares its row has at least this width."""
WIDE = 240.0
"""From this width on, words stand at both sides of a box."""
PASSING = 26.0
"""Width that an arrow takes which passes by."""
LINE, SPACE, MARGIN = 13.0, 8.0, 1.0
"""Of a line of words, between boxes, and at the edge."""
GAP, GAP_OF_TWO = 24.0, 34.0
"""Between two rows; where several arrows with their words cross it."""
CHARACTER = 6.4
"""Mean width of a character of a name."""


class Place(NamedTuple):
    """A rectangle."""

    left: float
    top: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Half-way between its sides."""
        return self.left + self.width / 2

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.top + self.height


@dataclass(frozen=True)
class Words:
    """A text; `style` is a class of the page, `anchor` as in SVG."""

    x: float
    y: float
    text: str
    style: str = "soft"
    anchor: str = "start"


@dataclass(frozen=True)
class Box:
    """A layer."""

    place: Place
    title: str
    words: list[Words]
    bar: float
    """Width that its share of the slowest layer's cycles has."""
    slow: bool


@dataclass(frozen=True)
class Arrow:
    """A way to its tip, with what it carries."""

    path: str
    x: float
    y: float
    words: list[Words]
    title: str


@dataclass
class Drawing:
    """One column of the picture."""

    width: float
    height: float = 0.0
    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
