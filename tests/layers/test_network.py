"""A network of every layer of ours that branches, joins or pools, from integers to simulated RTL."""

from pathlib import Path

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.design.build import build_design
from fpga_flow.finn.session import finn_session
from fpga_flow.hardware.lower import lower
from fpga_flow.hardware.streams import insert_streams
from fpga_flow.results.hardware import Predicted
from fpga_flow.verify.accelerator import Accelerator
from tests import networks
from tests.layers.one_layer import PART

FRAMES = 12
OURS = {
    "DuplicateStreams_rtl",
    "GlobalAccPool_rtl",
    "GlobalMaxPool_rtl",
    "IntegerAdd_rtl",
    "IntegerMul_rtl",
    "Pool_rtl",
    "StreamingConcat_rtl",
    "StreamingSplit_rtl",
    "UpsampleNearestNeighbour_rtl",
}


def network() -> ModelWrapper:
    """Return a network that computes with BIPOLAR, unsigned and signed tensors."""
    net = networks.Builder((2, 8, 1), "INT8", seed=4)
    unsigned = net.conv(4).threshold(3, 400).tensor
    steps = net.conv(4).constant(np.array([[0], [5], [-3], [9]]), "INT16")
    domain = "qonnx.custom_op.general"
    settings = {"out_dtype": "BIPOLAR", "out_scale": 2.0, "out_bias": -1.0}
    net.add("MultiThreshold", (1, 4, 8, 1), "BIPOLAR", steps, domain=domain, **settings)
    bipolar = net.tensor
    net.add("Add", (1, 4, 8, 1), "INT5", unsigned)
    scaled = net.scale([1, -2, 3, 5]).threshold(3, 6).tensor
    repeated = net.at(bipolar).sum_pool(2).upsample(2).tensor
    net.at(scaled).add("Concat", (1, 8, 8, 1), "INT32", repeated, axis=1)
    few, many = net.split(2, 6)
    least = net.at(few).global_pool("GlobalMaxPool").tensor
    net.at(many).global_pool("ReduceSum").add("Concat", (1, 8, 1, 1), "INT32", least, axis=1)
    model = net.threshold(4, 9).flatten().dense(5).build()
    model.model.opset_import[0].version = 13  # of Resize and Split, for the reference
    for node in model.graph.node:
        if node.op_type in ("Split", "ReduceSum"):
            model.set_initializer(node.input[1], model.get_initializer(node.input[1]).astype(np.int64))
    return model


@pytest.mark.parametrize("lanes", [1, 2])
def test_network_of_all_stream_layers_is_equal_in_rtl(lanes: int, simulators: Path, tmp_path: Path) -> None:
    integer = network()
    with finn_session():
        model = lower(integer, PART, 0)
        for node in model.graph.node:
            layer = getCustomOp(node)
            types = layer.get_nodeattr_types()
            for name in {"PE", "SIMD"} & types.keys():
                # depthwise windows come in groups of SIMD channels, which must be the pool's PE
                if node.op_type in OURS or ("depthwise" in types and layer.get_nodeattr("depthwise")):
                    layer.set_nodeattr(name, lanes)
            layer.set_nodeattr("inFIFODepths", [64] * len(node.input))
        assert {node.op_type for node in model.graph.node} >= OURS
        model = insert_streams(model, PART)
    settings = Predicted(
        part=PART, clock_mhz=100.0, top_k=0, cycles_per_frame=200, latency_cycles=0, bottleneck=""
    )
    build_design(model, settings, tmp_path)
    accelerator = Accelerator(tmp_path, simulators, tmp_path / "verilator.log")
    x = np.random.default_rng(1).integers(-128, 128, (FRAMES, 2, 8, 1))
    expected = networks.layers(integer, x)[integer.graph.output[0].name]
    assert len(np.unique(expected, axis=0)) > FRAMES // 2
    for stall in (0.0, 0.5):
        found, _ = accelerator.run(x, stall=stall, seed=7)
        np.testing.assert_array_equal(found, expected.reshape(FRAMES, -1))
