"""A pruned network over lists, from integers to RTL: values as the integers', cycles as the schedules say."""

from pathlib import Path

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.fifos.network import network_of
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware.fold.options import build_as, choice_of, choices
from fpga_flow.hardware.lower import lower
from fpga_flow.hardware.streams import insert_streams
from fpga_flow.layers.sparse import SPARSE
from fpga_flow.verify.accelerator import Accelerator
from tests import networks
from tests.fifos.hardware import PART, design_of, ends, simulate, simulator_of

FRAMES = 8
LANES = 6


def pruned() -> ModelWrapper:
    """Return a network of convolutions and a dense layer, most of whose weights are zero; one has none."""
    net = networks.Builder((2, 16, 1), "INT8", seed=3)
    net.conv(6, 4).threshold(4, 300).conv(6, 4).threshold(4).conv(4, 4).threshold(3).flatten().dense(5, 4)
    model = net.build()
    generator = np.random.default_rng(1)
    weighted = [node for node in model.graph.node if node.op_type in ("Conv", "MatMul")]
    for node in weighted:
        values = model.get_initializer(node.input[1])
        kept = generator.random(values.shape) < 0.3
        kept[..., :1] |= node is weighted[-1]
        model.set_initializer(node.input[1], values * kept)
    return model


def test_a_pruned_network_over_lists_is_equal_in_rtl(simulators: Path, tmp_path: Path) -> None:
    integer = pruned()
    with finn_session():
        model = lower(integer, PART, 0)
        for node in model.graph.node:
            possible = [
                choice
                for choice in choices(model, node, weights="sparse")
                if choice.implementation == "sparse" and dict(choice.folding)["Lanes"] <= LANES
            ]
            if possible:
                chosen = max(possible, key=lambda choice: dict(choice.folding)["Lanes"])
                build_as(model, node, chosen)
                assert choice_of(getCustomOp(node)) == chosen
        assert sum(node.op_type == SPARSE for node in model.graph.node) == 4
        model = insert_streams(model, PART)
    played = network_of(model).play(frames=FRAMES)
    design = design_of(model, tmp_path)
    result = simulate(simulator_of(design, tmp_path), design, tmp_path, FRAMES)
    assert played.ends[0].tolist() == ends(result, design)

    accelerator = Accelerator(tmp_path, simulators, tmp_path / "verilator.log")
    x = np.random.default_rng(1).integers(-128, 128, (FRAMES, 2, 16, 1))
    expected = networks.layers(integer, x)[integer.graph.output[0].name]
    assert len(np.unique(expected, axis=0)) > FRAMES // 4
    for stall in (0.0, 0.5):
        found, _ = accelerator.run(x, stall=stall, seed=7)
        np.testing.assert_array_equal(found, expected.reshape(FRAMES, -1))
