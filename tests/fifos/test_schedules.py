"""The schedules of the layers, played without data, against the RTL: equal to the cycle."""

from pathlib import Path

import pytest
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.fifos.network import network_of
from tests import networks
from tests.fifos.hardware import design_of, ends, folded, simulate, simulator_of

FRAMES = 8


@pytest.mark.parametrize(("network", "cycles"), [(networks.vgg(bits=3), 200), (networks.vgg(bits=3), 40)])
def test_every_frame_ends_in_the_cycle_that_the_schedules_say(
    network: ModelWrapper, cycles: int, tmp_path: Path
) -> None:
    model = folded(network, cycles)
    played = network_of(model).play(frames=FRAMES)
    design = design_of(model, tmp_path)
    result = simulate(simulator_of(design, tmp_path), design, tmp_path, FRAMES)
    assert played.first == result.first_input_cycle
    assert played.ends[0].tolist() == ends(result, design)
