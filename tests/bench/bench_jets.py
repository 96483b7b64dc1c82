"""The jet tagger as adders, all of it in parallel: ours beside alkaid's own Verilog, by Yosys.

    python -m tests.bench.bench_jets           # trains four networks first, some ten minutes: docs/jets.csv

The networks are those of `jets/fixed_point.toml`: 6 and 4 bits, unpruned and pruned by FMP. Both cores take a
jet and give five logits each cycle, have no FIFO, and are compared with the golden logits of 1,024 jets. Ours is a
matrix unit and an activation after the other, with the streams' handshake; `levels` is what its adders may be
between registers. Alkaid's has none; `cutoff` is its own measure of the same.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from fpga_flow.cli.main import main as flow
from fpga_flow.core.recipe import ROOT
from fpga_flow.layers.constant.adders import Integers, Range
from fpga_flow.layers.constant.solvers import solve
from fpga_flow.layers.constant.unit import MODULES, Unit, Words
from fpga_flow.sim.simulator import Port, Simulator
from fpga_flow.target.families import family_named
from tests.bench.netlist import Figures, synthesised
from tests.bench.tables import write_rows
from tests.words import pack_words, unpack_words

HDL = ROOT / "fpga_flow" / "layers" / "hdl"
RECIPE = Path(__file__).parent / "jets" / "fixed_point.toml"
FILE = ROOT / "docs" / "jets.csv"
INPUT = Range(-128, 127)
SOURCES = [HDL / name for name in ("fifo.sv", "df_register.sv", "df_clip.sv", *MODULES)]
LEVELS = (6, 12)
"""Levels of logic between two registers of ours: two adders, and four."""
CUTOFFS = (2, 4)
"""Adders between two registers of alkaid's."""


@dataclass(frozen=True)
class Clip:
    """An activation: `clip((x - offset) >> shift, 0, 2^bits - 1)`."""

    offsets: Integers
    """(channels,)."""
    shift: int
    bits: int

    @classmethod
    def of(cls, thresholds: NDArray[Any], inside: tuple[Integers, Integers]) -> "Clip":
        """Return what counts `thresholds` (channels, steps) of values of the ranges `inside`.

        Raises `ValueError` where that is none: they must be 2^shift apart, but for those out of range.
        """
        steps = thresholds.astype(np.int64)
        bits = steps.shape[1].bit_length()
        low, high = (end[:, None] for end in inside)
        apart = np.diff(steps, axis=1)
        shift = int(apart.max()).bit_length() - 1
        place = np.arange(1, steps.shape[1] + 1)
        # Of the first threshold that a value in range may or may not reach.
        first = np.argmax(steps > low, axis=1)
        offsets = steps[np.arange(len(steps)), first] - (place[first] << shift)
        wanted = np.clip(offsets[:, None] + (place << shift), low, high + 1)
        if 1 << bits != steps.shape[1] + 1 or np.any(wanted != np.clip(steps, low, high + 1)):
            raise ValueError("thresholds must be those of a shift and a clip")
        return cls(offsets, shift, bits)

    def __call__(self, values: Integers) -> Integers:
        """Return it of `values` (n, channels)."""
        return np.clip((values - self.offsets) >> self.shift, 0, (1 << self.bits) - 1)


@dataclass(frozen=True)
class Network:
    """Matrices (outputs, inputs), and the activation behind each but the last."""

    matrices: tuple[Integers, ...]
    clips: tuple[Clip, ...]

    @classmethod
    def read(cls, file: Path) -> "Network":
        """Return the integer network that the stage `export` left."""
        model = onnx.load(file)
        constants = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
        matrices: list[Integers] = []
        clips: list[Clip] = []
        inputs = constants[model.graph.node[0].input[1]].shape[0]
        low, high = np.full(inputs, INPUT.low), np.full(inputs, INPUT.high)
        for node in model.graph.node:
            given = constants[node.input[1]]
            if node.op_type == "MatMul":
                matrix = given.T.astype(np.int64)
                matrices.append(matrix)
                ends = np.stack([matrix * low, matrix * high])
                low, high = ends.min(axis=0).sum(axis=1), ends.max(axis=0).sum(axis=1)
            elif node.op_type == "MultiThreshold":
                clips.append(Clip.of(given, (low, high)))
                low, high = np.zeros_like(low), np.full_like(low, (1 << clips[-1].bits) - 1)
            else:
                raise ValueError(f"{node.name} must be a matrix or an activation, not {node.op_type}")
        return cls(tuple(matrices), tuple(clips))

    def __call__(self, frames: Integers) -> Integers:
        """Return the logits (n, classes) of `frames` (n, features)."""
        values = frames
        for matrix, clip in zip(self.matrices, (*self.clips, None), strict=True):
            values = values @ matrix.T
            values = values if clip is None else clip(values)
        return values


@dataclass(frozen=True)
class Core:
    """A core of ours as RTL."""

    text: str
    latency: int
    in_bits: int
    out_bits: int
    adders: int

    @classmethod
    def of(cls, network: Network, levels: int) -> "Core":
        """Return the one with so many levels of logic between registers."""
        text, body, latency, adders = "", [], 0, 0
        held, bits, signed = INPUT, INPUT.bits, True
        for k, (matrix, clip) in enumerate(zip(network.matrices, (*network.clips, None), strict=True)):
            graph = solve(matrix, [held] * matrix.shape[1]).graph
            words = Words(matrix.shape[1], len(matrix), bits, signed, False, graph.sums.bits)
            unit = Unit(graph, 32, words, levels)
            text += unit.modules(f"unit_{k}")
            latency, adders = latency + unit.latency, adders + len(graph.adders)
            body.append(
                f"logic [{len(matrix) * words.out_bits - 1}:0] sums_{k}; logic valid_{2 * k + 1}, ready_{2 * k + 1};\n"
                f"unit_{k} matrix_{k} (.clk_i, .rst_ni, .data_i(data_{k}), .valid_i(valid_{2 * k}), "
                f".ready_o(ready_{2 * k}), .data_o(sums_{k}), .valid_o(valid_{2 * k + 1}), .ready_i(ready_{2 * k + 1}));"
            )
            if clip is not None:
                width = words.out_bits + 1
                packed = sum((int(o) % (1 << width)) << (i * width) for i, o in enumerate(clip.offsets))
                body.append(
                    f"logic [{len(matrix) * clip.bits - 1}:0] data_{k + 1}; logic valid_{2 * k + 2}, ready_{2 * k + 2};\n"
                    f"df_clip #(.Lanes({len(matrix)}), .Width({words.out_bits}), .Signed({int(graph.sums.signed)}), "
                    f".Shift({clip.shift}), .OutWidth({clip.bits}), .Offsets({len(matrix) * width}'h{packed:x})) clip_{k} ("
                    f".clk_i, .rst_ni, .data_i(sums_{k}), .valid_i(valid_{2 * k + 1}), .ready_o(ready_{2 * k + 1}), "
                    f".data_o(data_{k + 1}), .valid_o(valid_{2 * k + 2}), .ready_i(ready_{2 * k + 2}));"
                )
                latency += 1
                held, bits, signed = Range(0, (1 << clip.bits) - 1), clip.bits, False
        last = 2 * len(network.matrices) - 1
        taken, given = network.matrices[0].shape[1] * INPUT.bits, len(network.matrices[-1]) * words.out_bits
        inner = "\n".join(body)
        text += f"""module core (
  input logic clk_i, input logic rst_ni,
  input logic [{taken - 1}:0] data_i, input logic valid_i, output logic ready_o,
  output logic [{given - 1}:0] data_o, output logic valid_o, input logic ready_i
);
logic [{taken - 1}:0] data_0; logic valid_0, ready_0;
df_register #(.DataWidth({taken})) first (.clk_i, .rst_ni, .data_i, .valid_i, .ready_o,
  .data_o(data_0), .valid_o(valid_0), .ready_i(ready_0));
{inner}
df_register #(.DataWidth({given})) last (.clk_i, .rst_ni, .data_i(sums_{last // 2}), .valid_i(valid_{last}),
  .ready_o(ready_{last}), .data_o, .valid_o, .ready_i);
endmodule
"""
        return cls(text, latency + 2, INPUT.bits, words.out_bits, adders)


def simulated(core: Core, network: Network, frames: Integers, folder: Path) -> tuple[Integers, int]:
    """Return the logits of `frames` by Verilator, and the cycles from a frame in to its logits out."""
    source = folder / "core.sv"
    source.write_text(core.text, encoding="utf-8")
    lanes_in, lanes_out = network.matrices[0].shape[1], len(network.matrices[-1])
    simulator = Simulator.build(
        "core",
        [*SOURCES, source],
        inputs=[Port("in", lanes_in * core.in_bits, ("data_i", "valid_i", "ready_o"))],
        outputs=[Port("out", lanes_out * core.out_bits, ("data_o", "valid_o", "ready_i"))],
        clock="clk_i",
        reset="rst_ni",
        cache=folder / "simulators",
    )
    words = {"in": pack_words(frames, core.in_bits)}
    stalled = simulator.run(words, {"out": len(frames)}, stall_in=0.3, stall_out=0.3, strict=True)
    plain = simulator.run(words, {"out": len(frames)})
    found = [
        unpack_words(one.outputs["out"], core.out_bits, lanes_out, signed=True) for one in (plain, stalled)
    ]
    if np.any(found[0] != found[1]):
        raise RuntimeError("the core gives other logits under stalls")
    delays = plain.output_cycles["out"].astype(np.int64) - plain.input_cycles["in"].astype(np.int64)
    if np.any(delays != delays[0]) or np.any(np.diff(plain.output_cycles["out"].astype(np.int64)) != 1):
        raise RuntimeError("the core must give logits in every cycle")
    return found[0], int(delays[0])


def traced(network: Network) -> Any:
    """Return alkaid's logic of `network`: its products, biases, and activations that saturate."""
    trace = import_module("alkaid.trace")
    inputs = network.matrices[0].shape[1]
    x = trace.FVArrayInput((inputs,))
    values = x.quantize(*(np.full(inputs, bits) for bits in (1, INPUT.bits - 1, 0)))
    for matrix, clip in zip(network.matrices, (*network.clips, None), strict=True):
        values = values @ matrix.T.astype(np.float32)
        if clip is not None:
            values = values - clip.offsets.astype(np.float64)
            sizes = (0, clip.bits + clip.shift, -clip.shift)
            values = values.quantize(*sizes, overflow_mode="SAT", round_mode="TRN") * 2.0**-clip.shift
    return trace.trace(x, values)


@dataclass(frozen=True)
class Row:
    """A core of a network."""

    bits: int
    pruning: str
    nonzero: int
    accuracy: float
    core: str
    adders: int
    latency: int
    lut: int
    srl: int
    ff: int
    carry4: int
    levels: int
    lut_ratio: float
    """Ours to alkaid's."""
    ff_ratio: float
    latency_ratio: float
