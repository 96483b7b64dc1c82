"""An activation: how many thresholds a value reaches. FINN's layer; `hdl/thresholding.sv` searches."""

import math
from typing import Any

import numpy as np
from onnx import NodeProto

from fpga_flow.layers import constant_thresholds
from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Timing, Weights, lanes, register
from fpga_flow.layers.graph import LayerGraph, attributes_of
from fpga_flow.layers.joins import decoded
from fpga_flow.layers.schedules import Schedule, steps
from fpga_flow.target.family import Family
from fpga_flow.target.memory import bits_of, in_block_ram, memory
from fpga_flow.target.resources import Resources


def lower(graph: LayerGraph, node: NodeProto) -> None:
    """An activation."""
    x, (steps, datatype) = decoded(graph, node, graph.read(node.input[0])), graph.constant_of(node)
    y = graph.output(node, order=x.order)
    steps = np.broadcast_to(steps, (x.channels, steps.shape[1]))
    bipolar = y.datatype == "BIPOLAR"
    graph.layer(
        "Thresholding",
        node.name,
        [x.tensor, graph.constant(f"{node.name}_thresholds", x.reordered(steps), datatype)],
        [y.tensor],
        NumChannels=x.channels,
        PE=1,
        numSteps=steps.shape[1],
        inputDataType=x.datatype,
        weightDataType=datatype,
        outputDataType=y.datatype,
        # FINN codes -1 and 1 as 0 and 1
        ActVal=0 if bipolar else int(attributes_of(node)["out_bias"]),
        numInputVectors=x.vectors,
        # One register a step of the search, not two: at these clocks a third less flip-flops for nothing.
        deep_pipeline=0,
    )
    graph.done(node.output[0], y)


def timing(a: Attributes, cycles: int) -> Timing:
    """Return when an activation gives its words."""
    stages = (1 + a["deep_pipeline"]) * math.ceil(math.log2(a["numSteps"] + 1)) + 1
    return Timing(cycles, 0.0, 0, stages, stages)


def schedule(layer: Any) -> Schedule:
    """`thresholding.sv`: a stage per bit, all of them moving together."""
    stages = math.ceil(math.log2(layer.get_nodeattr("numSteps") + 1))
    stages *= 2 if layer.get_nodeattr("deep_pipeline") else 1
    return steps((1,), (1,), latency=stages + 1, places=stages + 1, rigid=True)


def resources(a: Attributes, weights: Weights, family: Family) -> Resources:
    """Return what it takes; see `Implementation.resources`."""
    pe, steps = a["PE"], a["numSteps"]
    bits, width = math.ceil(math.log2(steps + 1)), bits_of(a["weightDataType"])
    fold = a["NumChannels"] // pe
    # A stage a bit: stage i has 2**i thresholds a channel, and one comparison.
    depths = [fold * 2**i for i in range(bits)]
    stages = [
        memory(family, width, depth)
        if in_block_ram(family, width, depth)
        else Resources(lut=width * _rom_luts(depth, family))
        for depth in depths
    ]
    lane = sum(stages, Resources(lut=bits * width * 0.5, ff=2 * bits * width))
    return lane.times(pe) + Resources(lut=30, ff=40)


def _rom_luts(depth: int, family: Family) -> float:
    """Return the LUTs a bit of a stage's thresholds: a small table is partly within the comparison's LUTs."""
    if depth == 1:
        return 0.0
    return max(0.5 + 0.1 * math.log2(depth), depth / family.lut_memory.rom_bits)


THRESHOLD = register(
    LayerKind(
        word="threshold",
        finn="Thresholding",
        implementations=(
            Implementation("memory", "Thresholding_rtl", schedule, resources, timing, proof="thresholds"),
            constant_thresholds.CONSTANT,
        ),
        lowers={"MultiThreshold": lower},
        foldings=lanes("PE"),
    )
)
