"""Sums whose sides have no common step: left open until a quantiser behind them settles the multipliers."""

from dataclasses import replace
from functools import reduce

import numpy as np

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.core.progress import say
from fpga_flow.export.chain import Affine, Chain, Step, affine
from fpga_flow.export.multipliers import MOST_TUPLES, MULTIPLIER_BITS, Found, multipliers, tuples
from fpga_flow.export.nodes import Node
from fpga_flow.export.operations import Add, JoinedActivation, Side
from fpga_flow.export.state import SHARE_ONE_QUANTISER, Walk
from fpga_flow.export.tensors import Quantiser, Tensor, bounded
from fpga_flow.export.values import OpenSum, Value


def open_sum(walk: Walk, node: Node, sides: list[tuple[Value, Affine]], reason: str) -> Value:
    """Return the sum of `sides`, each with the one affine function that its chain is, as one left open.

    `reason` says why it has no integers of its own, for those who cannot do without.
    """
    terms: list[Side] = []
    for value, line in sides:
        inner = value.open.sides if value.open else (Side(value.tensor, affine()),)
        # The constant of a sum stands with its first side.
        first, *rest = (Side(side.tensor, side.line.then(Affine(line.mul, line.add * 0.0))) for side in inner)
        terms += [Side(first.tensor, Affine(first.line.mul, first.line.add + line.add)), *rest]
    shape = sides[0][0].tensor.shape
    nothing = np.zeros(shape[1], dtype=np.int64)
    placeholder = Tensor(node.output[0], shape, "INT2", nothing, nothing)
    found = OpenSum(node.name, tuple(terms), reason)
    return Value(placeholder, Chain(), layout=sides[0][0].layout, open=found)


def settle(
    walk: Walk, node: Node, found: OpenSum, y: Tensor, chain: Chain, quantiser: Quantiser
) -> JoinedActivation:
    """Append the integer sum for `quantiser(chain(sum))`, and return what quantises it, into `y`.

    Raises `UnsupportedError` naming the sum where no multipliers are right for all integers of its sides.
    """
    if tuples(found.sides, quantiser.levels) > MOST_TUPLES:
        sizes = " and ".join(f"{int((s.tensor.high - s.tensor.low).max()) + 1:,}" for s in found.sides)
        raise UnsupportedError(
            found.node,
            f"{found.reason}, and its sides can be {sizes} integers, too many with the {quantiser.levels} "
            f"steps of the quantiser {node.name!r} behind it to try all of them",
            f"use fewer bits for one of its sides or in that quantiser, or {SHARE_ONE_QUANTISER}",
        )
    channels = _each_channel(found, chain, quantiser, y.channels)
    factors = np.transpose([one.multiples for one in channels])
    parts = [
        walk.multiply(walk.fresh(f"{found.node}_side_{index}"), side.tensor, multiples)
        for index, (side, multiples) in enumerate(zip(found.sides, factors, strict=True))
    ]

    def added(left: Tensor, right: Tensor) -> Tensor:
        total = bounded(
            walk.fresh(f"{found.node}_sum"), y.shape, left.low + right.low, left.high + right.high
        )
        return walk.add(Add(walk.fresh(f"{found.node}_add"), (left, right), (total,)))

    x = reduce(added, parts)
    bits = int(np.abs(factors).max()).bit_length()
    many = " and ".join(
        str(abs(int(row[0]))) if np.all(np.abs(row) == abs(row[0])) else f"up to {np.abs(row).max()}"
        for row in factors
    )
    say(
        f"  {found.node}: its sides are multiplied by {many} ({bits} bits) for the quantiser {node.name}, "
        f"which is right for all of their integers; the sum is {x.datatype}"
    )
    thresholds = np.array([one.thresholds for one in channels])
    return JoinedActivation(node.name, (x,), (y,), chain, quantiser, found.sides, thresholds)


def _each_channel(found: OpenSum, chain: Chain, quantiser: Quantiser, channels: int) -> list[Found]:
    """Return the multipliers channel by channel; those with the same numbers are searched once."""
    known: dict[object, Found | None] = {}
    results = []
    for channel in range(channels):
        here = slice(channel, channel + 1)
        sides = tuple(side.sliced(here) for side in found.sides)
        part = chain.sliced(here)
        edges = quantiser.edges[here] if len(quantiser.edges) > 1 else quantiser.edges
        key = (
            tuple((int(s.tensor.low[0]), int(s.tensor.high[0]), _key(s.line)) for s in sides),
            tuple(map(_key, part.steps)),
            edges,
        )
        if key not in known:
            known[key] = multipliers(sides, part, replace(quantiser, edges=edges))
        one = known[key]
        if one is None:
            raise UnsupportedError(
                found.node,
                f"{found.reason}, and no multipliers of {MULTIPLIER_BITS} bits are right for all of their "
                f"integers (channel {channel})",
                SHARE_ONE_QUANTISER,
            )
        results.append(one)
    return results


def _key(step: Step) -> object:
    return (float(step.mul), float(step.add)) if isinstance(step, Affine) else step
