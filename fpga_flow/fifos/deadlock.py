"""Why nothing moves any more: which layers wait for each other, and over which full FIFO."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fpga_flow.fifos.sizing import Player, State
from fpga_flow.fifos.tokens import UNLIMITED

INPUT, OUTPUT = "input", "output"
"""Names of a network's two ends, in the place of a layer."""
FRAMES = 4
"""Frames after which a network that has not stopped yet will not."""


class Joint(Protocol):
    """A stream between two layers."""

    @property
    def fifo(self) -> str:
        """Name of the FIFO in it."""

    @property
    def producer(self) -> str:
        """The layer before it."""

    @property
    def consumer(self) -> str:
        """The layer behind it."""

    @property
    def words(self) -> int:
        """Of a frame."""


@dataclass(frozen=True)
class Diagnosis:
    """Layers that wait for each other in a circle, or the one that a stream stops at."""

    layers: tuple[str, ...]
    """In the order of waiting: each waits for the next, the last for the first."""
    full: tuple[int, ...]
    """Numbers of the FIFOs in the circle that a layer wants to put a word into; first the one at a layer that
    waits for another input."""
    empty: tuple[int, ...]
    """Numbers of the FIFOs in the circle that a layer wants a word from."""
    silent: str = ""
    """Where there is no circle: the layer that has words and gives none."""


def diagnose(edges: Sequence[Joint], states: Sequence[State]) -> Diagnosis:
    """Find the circle of waiting among layers joined by `edges`, whose FIFOs are in `states`.

    A layer that has a word for a full FIFO waits for the layer behind it; any other layer waits for those
    before its empty FIFOs. Words and space only ever come over these, so in a deadlock there is a
    circle, and it goes over at least one FIFO that is full and one that is empty.
    """
    waits: dict[str, list[tuple[str, int]]] = {}
    for number, (edge, state) in enumerate(zip(edges, states, strict=True)):
        if state.offered and state.held >= state.depth:
            waits.setdefault(edge.producer, []).append((edge.consumer, number))
    blocked = set(waits)
    for number, (edge, state) in enumerate(zip(edges, states, strict=True)):
        if state.held == 0 and edge.consumer not in blocked:
            waits.setdefault(edge.consumer, []).append((edge.producer, number))

    seen: set[str] = set()

    def circle(layer: str, path: list[tuple[str, int]], on: dict[str, int]) -> list[tuple[str, int]] | None:
        if layer in on:
            return path[on[layer] :]
        if layer in seen:
            return None
        seen.add(layer)
        on[layer] = len(path)
        for other, number in waits.get(layer, []):
            found = circle(other, [*path, (layer, number)], on)
            if found is not None:
                return found
        del on[layer]
        return None

    for start in waits:
        found = circle(start, [], {})
        if found:
            return _of_circle(found, [state.held > 0 for state in states])
    return Diagnosis((), (), (), _silent(edges, states))


def _of_circle(circle: Sequence[tuple[str, int]], filled: Sequence[bool]) -> Diagnosis:
    """Return the diagnosis of layers in a circle, each with the FIFO that it waits at; starts at a join."""
    numbers = [number for _, number in circle]
    join = next(i for i, n in enumerate(numbers) if filled[n] and not filled[numbers[(i + 1) % len(circle)]])
    turned = [*circle[join:], *circle[:join]]
    full = tuple(number for _, number in turned if filled[number])
    empty = tuple(number for _, number in turned if not filled[number])
    return Diagnosis(tuple(layer for layer, _ in turned), full, empty)


def _silent(edges: Sequence[Joint], states: Sequence[State]) -> str:
    """Return the layer that has taken most of what it did not answer, in frames; else an empty name."""
    given: dict[str, float] = {}
    taken: dict[str, float] = {}
    for edge, state in zip(edges, states, strict=True):
        taken[edge.consumer] = min(
            (state.words - state.held) / edge.words, taken.get(edge.consumer, math.inf)
        )
        given[edge.producer] = min(state.words / edge.words, given.get(edge.producer, math.inf))
    kept = {layer: taken[layer] - given[layer] for layer in taken if layer in given}
    worst = max(kept, key=lambda layer: kept[layer], default="")
    return worst if kept and kept[worst] > 0 else ""


@dataclass(frozen=True)
class Remedy:
    """A FIFO of a deadlock, and the depth with which it does not happen."""

    number: int
    depth: int
    """Least words, all other FIFOs as they are."""


def remedies(player: Player, edges: Sequence[Joint], depths: Sequence[int]) -> list[Remedy]:
    """Return the FIFOs that must be deeper than in `depths` for `player` to run on, and how deep."""

    def problem(tried: Sequence[int]) -> Diagnosis | None:
        played = player.play(tried, frames=FRAMES)
        return diagnose(edges, played.states) if played.stuck else None

    tried = list(depths)
    found: list[Remedy] = []
    while (diagnosis := problem(tried)) is not None and diagnosis.full:
        number = diagnosis.full[0]

        def runs(depth: int, number: int = number) -> bool:
            after = problem([*tried[:number], depth, *tried[number + 1 :]])
            return after is None or number not in after.full

        low, high = tried[number], 2 * tried[number]
        while not runs(high):
            if high > UNLIMITED:
                return found
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if runs(middle) else (middle, high)
        found.append(Remedy(number, high))
        tried[number] = high
    return found


def explain(
    edges: Sequence[Joint], states: Sequence[State], diagnosis: Diagnosis, remedy: Sequence[Remedy] = ()
) -> str:
    """Return the diagnosis in words: layers, edges, FIFOs, and how deep they would have to be."""
    if not diagnosis.full:
        return (
            f"no layers wait for each other; {diagnosis.silent or 'a layer'} has taken words and gives none"
        )

    def edge(number: int) -> str:
        return f"{edges[number].producer} -> {edges[number].consumer}"

    full = ", ".join(
        f"FIFO {edges[n].fifo} in {edge(n)} is full ({states[n].held} of {states[n].depth} words)"
        for n in diagnosis.full
    )
    empty = ", ".join(f"FIFO {edges[n].fifo} in {edge(n)} is empty" for n in diagnosis.empty)
    text = f"{', '.join(diagnosis.layers)} wait for each other: {full}, while {empty}"
    cures = [f"{edges[r.number].fifo} ({edge(r.number)}) must hold at least {r.depth} words" for r in remedy]
    return text + (f". {'; '.join(cures)}" if cures else "")
