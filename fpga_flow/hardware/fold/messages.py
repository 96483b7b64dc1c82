"""What is said about a folding: the rate, what sets it, and why a target was not met and what to do then."""

import math
from collections.abc import Mapping

from fpga_flow.core.recipe_parts.hardware import HardwareRecipe
from fpga_flow.hardware.fold.options import Choice, LayerFigures
from fpga_flow.hardware.fold.problem import Solution
from fpga_flow.hardware.fold.targets import Folded
from fpga_flow.target.board import Board
from fpga_flow.target.fit import Fit

SHOWN = 16
"""Layers that are named of an implementation, at most."""


def message_lines(
    folded: Folded,
    recipe: HardwareRecipe,
    board: Board,
    clock_mhz: float,
    *,
    cycles: int,
    latency: int,
    bottleneck: str,
) -> tuple[list[str], bool | None]:
    """Return the lines for the user, and whether the target is met (None where a file was given).

    Where it is not, the last line is a warning that says why.
    `cycles` per frame, `latency` and `bottleneck` are those of the whole with its FIFOs.
    """
    fps = clock_mhz * 1e6 / cycles
    wish = f", {recipe.fps:,.0f} asked for" if folded.target == "fps" else ""
    found = [
        f"  {fps:,.0f} frames/s predicted at {clock_mhz:g} MHz{wish} "
        f"({cycles:,} cycles per frame, set by {bottleneck})"
    ]
    wish = f", {recipe.latency_us:,.1f} µs asked for" if folded.target == "latency" else ""
    found.append(f"  {latency / clock_mhz:,.1f} µs latency predicted{wish} ({latency:,} cycles)")
    if folded.target == "file":
        return found, None
    if folded.target == "board":
        more, met = _board_lines(folded, board, recipe.margin)
        return found + more, met
    real, wanted = (cycles if folded.target == "fps" else latency), folded.wanted or 0
    if real <= wanted:
        return found, True
    found.append(_missed(folded, bottleneck, real, wanted, clock_mhz))
    return found, False


def implementation_lines(solution: Solution, costs: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return which implementation was chosen of which layers, and what others would take: a line each.

    `costs`: see `Problem.costs_at`. Of each implementation the first `SHOWN` layers.
    """
    chosen: dict[str, list[str]] = {}
    for name, least in costs.items():
        mine = solution.choices[name].implementation
        others = [f"{other} {cost:,.0f}" for other, cost in least.items() if other != mine]
        cost = f"{least[mine]:,.0f} LUTs" if mine in least else ""
        against = f" against {', '.join(others)}" if cost and others else ""
        chosen.setdefault(mine, []).append(f"{name} ({cost}{against})" if cost else name)
    lines = []
    for mine, names in chosen.items():
        more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
        lines += [f"  built as {mine}:", *(f"    {name}" for name in (*names[:SHOWN], *more))]
    return lines


def _missed(folded: Folded, bottleneck: str, real: int, wanted: int, clock_mhz: float) -> str:
    layers = {layer.name: layer for layer in folded.problem.layers}
    if folded.target == "fps":
        what = f"{wanted:,} cycles per frame were asked for, {bottleneck} takes {real:,}"
    else:
        what = f"{wanted:,} cycles of latency were asked for, {real:,} predicted, {bottleneck} is slowest"
    why = "its FIFOs hold it back: allow deeper ones in hardware.fifos"
    if bottleneck in layers:
        why = limit_of(layers[bottleneck], folded.solution.choices[bottleneck])
    clock = math.ceil(clock_mhz * real / wanted)
    return (
        f"the target is not met: {what}: {why}. Raise hardware.clock_mhz (to {clock} for this "
        "alone), ask for less, or make the frames or the network smaller"
    )


def _board_lines(folded: Folded, board: Board, margin: float) -> tuple[list[str], bool]:
    solution = folded.solution
    fit = Fit(solution.resources, board, margin)
    known = f"{len(solution.synthesised)} of {len(folded.problem.layers)} layers"
    found = [
        f"  expected of {board.name}: {fit.words()}; {known} are known from synthesis, the others estimated"
    ]
    if fit.over:
        found.append(
            f"the target is not met: the smallest folding does not leave a share of {margin:g} of "
            f"{board.name} free: {fit.short()}. Take a larger board or a smaller hardware.margin, or prune "
            "or shrink the network"
        )
    return found, not fit.over


def limit_of(layer: LayerFigures, choice: Choice) -> str:
    """Return where a layer's folding stands in its range, in words."""
    values = dict(choice.folding)
    parts = [_lanes(layer, choice, name) for name in values if name != "parallel_window"]
    if values.get("parallel_window"):
        parts.append("it sends a whole window a cycle")
    return " and ".join(parts)


def _lanes(layer: LayerFigures, choice: Choice, name: str) -> str:
    value = dict(choice.folding)[name]
    alike = [other for other in layer.choices if other.implementation == choice.implementation]
    most = max(dict(other.folding)[name] for other in alike)
    word, attribute = layer.kind.lane_words.get(name, ("channel", None))
    of = int(layer.attributes[attribute]) if attribute else most
    if of == 1:
        return f"it has one {word} only"
    if value == of:
        return f"{name} is already at all {of} {word}s"
    return f"{name} is {value} of {of} {word}s"
