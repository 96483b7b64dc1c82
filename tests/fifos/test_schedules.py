"""The schedules of the layers, played without data, against the RTL: equal to the cycle."""

from pathlib import Path

import pytest
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.fifos.network import network_of, with_depths
from fpga_flow.fifos.schedules import SCHEDULES
from fpga_flow.fifos.simulated import SizingSimulator
from fpga_flow.fifos.sizing import size
from fpga_flow.finn_adapter.backend import REPLACES
from fpga_flow.flow import RUNS
from tests import networks
from tests.fifos.hardware import design_of, ends, folded, simulate, simulator_of
from tests.networks import Builder

FRAMES = 8


def concatenating() -> ModelWrapper:
    """Two branches, one a convolution longer; a sum of all positions."""
    net = Builder((2, 16, 1)).conv(8, 3).threshold(3, 400)
    short = net.tensor
    net.conv(8, 3).threshold(3).concat(short).conv(4, 3).threshold(3)
    return net.global_pool("ReduceSum").flatten().dense(5, 3).build()


def splitting() -> ModelWrapper:
    """Half of the channels goes round a convolution; a maximum of all positions."""
    net = Builder((2, 16, 1)).conv(8, 3).threshold(3, 400)
    first, second = net.split(4, 4)
    net.at(first).conv(4, 3).threshold(3)
    through = net.tensor
    return net.at(second).concat(through).global_pool("GlobalMaxPool").flatten().dense(5, 3).build()


NETWORKS = {"vgg": networks.vgg(bits=3), "concatenating": concatenating(), "splitting": splitting()}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_frame_ends_in_the_cycle_that_the_schedules_say(name: str, tmp_path: Path) -> None:
    model = folded(NETWORKS[name], 100)
    network = network_of(model)
    assert not network.guessed
    shallow = network.play(frames=FRAMES)
    design = design_of(model, tmp_path)
    result = simulate(simulator_of(design, tmp_path), design, tmp_path, FRAMES)
    assert shallow.first == result.first_input_cycle
    assert shallow.ends[0].tolist() == ends(result, design)

    depths = size(network, [edge.bits for edge in network.edges]).depths
    sized = network.play(depths, frames=FRAMES)
    assert sized.period < shallow.period
    deeper = with_depths(model, {e.fifo: d for e, d in zip(network.edges, depths, strict=True)})
    design = design_of(deeper, tmp_path / "deeper")
    result = simulate(simulator_of(design, tmp_path / "deeper"), design, tmp_path / "deeper", FRAMES)
    assert sized.ends[0].tolist() == ends(result, design)


def test_every_fifo_holds_what_the_schedules_say_also_in_a_deadlock(tmp_path: Path) -> None:
    model = folded(concatenating(), 1000)
    network = network_of(model)
    played = network.play(frames=FRAMES)
    assert played.stuck
    design = design_of(model, tmp_path)
    fifos = [edge.fifo for edge in network.edges]
    rtl = SizingSimulator(design, tmp_path, fifos, RUNS / ".cache" / "verilator", tmp_path / "log.txt")
    simulated = rtl.play(network.depths, frames=FRAMES)
    assert simulated.stuck
    assert [state.held for state in simulated.states] == [state.held for state in played.states]
    assert list(simulated.fills) == played.fills


@pytest.mark.parametrize("backend", REPLACES.values(), ids=lambda backend: backend.__name__)
def test_every_layer_of_ours_has_a_schedule(backend: type) -> None:
    assert backend.__name__ in SCHEDULES
