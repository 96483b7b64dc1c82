"""A deadlock is named by its layers, edges and FIFOs, and the depth that is named ends it."""

from fpga_flow.fifos.deadlock import Diagnosis, diagnose, explain, remedies
from fpga_flow.fifos.network import Network
from fpga_flow.layers.schedules import steps
from tests.fifos.small import BLOCK, FORK, JOIN, THROUGH, chain, network, residual


def diagnosis(stuck: Network) -> Diagnosis:
    played = stuck.play(frames=4)
    assert played.stuck
    return diagnose(stuck.edges, played.states)


def names(stuck: Network, numbers: tuple[int, ...]) -> set[str]:
    return {stuck.edges[number].fifo for number in numbers}


def test_shallow_skip_of_a_residual_block_is_named() -> None:
    stuck = residual()
    found = diagnosis(stuck)
    assert set(found.layers) == {"fork", "block", "add"}
    assert names(stuck, found.full) == {"skip"}
    assert names(stuck, found.empty) == {"late", "long"}


def test_depth_that_is_named_is_the_least_that_runs() -> None:
    stuck = residual()
    (cure,) = remedies(stuck, stuck.edges, stuck.depths)
    assert stuck.edges[cure.number].fifo == "skip"
    for depth, ends_well in ((cure.depth, True), (cure.depth - 1, False)):
        depths = [depth if i == cure.number else 2 for i in range(len(stuck.edges))]
        assert stuck.play(depths, frames=8).stuck is not ends_well


def test_explanation_names_edge_fifo_and_depth() -> None:
    stuck = residual()
    played = stuck.play(frames=4)
    found = diagnose(stuck.edges, played.states)
    text = explain(stuck.edges, played.states, found, remedies(stuck, stuck.edges, stuck.depths))
    assert text.startswith("fork, add, block wait for each other")
    assert "FIFO skip in fork -> add is full (2 of 2 words)" in text
    assert "FIFO late in block -> add is empty" in text
    assert "skip (fork -> add) must hold at least 31 words" in text


def test_two_blocks_one_after_the_other_need_two_fifos() -> None:
    streams = {
        "in": ("input", "fork_0"),
        "skip_0": ("fork_0", "add_0"),
        "long_0": ("fork_0", "block_0"),
        "late_0": ("block_0", "add_0"),
        "between": ("add_0", "fork_1"),
        "skip_1": ("fork_1", "pass"),
        "passed": ("pass", "add_1"),
        "long_1": ("fork_1", "block_1"),
        "late_1": ("block_1", "add_1"),
        "out": ("add_1", "output"),
    }
    layers = {"fork_0": FORK, "block_0": BLOCK, "add_0": JOIN, "fork_1": FORK, "pass": THROUGH}
    stuck = network(streams, layers | {"block_1": BLOCK, "add_1": JOIN})
    cures = remedies(stuck, stuck.edges, stuck.depths)
    assert {stuck.edges[cure.number].fifo for cure in cures} == {"skip_0", "passed"}
    depths = stuck.depths
    for cure in cures:
        depths[cure.number] = cure.depth
    assert not stuck.play(depths, frames=8).stuck


def test_layer_that_swallows_words_is_named() -> None:
    stuck = chain(THROUGH, steps((1, 1), (0, 0)), THROUGH)
    found = diagnosis(stuck)
    assert found.layers == ()
    played = stuck.play(frames=4)
    assert "layer_1 has taken words and gives none" in explain(stuck.edges, played.states, found)
