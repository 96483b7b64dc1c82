"""Bits per layer under a limit of the cost: which choice of bits loses least, by what each layer loses alone.

The loss of a mixture is taken for the sum of its layers' losses (as Dong et al., HAWQ-V2, 2020, take it), so
the choice is a knapsack problem with one item out of each class (Sinha and Zoltners 1979), solved by dynamic
programming over the cost. Costs are rounded up to the programme's grid: the limit is never passed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from fpga_flow.errors import InputError
from fpga_flow.train.spec import Conv, Layer

GRID = 8192
"""Steps that the limit is divided into."""


@dataclass(frozen=True)
class LayerSize:
    """What one layer's bits are multiplied by."""

    name: str
    weights: int
    """That are left; a weight that is pruned costs nothing."""
    positions: int
    """Times that each weight is used for a frame."""


@dataclass(frozen=True)
class Option:
    """One choice of bits for a layer's weights and its input."""

    weight_bits: int
    input_bits: int
    cost: float
    loss: float


@dataclass(frozen=True)
class Measure:
    """A cost: `bit_op` for a product of one bit by one bit, `weight_bit` for a bit of a weight."""

    bit_op: float
    weight_bit: float

    def of(self, size: LayerSize, weight_bits: int, input_bits: int) -> float:
        """Return what a layer costs with these bits."""
        products = size.weights * size.positions * weight_bits * input_bits
        return self.bit_op * products + self.weight_bit * size.weights * weight_bits


def positions(layers: Sequence[Layer], length: int) -> list[int]:
    """Return how often every weight of each layer is used for a frame of `length` samples."""
    found = []
    for layer in layers:
        if isinstance(layer, Conv):
            length += 2 * (layer.kernel // 2) - layer.kernel + 1
            found.append(length)
            length //= layer.pool
        else:
            found.append(1)
    return found


def options(
    sizes: Sequence[LayerSize],
    weight_loss: Sequence[dict[int, float]],
    act_loss: Sequence[dict[int, float]],
    first_input_bits: int,
    measure: Measure,
) -> list[list[Option]]:
    """Return the choices of every layer of a chain.

    `weight_loss[l][b]` is what is lost with b bits for the weights of layer l, `act_loss[l][b]` for its
    activation, which is the input of layer l + 1; the last layer has none (an empty dictionary).
    """
    found = []
    for index, size in enumerate(sizes):
        inputs = act_loss[index - 1] if index else {first_input_bits: 0.0}
        found.append(
            [
                Option(w, a, measure.of(size, w, a), weight_loss[index][w] + inputs[a])
                for w, a in product(weight_loss[index], inputs)
            ]
        )
    return found


def choose(classes: Sequence[Sequence[Option]], limit: float) -> list[Option]:
    """Return one option of each class, whose costs together are at most `limit` and whose losses are least.

    Raises `InputError` where even the cheapest cost more.
    """
    steps = [[int(np.ceil(o.cost / limit * GRID - 1e-9)) for o in each] for each in classes]
    best = np.full(GRID + 1, np.inf)
    best[0] = 0.0
    taken = []
    for each, costs in zip(classes, steps, strict=True):
        after = np.full(GRID + 1, np.inf)
        picked = np.full(GRID + 1, -1)
        for index, (option, cost) in enumerate(zip(each, costs, strict=True)):
            if cost > GRID:
                continue
            reached = np.full(GRID + 1, np.inf)
            reached[cost:] = best[: GRID + 1 - cost] + option.loss
            better = reached < after
            after[better], picked[better] = reached[better], index
        best = after
        taken.append(picked)
    at = int(np.argmin(best))
    if not np.isfinite(best[at]):
        check_limit(sum(min(option.cost for option in each) for each in classes), limit)
        raise InputError(f"--limit: must be a little more than {limit:.6g}, costs are rounded up")
    chosen = []
    for each, costs, picked in zip(reversed(classes), reversed(steps), reversed(taken), strict=True):
        index = int(picked[at])
        chosen.append(each[index])
        at -= costs[index]
    return chosen[::-1]


def check_limit(cheapest: float, limit: float) -> None:
    """Raise `InputError` where the cheapest choice costs more than `limit`."""
    if cheapest > limit:
        raise InputError(
            f"--limit: must be at least {cheapest:,.6g}, what the network costs with the fewest bits "
            f"allowed, not {limit:,.6g}"
        )


def falling(losses: dict[int, float]) -> dict[int, float]:
    """Return `losses` by bits so that more bits never lose more, and none wins: what is measured is noisy."""
    result, worst = {}, 0.0
    for bits in sorted(losses, reverse=True):
        worst = max(worst, losses[bits])
        result[bits] = worst
    return result
