"""Where the choices of a random network come from: a seed, or hypothesis; and what it may be made of."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from hypothesis import strategies as st

from tests.search.describe import ActKind, WeightKind

Option = TypeVar("Option")


@dataclass(frozen=True)
class Menu:
    """What networks are made of."""

    blocks: tuple[str, ...]
    weights: tuple[WeightKind, ...] = ("narrow", "narrow", "signed", "unsigned", "bipolar")
    acts: tuple[ActKind, ...] = ("unsigned", "unsigned", "signed", "narrow", "bipolar")
    least_bits: int = 1
    depthwise: bool = True
    """Convolutions of groups, and of as many as channels."""
    endings: tuple[str, ...] = ("class", "class", "logits", "tensor", "conv")


class Choices(Protocol):
    """Where the choices come from."""

    menu: Menu

    def integer(self, low: int, high: int) -> int:
        """Choose from low to high, both included."""

    def one(self, options: Sequence[Option]) -> Option:
        """Choose one of `options`, the simplest first."""

    def once_in(self, times: int) -> bool:
        """Choose True one time in so many."""


class SeededChoices:
    """Evenly, from a seed."""

    def __init__(self, seed: int, menu: Menu) -> None:
        self.menu = menu
        self.random = random.Random(seed)

    def integer(self, low: int, high: int) -> int:
        """Choose from low to high, both included."""
        return self.random.randint(low, high)

    def one(self, options: Sequence[Option]) -> Option:
        """Choose one of `options`."""
        return self.random.choice(options)

    def once_in(self, times: int) -> bool:
        """Choose True one time in so many."""
        return self.random.randrange(times) == 0


class DrawnChoices:
    """From hypothesis, choice by choice, so that it can shrink them."""

    def __init__(self, draw: st.DrawFn, menu: Menu) -> None:
        self.menu = menu
        self.draw = draw

    def integer(self, low: int, high: int) -> int:
        """Choose from low to high, both included."""
        return self.draw(st.integers(low, high))

    def one(self, options: Sequence[Option]) -> Option:
        """Choose one of `options`."""
        return self.draw(st.sampled_from(options))

    def once_in(self, times: int) -> bool:
        """Choose True one time in so many."""
        return self.draw(st.integers(1, times)) == times
