"""The proof that a layer's RTL counts right: every value that its input can have, in every channel.

A layer of thresholds keeps nothing from one value to the next, and its control does not see them. All values
go through the simulated RTL, in ascending order, all channels at each.
"""

import numpy as np
from qonnx.core.datatype import DataType

from fpga_flow.design.claims import Integers, Steps
from fpga_flow.design.design import Stream
from fpga_flow.finn.datatypes import is_bipolar, range_of
from fpga_flow.prove.simulated import Simulated
from fpga_flow.results.verify import Counterexample

MOST = 1 << 20
"""Values of all channels together that are tried: a second of simulation."""


def values_of(steps: Steps, taken: Stream) -> int:
    """Return how many values there are, of all channels together."""
    return len(_range(taken)) * len(steps.thresholds)


def enumerate_all(simulated: Simulated, steps: Steps) -> Counterexample | None:
    """Return the first value for which the RTL does not give what `steps` says, None where there is none."""
    values = _range(simulated.taken)
    channels = len(steps.thresholds)
    expected = np.stack([expect(values, row) for row in steps.thresholds], axis=1)
    expected = 2 * expected - 1 if is_bipolar(DataType[simulated.given.datatype]) else expected + steps.lowest
    found = simulated.run(np.repeat(values[:, None], channels, axis=1), channels)
    wrong = np.argwhere(found != expected)
    if not len(wrong):
        return None
    place, channel = (int(at) for at in wrong[0])
    return Counterexample(
        inputs={channel: int(values[place])},
        output=channel,
        expected=int(expected[place, channel]),
        found=int(found[place, channel]),
    )


def _range(taken: Stream) -> Integers:
    low, high = range_of(DataType[taken.datatype])
    step = 2 if is_bipolar(DataType[taken.datatype]) else 1
    return np.arange(low, high + 1, step, dtype=np.int64)


def expect(values: Integers, thresholds: Integers) -> Integers:
    """Return how many of `thresholds` each of `values` reaches."""
    counted: Integers = (values[:, None] >= thresholds[None]).sum(axis=1)
    return counted
