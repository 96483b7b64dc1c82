"""A network of matrices, and of activations that are shifts and clips, and the core that we make of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from fpga_flow.layers.constant.adders import Integers, Range
from fpga_flow.layers.constant.solvers import solve
from fpga_flow.layers.constant.unit import MODULES, Unit, Words

INPUT = Range(-128, 127)
SOURCES = ("fifo.sv", "df_register.sv", "df_clip.sv", *MODULES)
"""In `layers/hdl`, that a core needs."""


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
        shift = int(np.diff(steps, axis=1).max()).bit_length() - 1
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

    @property
    def range(self) -> Range:
        """What it gives."""
        return Range(0, (1 << self.bits) - 1)


@dataclass(frozen=True)
class Network:
    """Matrices (outputs, inputs), and the activation behind each; None behind the last."""

    layers: tuple[tuple[Integers, Clip | None], ...]

    @classmethod
    def read(cls, file: Path) -> "Network":
        """Return the integer network that the stage `export` left."""
        model = onnx.load(file)
        constants = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
        layers: list[tuple[Integers, Clip | None]] = []
        held = INPUT
        for node in model.graph.node:
            given = constants[node.input[1]]
            if node.op_type == "MatMul":
                layers.append((given.T.astype(np.int64), None))
            elif node.op_type == "MultiThreshold":
                matrix = layers[-1][0]
                ends = np.stack([matrix * held.low, matrix * held.high])
                low, high = ends.min(axis=0).sum(axis=1), ends.max(axis=0).sum(axis=1)
                clip = Clip.of(given, (low, high))
                layers[-1], held = (matrix, clip), clip.range
            else:
                raise ValueError(f"{node.name} must be a matrix or an activation, not {node.op_type}")
        return cls(tuple(layers))

    @property
    def inputs(self) -> int:
        """Of a frame."""
        return int(self.layers[0][0].shape[1])

    @property
    def outputs(self) -> int:
        """Logits."""
        return len(self.layers[-1][0])

    @property
    def nonzero(self) -> int:
        """Weights that are not 0."""
        return sum(int(np.count_nonzero(matrix)) for matrix, _ in self.layers)

    def __call__(self, frames: Integers) -> Integers:
        """Return the logits (n, outputs) of `frames` (n, inputs)."""
        values = frames
        for matrix, clip in self.layers:
            values = values @ matrix.T
            values = values if clip is None else clip(values)
        return values


@dataclass(frozen=True)
class Core:
    """A core of ours: a module `core` with a stream in and a stream out."""

    text: str
    latency: int
    """Cycles from a frame in to its logits out."""
    out_bits: int
    """Of a logit."""
    adders: int


def core_of(network: Network, levels: int) -> Core:
    """Return the core with so many levels of logic between registers; registers on both sides."""
    text, latency, adders, held = "", 2, 0, INPUT
    body: list[str] = []

    def instance(module: str, settings: dict[str, object], taken: str, given: str, bits: int) -> None:
        parameters = ", ".join(f".{key}({value})" for key, value in settings.items())
        body.append(f"logic [{bits - 1}:0] data_{given}; logic valid_{given}, ready_{given};")
        body.append(
            f"{module} #({parameters}) to_{given} (.clk_i, .rst_ni,\n"
            f"    .data_i(data_{taken}), .valid_i(valid_{taken}), .ready_o(ready_{taken}),\n"
            f"    .data_o(data_{given}), .valid_o(valid_{given}), .ready_i(ready_{given}));"
        )

    bits = network.inputs * INPUT.bits
    instance("df_register", {"DataWidth": bits}, "in", "0", bits)
    for k, (matrix, clip) in enumerate(network.layers):
        graph = solve(matrix, [held] * matrix.shape[1]).graph
        words = Words(matrix.shape[1], len(matrix), held.bits, held.signed, False, graph.sums.bits)
        unit = Unit(graph, graph.sums.bits + held.bits, words, levels)
        text += unit.modules(f"unit_{k}")
        latency, adders = latency + unit.latency, adders + len(graph.adders)
        instance(f"unit_{k}", {}, f"{k}", f"sums_{k}", len(matrix) * words.out_bits)
        if clip is not None:
            width, lanes = words.out_bits + 1, len(matrix)
            packed = sum((int(o) % (1 << width)) << (i * width) for i, o in enumerate(clip.offsets))
            settings = {
                "Lanes": lanes,
                "Width": words.out_bits,
                "Signed": int(graph.sums.signed),
                "Shift": clip.shift,
                "OutWidth": clip.bits,
                "Offsets": f"{lanes * width}'h{packed:x}",
            }
            instance("df_clip", settings, f"sums_{k}", f"{k + 1}", lanes * clip.bits)
            latency, held = latency + 1, clip.range
    last, given = f"sums_{len(network.layers) - 1}", network.outputs * words.out_bits
    instance("df_register", {"DataWidth": given}, last, "out", given)
    inner = "\n  ".join(body)
    text += f"""module core (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic [{bits - 1}:0] data_i,
  input  logic valid_i,
  output logic ready_o,
  output logic [{given - 1}:0] data_o,
  output logic valid_o,
  input  logic ready_i
);
  logic [{bits - 1}:0] data_in;
  logic valid_in, ready_in;
  assign data_in = data_i;
  assign valid_in = valid_i;
  assign ready_o = ready_in;
  {inner}
  assign data_o = data_out;
  assign valid_o = valid_out;
  assign ready_out = ready_i;
endmodule
"""
    return Core(text, latency, words.out_bits, adders)
