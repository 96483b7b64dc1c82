"""The schedules of the layers, played without data, against the RTL: equal to the cycle."""

from pathlib import Path

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.core import places
from fpga_flow.fifos.network import network_of, with_depths
from fpga_flow.fifos.simulated import SizingSimulator
from fpga_flow.fifos.sizing import size
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware.lower import lower
from fpga_flow.hardware.streams import insert_streams
from tests import networks
from tests.fifos.hardware import PART, design_of, ends, folded, simulate, simulator_of
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


def residual() -> ModelWrapper:
    """A sum of two branches; factors at the end."""
    net = Builder((2, 16, 1)).conv(8, 3).threshold(3, 400)
    short = net.tensor
    net.conv(8, 3).threshold(3).residual(short).conv(4, 3).threshold(3)
    return net.global_pool("ReduceSum").flatten().dense(5, 3).scale([3]).build()


def resampling() -> ModelWrapper:
    """Every third position, then all of them several times along both axes."""
    net = Builder((2, 10, 3)).threshold(3, 60)
    weights = net.weights((4, 2, 1, 1), 3)
    window = {"kernel_shape": [1, 1], "pads": [0, 0, 0, 0], "strides": [3, 1], "dilations": [1, 1]}
    net.add("Conv", (1, 4, 4, 3), "INT32", weights, group=1, **window)
    net.threshold(3)
    scales = net.constant(np.array([1, 1, 2, 3]), "FLOAT32")
    how = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
    net.add("Resize", (1, 4, 8, 9), "UINT3", "", scales, **how)
    return net.flatten().dense(5, 3).build()


NETWORKS = {
    "vgg": (networks.vgg(bits=3), 100),
    "residual": (residual(), 400),
    "concatenating": (concatenating(), 100),
    "splitting": (splitting(), 100),
    "resampling": (resampling(), None),
}
"""And the cycles per frame they are folded for."""


@pytest.mark.parametrize(("name", "built"), [*((name, None) for name in NETWORKS), ("vgg", "lut")])
def test_every_frame_ends_in_the_cycle_that_the_schedules_say(
    name: str, built: str | None, tmp_path: Path
) -> None:
    model = folded(*NETWORKS[name], built=built)
    assert ("MatrixVector_rtl" in {node.op_type for node in model.graph.node}) == (built == "lut")
    network = network_of(model)
    depths = network.depths
    if network.play(frames=FRAMES).stuck:
        depths = list(size(network, [edge.bits for edge in network.edges], joins=network.joins).depths)
        with_depths(model, {e.fifo: d for e, d in zip(network.edges, depths, strict=True)})
    played = network.play(depths, frames=FRAMES)
    design = design_of(model, tmp_path)
    result = simulate(simulator_of(design, tmp_path), design, tmp_path, FRAMES)
    assert played.first == result.first_input_cycle
    assert played.ends[0].tolist() == ends(result, design)


def pooling() -> ModelWrapper:
    """Overlapping windows of a map with two axes, channel by channel, with different strides."""
    net = Builder((4, 7, 6)).threshold(3, 60)
    window = {"kernel_shape": [3, 3], "pads": [0, 0, 0, 0], "strides": [2, 1], "dilations": [1, 1]}
    net.add("MaxPool", (1, 4, 3, 4), "UINT3", **window)
    return net.flatten().dense(5, 3).build()


@pytest.mark.parametrize("settings", [{"SIMD": 1}, {"SIMD": 4, "parallel_window": 1}], ids=str)
def test_windows_of_two_axes_come_in_the_cycles_of_the_schedule(
    settings: dict[str, int], tmp_path: Path
) -> None:
    with finn_session():
        model = lower(pooling(), PART, 1)
        for node in model.graph.node:
            layer = getCustomOp(node)
            if node.op_type == "ConvolutionInputGenerator_rtl":
                for key, value in settings.items():
                    layer.set_nodeattr(key, value)
            if node.op_type == "Pool_rtl":
                layer.set_nodeattr("PE", settings["SIMD"])
        model = insert_streams(model, PART)
    played = network_of(model).play(frames=FRAMES)
    design = design_of(model, tmp_path)
    result = simulate(simulator_of(design, tmp_path), design, tmp_path, FRAMES)
    assert played.ends[0].tolist() == ends(result, design)


def test_every_fifo_holds_what_the_schedules_say_also_in_a_deadlock(tmp_path: Path) -> None:
    model = folded(concatenating(), 1000)
    network = network_of(model)
    played = network.play(frames=FRAMES)
    assert played.stuck
    design = design_of(model, tmp_path)
    fifos = [edge.fifo for edge in network.edges]
    rtl = SizingSimulator(design, tmp_path, fifos, places.cache() / "verilator", tmp_path / "log.txt")
    simulated = rtl.play(network.depths, frames=FRAMES)
    assert simulated.stuck
    assert [state.held for state in simulated.states] == [state.held for state in played.states]
    assert list(simulated.fills) == played.fills
