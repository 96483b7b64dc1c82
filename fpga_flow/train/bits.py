"""Bits per layer under a limit of the cost: which choice of bits loses least, by what each layer loses alone.

The loss of a mixture is taken for the sum of its layers' losses (as Dong et al., HAWQ-V2, 2020, take it), so
the choice is a knapsack problem with one item out of each class (Sinha and Zoltners 1979), solved by dynamic
programming over the cost. Costs are rounded up to the programme's grid: the limit is never passed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from fpga_flow.core.errors import InputError
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
class Reader:
    """A layer as one that reads an activation."""

    size: LayerSize
    weight_loss: dict[int, float]
    """What is lost with so many bits for its weights."""
    wider: int = 0
    """Bits that its input has more than the activation: sums of it, such as an average pool's."""


@dataclass(frozen=True)
class Option:
    """One choice of bits for an activation and the weights of the layers that read it."""

    weight_bits: tuple[int, ...]
    """Of each of these layers."""
    input_bits: int
    """Of the activation."""
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


def options(readers: Sequence[Reader], act_loss: dict[int, float], measure: Measure) -> list[Option]:
    """Return the choices for an activation and the layers `readers`, less those that another one beats.

    `act_loss[b]` is what is lost with b bits for the activation.
    """
    found = []
    for bits, lost in act_loss.items():
        made = [Option((), bits, 0.0, lost)]
        for reader in readers:
            made = _best(
                Option(
                    (*option.weight_bits, b),
                    bits,
                    option.cost + measure.of(reader.size, b, bits + reader.wider),
                    option.loss + loss,
                )
                for option, (b, loss) in product(made, reader.weight_loss.items())
            )
        found += made
    return _best(found)


def _best(found: Iterable[Option]) -> list[Option]:
    """Return those than which none loses less at no higher cost, cheapest first."""
    kept: list[Option] = []
    for option in sorted(found, key=lambda option: (option.cost, option.loss)):
        if not kept or option.loss < kept[-1].loss:
            kept.append(option)
    return kept


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
