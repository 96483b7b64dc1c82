"""A quantiser behind any function: what it gives for every integer is enumerated, and becomes thresholds.

A monotone channel has one list of thresholds, falling ones on negated integers. Any other function is the
number of its rises at or below the integer less the number of its falls: two lists, and a difference.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.chain import Chain, Integers, affine
from fpga_flow.export.nodes import Node
from fpga_flow.export.operations import Activation, Add
from fpga_flow.export.state import Walk
from fpga_flow.export.tensors import MAX_BITS, Quantiser, Tensor, bounded, integer_type
from fpga_flow.export.values import Value

MAX_DOMAIN = 2**24
"""Integers of a channel that are tried."""
MAX_TRIED = 2**28
"""Of all channels together."""
_AT_ONCE = 2**20


class Steps(NamedTuple):
    """What a channel gives: `first` for its lowest integer, and `jumps` more from each of `places` on."""

    first: int
    places: Integers
    jumps: Integers

    def repeated(self, sign: int) -> Integers:
        """Return the places of the jumps of that `sign`, each as often as it is high."""
        chosen = self.jumps * sign > 0
        return np.repeat(self.places[chosen], np.abs(self.jumps[chosen]))


def enumerated(walk: Walk, node: Node, value: Value, quantiser: Quantiser) -> tuple[Tensor, Activation]:
    """Append what gives `quantiser(value)`; return its output and the function that it stands for.

    Raises `UnsupportedError` where there are too many integers, or the function is no number somewhere.
    """
    activation = _activation(node, value, quantiser)
    if walk.counting:
        return walk.add(activation), activation
    steps = _steps(node, activation)
    rises, falls = ([channel.repeated(sign) for channel in steps] for sign in (1, -1))
    if any(len(up) and len(down) for up, down in zip(rises, falls, strict=True)):
        return _difference(walk, node, activation, steps), activation
    falling = np.array([len(down) > 0 for down in falls])
    value = walk.flip(node, value, falling)
    activation = _activation(node, value, quantiser)
    places = [1 - down[::-1] if len(down) else up for up, down in zip(rises, falls, strict=True)]
    firsts = [channel.first + int(channel.jumps[channel.jumps < 0].sum()) for channel in steps]
    if quantiser.rounding == "BIPOLAR":
        return walk.add(_sign(activation, firsts, places)), activation
    return walk.add(_counting(node.name, node.output[0], activation, firsts, places)), activation


def _activation(node: Node, value: Value, quantiser: Quantiser) -> Activation:
    x = value.tensor
    limits = [np.full(x.channels, end, dtype=np.int64) for end in (quantiser.low, quantiser.high)]
    y = Tensor(node.output[0], x.shape, quantiser.datatype, *limits)
    return Activation(node.name, (x,), (y,), value.chain, quantiser)


def _steps(node: Node, activation: Activation) -> list[Steps]:
    """Return what each channel gives for all integers that it can hold."""
    x, quantiser = activation.x, activation.quantiser
    width = int((x.high - x.low).max()) + 1
    one = activation.chain.shared and len(quantiser.edges) < 2
    channels = 1 if one else x.channels
    low, high = int(x.low.min()), int(x.high.max())
    if width > MAX_DOMAIN or (high - low + 1) * channels > MAX_TRIED:
        raise UnsupportedError(
            node.name,
            f"a function of sums from {low} to {high} in {x.channels} channels, more than are tried "
            f"one by one ({MAX_DOMAIN} a channel, {MAX_TRIED} in all)",
            "use fewer bits, a quantiser in front of the function, or a ReLU, leaky ReLU or clip",
        )
    places, jumps, first = _jumps(node, activation, channels)
    found = []
    for channel in range(x.channels):
        index = 0 if one else channel
        start, end = x.low[channel], x.high[channel]
        before = places[index] <= start
        inside = ~before & (places[index] <= end)
        begins = int(first[index] + jumps[index][before].sum())
        found.append(Steps(begins, places[index][inside], jumps[index][inside]))
    return found


def _jumps(
    node: Node, activation: Activation, channels: int
) -> tuple[list[Integers], list[Integers], Integers]:
    """Return for each of `channels` where the code changes, by how much, and the lowest integer's code."""
    x = activation.x
    low, high = int(x.low.min()), int(x.high.max())
    places: list[list[Integers]] = [[] for _ in range(channels)]
    jumps: list[list[Integers]] = [[] for _ in range(channels)]
    first = last = np.zeros(channels, dtype=np.int64)
    for part in _parts(low, high, max(1, _AT_ONCE // channels)):
        codes = _codes(node, activation, part, channels)
        if part[0] == low:
            first = last = codes[:, 0]
        changes = np.diff(codes, axis=1, prepend=last[:, None])
        last = codes[:, -1]
        for channel in np.flatnonzero(changes.any(axis=1)):
            found = np.flatnonzero(changes[channel])
            places[channel].append(part[found])
            jumps[channel].append(changes[channel, found])
    empty = [np.zeros(0, dtype=np.int64)]
    return (
        [np.concatenate(empty + found) for found in places],
        [np.concatenate(empty + found) for found in jumps],
        first,
    )


def _parts(low: int, high: int, size: int) -> Iterator[Integers]:
    return (np.arange(start, min(start + size, high + 1)) for start in range(low, high + 1, size))


def _codes(node: Node, activation: Activation, integers: Integers, channels: int) -> Integers:
    """Return the codes (channels, n) that the file's function gives for `integers` (n,)."""
    x = activation.x
    grid = np.broadcast_to(integers, (channels, len(integers)))
    if channels == x.channels:  # what a channel cannot hold is not asked for
        grid = np.clip(grid, x.low[:, None], x.high[:, None])
    numbers = np.broadcast_to(
        np.asarray(activation.chain.apply(grid[None].astype(np.float64))), (1, *grid.shape)
    )
    if np.isnan(numbers).any():
        channel, index = np.argwhere(np.isnan(numbers[0]))[0]
        raise UnsupportedError(
            node.name,
            f"the function in front of it gives no number for the sum {grid[channel, index]} of channel "
            f"{channel}",
            "limit what goes into it (a Clip, or a ReLU)",
        )
    codes: Integers = activation.quantiser.apply(numbers.astype(np.float64))[0].astype(np.int64)
    return codes


def _counting(
    name: str, output: str, activation: Activation, firsts: list[int], places: list[Integers]
) -> Activation:
    """Return thresholds: a channel gives its first code and one more for each of its `places` at or below."""
    x = activation.x
    low = min(firsts)
    high = max(max(first + len(steps) for first, steps in zip(firsts, places, strict=True)), low + 1)
    rows = [
        (*[float(start)] * (first - low), *map(float, steps), *[float(end + 1)] * (high - first - len(steps)))
        for first, steps, start, end in zip(firsts, places, x.low, x.high, strict=True)
    ]
    datatype = integer_type(low, high)
    edges = tuple(rows[:1] if all(row == rows[0] for row in rows) else rows)
    limits = [np.array(firsts), np.array([f + len(s) for f, s in zip(firsts, places, strict=True)])]
    y = Tensor(output, x.shape, datatype, *limits)
    return Activation(name, (x,), (y,), Chain(), Quantiser(low, high, datatype, "EDGES", edges))


def _sign(activation: Activation, firsts: list[int], places: list[Integers]) -> Activation:
    """Return a sign: 1 from the place of its one jump on."""
    x = activation.x
    at = [
        steps[0] if len(steps) else (start if first > 0 else end + 1)
        for first, steps, start, end in zip(firsts, places, x.low, x.high, strict=True)
    ]
    chain = Chain((affine(1.0, -np.array(at, dtype=np.float64)),))
    return Activation(activation.name, (x,), (activation.y,), chain, activation.quantiser)


def _difference(walk: Walk, node: Node, activation: Activation, steps: list[Steps]) -> Tensor:
    """Append the number of rises, that of falls, and the difference of the two; return it."""
    sides = []
    for name, sign in (("rising", 1), ("falling", -1)):
        firsts = [channel.first if sign > 0 else 0 for channel in steps]
        places = [channel.repeated(sign) for channel in steps]
        own, output = walk.fresh(f"{node.name}_{name}"), walk.fresh(f"{node.output[0]}_{name}")
        side = _counting(own, output, activation, firsts, places)
        if side.quantiser.levels >= 2**MAX_BITS:
            raise UnsupportedError(
                node.name,
                f"the function in front of it has {side.quantiser.levels} {name} steps in one channel",
                f"use fewer bits, or a function with fewer than {2**MAX_BITS}",
            )
        sides.append(walk.add(side))
    rising, falling = sides
    negative = walk.multiply(f"{node.name}_sign", falling, np.array([-1]))
    ends = [channel.first + np.cumsum([0, *channel.jumps]) for channel in steps]
    low, high = (np.array([getattr(channel, end)() for channel in ends]) for end in ("min", "max"))
    y = bounded(node.output[0], activation.x.shape, low, high)
    return walk.add(Add(node.name, (rising, negative), (y,)))
