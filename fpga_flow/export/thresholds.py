"""Integer thresholds of an activation, by exact search.

`quantiser(chain(acc))` never decreases with the accumulator, so for each output level there is a
smallest accumulator that reaches it. It is found by bisection over the accumulator's range, with
the very function the golden model evaluates; a closed formula (dividing by the scale) goes
one step wrong where a value falls on the tie of two levels, because `Quant` rounds half to even.
"""

import numpy as np

from fpga_flow.export.chain import Integers
from fpga_flow.export.operations import Activation, JoinedActivation


def find_thresholds(activation: Activation) -> Integers:
    """Return thresholds (channels, levels): level k is reached from `acc >= thresholds[:, k]` on.

    A level that every accumulator reaches gets the lower bound of the accumulator, one that none
    reaches the upper bound + 1.
    """
    if isinstance(activation, JoinedActivation):
        return activation.thresholds
    x, quantiser = activation.x, activation.quantiser
    levels = quantiser.levels
    wanted = quantiser.low + quantiser.step * np.arange(1, levels + 1)
    # Invariant: every accumulator below `low` misses the level, `high` reaches it (or is out of range).
    low = np.repeat(x.low[:, None], levels, axis=1)
    high = np.repeat(x.high[:, None] + 1, levels, axis=1)
    while np.any(low < high):
        middle = (low + high) >> 1
        # levels stand where positions would: (1, C, levels)
        value = quantiser.apply(activation.chain.apply(middle[None].astype(np.float64)))[0]
        reached = value >= wanted
        high = np.where(reached, middle, high)
        low = np.where(reached | (low >= high), low, middle + 1)
        low = np.minimum(low, high)
    return high
