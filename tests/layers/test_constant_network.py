"""Networks of shared adders, from integers to RTL: values as the integers', cycles as the schedules say."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.fifos.network import network_of, with_depths
from fpga_flow.fifos.sizing import size
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware.fold.options import pipeline
from fpga_flow.hardware.lower import lower
from fpga_flow.hardware.streams import insert_streams
from fpga_flow.layers.base import implementation_of, kind_of
from fpga_flow.target.family import MOST_LEVELS
from fpga_flow.verify.accelerator import Accelerator
from tests import networks
from tests.fifos.hardware import PART, design_of, ends
from tests.layers.one_layer import draw
from tests.networks import Builder
from tests.search.folding import fold_at_random

FRAMES = 8
Integers = NDArray[np.int64]


def kernel(net: Builder, datatype: str, shape: tuple[int, ...], zeros: float = 0.3) -> Integers:
    """Return random weights, so much of them 0 where the type has it."""
    values = draw(net.rng, datatype, shape)
    return values if datatype == "BIPOLAR" else values * (net.rng.random(shape) >= zeros)


def frames(model: ModelWrapper) -> Integers:
    """Return random frames of the input's type."""
    _, *shape = model.get_tensor_shape("x")
    return draw(np.random.default_rng(1), model.get_tensor_datatype("x").name, (FRAMES, *shape))


def calibrated(model: ModelWrapper) -> ModelWrapper:
    """Return `model` with thresholds that make all values of an activation as frequent."""
    model.model.opset_import[0].version = 13  # of Split and ReduceSum, for the reference
    for node in model.graph.node:
        if node.op_type in ("Split", "ReduceSum"):
            model.set_initializer(node.input[1], model.get_initializer(node.input[1]).astype(np.int64))
    for node in model.get_nodes_by_op_type("MultiThreshold"):
        x = frames(model)
        sums = ({"x": x} | networks.layers(model, x))[node.input[0]]
        steps = model.get_initializer(node.input[1]).shape[1]
        shares = np.arange(1, steps + 1) / (steps + 1)
        values = np.quantile(sums.swapaxes(0, 1).reshape(sums.shape[1], -1), shares, axis=1)
        model.set_initializer(node.input[1], values.T.round().astype(np.float32))
        model.set_tensor_datatype(node.input[1], DataType["INT32"])
    return model


def by_channel(datatypes: str) -> ModelWrapper:
    """Return a chain of depthwise convolutions, with such activations and weights."""
    net = Builder((4, 12, 10), "INT8", seed=5)
    sizes = {
        "first": ((3, 3), 1, 1),
        "second": ((2, 3), 1, 0),
        "third": ((3, 1), 2, 0),
        "last": ((1, 3), 1, 0),
    }
    for step, (window, stride, pad) in zip(datatypes.split(), sizes.values(), strict=True):
        weight, act = step.split(":")
        net.convolve(kernel(net, weight, (4, 1, *window)), weight, group=4, stride=stride, pad=pad)
        net.quantise(act, 1.0)
    return net.flatten().dense(5).build()


def pruned() -> ModelWrapper:
    """Return branches with kernels that are all zero, or some channels' or positions of them."""
    net = Builder((6, 9, 1), "INT4", seed=2).quantise("UINT4", 1.0)
    parts = net.split(2, 2, 2)
    ends = []
    for part, zeros in zip(parts, (np.s_[:], np.s_[1], np.s_[..., 2, :]), strict=True):
        values = kernel(net, "INT3", (2, 1, 3, 1))
        values[zeros] = 0
        net.at(part).convolve(values, "INT3", group=2).quantise("UINT2", 1.0)
        ends.append(net.tensor)
    net.at(ends[0]).concat(*ends[1:])
    return net.flatten().dense(5).build()


def grouped() -> ModelWrapper:
    """Return convolutions of groups as export leaves them: one group, zeros between the others."""
    net = Builder((4, 8, 7), "INT6", seed=3)
    for weight, act, filters, groups in (
        ("INT4", "INT3", 8, 4),
        ("BIPOLAR", "UINT4", 6, 2),
        ("UINT3", "UINT2", 6, 3),
    ):
        own = net.last[1][1] // groups
        blocks = np.zeros((groups, filters // groups, groups, own, 3, 3), np.int64)
        for group in range(groups):
            blocks[group, :, group] = kernel(net, weight, (filters // groups, own, 3, 3))
        datatype = "INT2" if weight == "BIPOLAR" else weight  # there are zeros now
        net.convolve(blocks.reshape(filters, groups * own, 3, 3), datatype, pad=1).quantise(act, 1.0)
    return net.global_pool("ReduceSum").flatten().dense(5).build()


CASES: dict[str, tuple[Callable[[], ModelWrapper], int]] = {
    "depthwise, few bits": (lambda: by_channel("INT2:BIPOLAR BIPOLAR:INT2 UINT1:UINT1 INT3:UINT3"), 4),
    "depthwise, many bits": (lambda: by_channel("UINT8:INT6 INT8:UINT5 INT5:INT8 UINT7:INT4"), 4),
    "depthwise, other bits": (lambda: by_channel("INT4:UINT8 INT6:UINT2 UINT4:INT3 INT7:UINT4"), 4),
    "depthwise, pruned": (pruned, 3),
    "grouped": (grouped, 3),
}
"""A network, and how many convolutions it has."""


@pytest.mark.parametrize(("name", "seed"), [(name, number % 2) for number, name in enumerate(CASES)])
def test_a_network_of_adders_is_equal_in_rtl(name: str, seed: int, simulators: Path, tmp_path: Path) -> None:
    make, convolutions = CASES[name]
    integer = calibrated(make())
    with finn_session():
        model = lower(integer, PART, 0)
        pipeline(model, (MOST_LEVELS, 3)[seed])
        fold_at_random(model, seed, "constant")
        layers: list[Any] = [getCustomOp(node) for node in model.graph.node]
        built = [implementation_of(layer).weights for layer in layers if kind_of(layer).has_weights]
        assert built == ["constant"] * (convolutions + 1)
        model = insert_streams(model, PART)
    network = network_of(model)
    depths = network.depths
    if network.play(frames=FRAMES).stuck:
        depths = list(size(network, [edge.bits for edge in network.edges], joins=network.joins).depths)
        with_depths(model, {e.fifo: d for e, d in zip(network.edges, depths, strict=True)})
    played = network.play(depths, frames=FRAMES)
    design = design_of(model, tmp_path)

    accelerator = Accelerator(tmp_path, simulators, tmp_path / "verilator.log")
    x = frames(integer)
    expected = networks.layers(integer, x)[integer.graph.output[0].name].reshape(FRAMES, -1)
    assert len(np.unique(expected, axis=0)) == FRAMES
    for stall in (0.0, 0.5):
        found, result = accelerator.run(x, stall=stall, seed=7)
        np.testing.assert_array_equal(found, expected)
        if not stall:
            assert played.ends[0].tolist() == ends(result, design)
