"""An activation: how many thresholds a value reaches. FINN's layer; `hdl/thresholding.sv` searches."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from fpga_flow.layers import constant_thresholds
from fpga_flow.layers.base import Attributes, Implementation, LayerKind, Timing, Weights, lanes, register
from fpga_flow.layers.graph import LayerGraph, attributes_of
from fpga_flow.layers.joins import decoded
from fpga_flow.layers.schedules import Schedule, steps
from fpga_flow.target.family import Family
from fpga_flow.target.memory import (
    LOGIC_WORDS,
    bits_of,
    block_ram,
    different_bits,
    in_block_ram,
    rom_luts,
)
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
        deep_pipeline=0,
    )
    graph.done(node.output[0], y)


def pipelined(levels: int) -> dict[str, int]:
    """Return one register a step of the search, or two where a comparison and a read are too much at once."""
    return {"deep_pipeline": int(levels < SHALLOW)}


SHALLOW = 5
"""Levels of logic of a step: a comparison with its carry chain, and what it finds, read in a memory."""


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
    """Return what it takes; see `Implementation.resources`.

    A stage for each bit of the count: a memory, the value beside what it gives, a comparison.
    """
    pe, value = a["PE"], bits_of(a["inputDataType"])
    fold, bits = a["NumChannels"] // pe, math.ceil(math.log2(a["numSteps"] + 1))
    address = (fold - 1).bit_length()
    deep = a["deep_pipeline"]
    # Of a second register a step the value and the address count; what is found so far, and whether it is
    # valid, moves in shift registers then.
    values = value * (bits + deep * (bits - 1))  # nobody reads the last one
    taken = Resources(
        lut=3 + address + deep * pe * bits,
        ff=bits * (address * (1 + deep) + 1) + 1 + pe * (values + bits * (bits - 1) // 2),
    )
    for stage, columns in enumerate(_columns(a, weights, bits, family)):
        depth = fold << stage
        for width, alike in zip(*np.unique(columns, return_counts=True), strict=True):
            block = in_block_ram(family, width, depth)
            held = block_ram(family, width, depth, alone=True) if block else Resources(ff=width)
            luts = 0 if block or depth < 4 else width * rom_luts(family, depth)
            # All of it is a function of the value, of the steps before, and of the channel.
            function = 2.0 ** max(0, value + stage + address - LUT_INPUTS)
            compared = luts + value / 2 + 2.5
            lane = Resources(lut=compared if block else min(compared, function)) + held
            taken += lane.times(alike)
    return taken + Resources(lut=pe, ff=pe * bits_of(a["outputDataType"]))


LUT_INPUTS = 6


def _columns(a: Attributes, thresholds: Weights, bits: int, family: Family) -> NDArray[np.float64]:
    """Return (bits, PE) how many different bits the thresholds of each stage and lane have."""
    pe, width = a["PE"], bits_of(a["weightDataType"])
    fold = a["NumChannels"] // pe
    if thresholds is None:
        return np.full((bits, pe), width)
    whole = np.zeros((len(thresholds), 1 << bits), np.int64)
    whole[:, : thresholds.shape[1]] = np.rint(thresholds).astype(np.int64)
    digits = (whole[..., None] >> np.arange(width) & 1).astype(bool)  # (channels, steps, width)
    found = []
    for stage in range(bits):
        half = 1 << (bits - 1 - stage)
        memory = digits[:, half - 1 :: 2 * half].reshape(fold, pe, -1, width)  # channels take turns
        found.append(different_bits(family, memory.swapaxes(0, 1).reshape(pe, -1, width)))
        if not stage and fold <= LOGIC_WORDS:  # all lanes read one address
            shared = different_bits(family, memory.reshape(fold, -1))
            found[0] = found[0] * (shared / max(1, found[0].sum()))
    return np.array(found)


THRESHOLD = register(
    LayerKind(
        word="threshold",
        finn="Thresholding",
        implementations=(
            Implementation(
                "memory",
                "Thresholding_rtl",
                schedule,
                resources,
                timing,
                proof="thresholds",
                pipelined=pipelined,
            ),
            constant_thresholds.CONSTANT,
        ),
        lowers={"MultiThreshold": lower},
        foldings=lanes("PE"),
    )
)
