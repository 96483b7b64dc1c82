"""Sizing: the rate of unlimited FIFOs, with no FIFO that could be shallower."""

import itertools
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from fpga_flow.fifos.network import Network
from fpga_flow.fifos.sizing import SHALLOW, size
from fpga_flow.fifos.tokens import UNLIMITED, Play
from fpga_flow.layers.schedules import Schedule, steps
from tests.fifos.small import HELD, THROUGH, WORDS, chain, residual


def sized(network: Network) -> tuple[int, ...]:
    return size(network, [edge.bits for edge in network.edges], joins=network.joins).depths


def bursty(words: int, rest: int) -> Schedule:
    """Takes and gives `words` words without a break, then does nothing for `rest` cycles."""
    moves = np.array([1] * words + [0] * rest)
    return steps(moves, moves)


NETWORKS = {
    "residual": residual(),
    "bursts that do not match": chain(bursty(8, 24), bursty(32, 96), bursty(2, 6)),
    "a slow end": chain(bursty(16, 0), bursty(4, 28)),
    "nothing to wait for": chain(THROUGH, THROUGH),
}


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_sized_network_is_as_fast_as_with_unlimited_fifos(network: Network) -> None:
    unlimited = network.play([UNLIMITED] * len(network.edges), frames=20)
    played = network.play(sized(network), frames=20)
    assert not played.stuck
    assert played.period == unlimited.period


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_no_fifo_could_be_shallower(network: Network) -> None:
    depths = sized(network)
    fastest = network.play([UNLIMITED] * len(network.edges), frames=20).period
    for number, depth in enumerate(depths):
        if depth > SHALLOW:
            less = [*depths[:number], depth - 1, *depths[number + 1 :]]
            played = network.play(less, frames=20)
            assert played.stuck or played.period > fastest


def test_sizing_finds_the_cheapest_depths_of_a_small_network() -> None:
    network = NETWORKS["bursts that do not match"]
    fastest = network.play([UNLIMITED] * 4, frames=20).period
    good = [
        depths
        for depths in itertools.product([2], range(2, 30), range(2, 30), [2])
        if network.play(depths, frames=20).period <= fastest
    ]
    assert sum(sized(network)) == min(sum(depths) for depths in good)


def test_without_depth_a_mismatch_of_bursts_costs_time() -> None:
    network = NETWORKS["bursts that do not match"]
    assert network.play(frames=20).period > network.play(sized(network), frames=20).period


def test_asked_for_the_least_latency_a_fifo_stays_deeper() -> None:
    slow_then_fast = chain(bursty(1, 3), bursty(WORDS, 0), bursty(1, 3))
    bits = [edge.bits for edge in slow_then_fast.edges]
    free = slow_then_fast.play([UNLIMITED] * len(bits), frames=8).latency
    assert size(slow_then_fast, bits, joins=False, latency=0).latency <= free


class Slow:
    """A network that takes its time to run."""

    pace = 2000

    def __init__(self, network: Network, rest: float) -> None:
        self.network, self.rest = network, rest

    def play(self, depths: Sequence[int], **how: Any) -> Play:
        time.sleep(self.rest)
        return self.network.play(depths, **how)


def test_depths_do_not_depend_on_the_speed_of_the_machine() -> None:
    network = NETWORKS["bursts that do not match"]
    bits = [edge.bits for edge in network.edges]
    fast, slow = (size(Slow(network, rest), bits, joins=False, seconds=0.5) for rest in (0, 0.05))
    assert fast == slow
    assert not fast.finished
    assert sum(fast.filled) > sum(fast.depths) > sum(sized(network))


def test_time_that_is_up_leaves_depths_that_are_good() -> None:
    network = residual()
    found = size(network, [8] * len(network.edges), joins=False, seconds=0)
    assert not found.finished
    assert network.play(found.depths, frames=20).period == found.fastest
    assert max(found.depths) >= HELD
