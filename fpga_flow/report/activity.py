"""The activity of the streams as a picture: a row a stream, a frame's cycles from left to right."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from fpga_flow.results.activity import Activity, StreamActivity

LEFT, WIDTH, HEIGHT, ROW, TOP = 2, 336, 14, 31, 13
"""Units of the picture, which is 340 wide: of the bars, and from one row, or its words, to the next."""
MANY = 60
"""Rows from which on the picture is folded away."""


@dataclass(frozen=True)
class Strip:
    """One stream: areas as SVG paths that stand on each other, from the row's lower edge."""

    name: str
    words: str
    y: int
    moves: str
    waits: str


@dataclass(frozen=True)
class Strips:
    """The picture."""

    rows: tuple[Strip, ...]
    cycles: int
    left: int = LEFT
    width: int = WIDTH
    strip: int = HEIGHT

    @property
    def height(self) -> int:
        """Of the whole."""
        return ROW * len(self.rows) + 2

    @property
    def folded(self) -> bool:
        """Whether it is folded away at first."""
        return len(self.rows) > MANY


def strips(activity: Activity) -> Strips:
    """Return the picture of `activity`."""
    rows = tuple(
        _strip(stream, activity.part_cycles, ROW * number + TOP)
        for number, stream in enumerate(activity.streams)
    )
    return Strips(rows, activity.part_cycles * len(activity.streams[0].moves))


def _strip(stream: StreamActivity, cycles: int, y: int) -> Strip:
    of = cycles * len(stream.moves)
    shares = (("moves", stream.moves), ("waits", stream.waits), ("starves", stream.starves))
    moved = [count / cycles for count in stream.moves]
    both = [share + count / cycles for share, count in zip(moved, stream.waits, strict=True)]
    return Strip(
        name=stream.layer,
        words=", ".join(f"{word} {_percent(sum(counts) / of)}" for word, counts in shares),
        y=y,
        moves=_area([0.0] * len(moved), moved, y),
        waits=_area(moved, both, y),
    )


def _percent(share: float) -> str:
    """Return `share` in words; one that is not zero does not look as if it were."""
    return "<1 %" if 0 < share < 0.005 else f"{share:.0%}".replace("%", " %")


def _area(low: Sequence[float], high: Sequence[float], y: int) -> str:
    """Return the path between two step functions over the row at `y`, equal parts as one."""
    found, place = [], 0
    for (start, end), group in groupby(zip(low, high, strict=True)):
        count = len(list(group))
        if end > start:
            left, width = LEFT + WIDTH * place / len(low), WIDTH * count / len(low)
            top, height = y + HEIGHT * (1 - end), HEIGHT * (end - start)
            found.append(f"M{left:.2f} {top:.2f}h{width:.2f}v{height:.2f}h{-width:.2f}z")
        place += count
    return "".join(found)
