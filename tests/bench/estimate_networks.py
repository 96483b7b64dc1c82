"""Networks whose layers the estimate is fitted to and judged by: drawn from a seed, each folded at random.

Sizes, bits, zeros, implementations and foldings are drawn, so that all kinds of layers come in all of their
ways, but for what would take Yosys minutes.
"""

import math
import random

import numpy as np
from numpy.typing import NDArray
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.hardware.fold.options import Choice, weights_of
from fpga_flow.hardware.fold.problem import Edge, Problem, apply, go_together
from fpga_flow.hardware.lower import lower
from fpga_flow.hardware.streams import insert_streams
from fpga_flow.layers.fifo import is_fifo, set_depth
from fpga_flow.layers.graph import attributes_of
from fpga_flow.target.board import Board
from tests.networks import Builder

MOST_ADDED, MOST_LANES, WIDEST = 2_000, 96, 640
"""Weights that are adders, lanes that multiply, bits of a width converter's buffer."""
LEAST_LISTED = 4
"""Weights of a lane that walks a list, but for a single lane."""
TRIES = 200
"""To find what goes together with the layers before."""
DEPTHS = (1, 2, 3, 5, 8, 16, 17, 32, 33, 48, 64, 65, 128, 200, 256, 257, 400, 512, 513, 1024, 2048)
"""Of FIFOs."""


class Drawn:
    """A network drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.values = np.random.default_rng(seed)
        self.pictures = self.random.random() < 0.35
        channels = self.random.choice((1, 2, 3, 4, 8))
        size = self.random.choice((8, 12, 16) if self.pictures else (32, 48, 64, 128, 256, 1024))
        self.bits = self.random.choice((1, 2, 2, 3, 4, 4, 4, 4, 6, 8))
        self.zeros = self.random.choice((0.0, 0.0, 0.3, 0.5, 0.75, 0.9, 0.95))
        shape = (channels, size, size if self.pictures else 1)
        self.net = Builder(shape, self.random.choice(("INT8", "UINT8", "INT4", f"UINT{max(self.bits, 2)}")))
        self.spread = 1.0
        """About the standard deviation of the last sums."""

    def build(self) -> ModelWrapper:
        """Return the network: blocks of convolutions, pools and branches, then dense layers."""
        if self.random.random() < 0.75:
            for _ in range(self.random.choice((1, 2, 2, 3))):
                self._block()
            if self.random.random() < 0.3 and not self._is_bipolar():
                kinds = (
                    ("ReduceSum", "GlobalMaxPool") if self.net.last[2].startswith("U") else ("GlobalMaxPool",)
                )
                self.net.global_pool(self.random.choice(kinds))
            self.net.flatten()
        else:
            features = self.random.choice((16, 24, 40, 64, 100))
            self.net = Builder((features,), self.net.last[2])
        for _ in range(self.random.choice((0, 1, 2))):
            self._dense(self.random.choice((8, 16, 24, 32, 64)))
            self._activation()
        self._dense(self.random.choice((5, 10, 20, 24)))
        if self.random.random() < 0.5:
            self.net.bias()
        return self.net.build()

    def _weights(self, shape: tuple[int, ...]) -> tuple[NDArray[np.int64], str]:
        if self.bits == 1:
            return self.values.choice([-1, 1], shape), "BIPOLAR"
        top = 2 ** (self.bits - 1) - 1
        found = np.round(self.values.normal(0, top / 2.5, shape)).clip(-top, top).astype(np.int64)
        found[self.values.random(shape) < self.zeros] = 0
        return found, f"INT{self.bits}"

    def _is_bipolar(self) -> bool:
        return self.net.last[2] == "BIPOLAR"

    def _block(self) -> None:
        before = self.net.last
        channels = before[1][1]
        if self.random.random() < 0.25:
            self._conv(self._kernel(), channels, group=channels)
        else:
            filters = self.random.choice((4, 8, 12, 16, 24, 32))
            self._conv(self.random.choice((self._kernel(), self._kernel(), (1, 1))), filters)
        self._activation()
        extra = self.random.random()
        if extra < 0.35 and min(self.net.last[1][2], 8) % 2 == 0 and self.net.last[1][2] > 4:
            self._pool()
        elif extra < 0.5 and not self._is_bipolar():
            self._branch()
        elif extra < 0.57 and not self.pictures:
            self.net.upsample(2)
        elif extra < 0.64 and not self.pictures and not self._is_bipolar():
            self._sums()
        elif extra < 0.7 and not self._is_bipolar():
            self._parts()

    def _kernel(self) -> tuple[int, int]:
        return (3, 3) if self.pictures else (self.random.choice((3, 3, 5, 7)), 1)

    def _conv(self, kernel: tuple[int, int], filters: int, group: int = 1) -> None:
        _, channels, *size = self.net.last[1]
        values, datatype = self._weights((filters, channels // group, *kernel))
        if np.all(values == 1):  # that would be a pool
            values.flat[0] = -1
        stride = self.random.choice((1, 1, 1, 2))
        strides = [stride, stride if kernel[1] > 1 else 1]
        self._spread_of(values.reshape(filters, -1))
        pads = [] if datatype == "BIPOLAR" or self._is_bipolar() else [n // 2 for n in kernel]
        pads = pads or [0, 0]
        shape = [(n + 2 * p - k) // s + 1 for n, p, k, s in zip(size, pads, kernel, strides, strict=True)]
        weights = self.net.constant(values, datatype)
        window = {"kernel_shape": list(kernel), "pads": pads * 2, "strides": strides, "dilations": [1, 1]}
        self.net.add("Conv", (1, filters, *shape), "INT32", weights, group=group, **window)

    def _activation(self) -> None:
        bits = 1 if self.bits == 1 else self.random.choice((self.bits, self.bits, 2, 3))
        kinds = ("BIPOLAR",) if bits == 1 else (f"UINT{bits}", f"UINT{bits}", f"INT{bits}")
        self.net.quantise(self.random.choice(kinds), self.spread)

    def _spread_of(self, weights: NDArray[np.int64]) -> None:
        """Note the spread of sums of `weights` (sums, terms) with values evenly out of the last type."""
        values = DataType[self.net.last[2]].get_num_possible_values()
        each = 1.0 if values == 2 else math.sqrt((values**2 - 1) / 12)
        self.spread = max(1.0, each * math.sqrt((weights.astype(float) ** 2).sum(axis=1).mean()))

    def _pool(self) -> None:
        _, (_, channels, height, width), datatype = self.net.last
        both = self.pictures
        kernel, stride = self.random.choice(((2, 2), (2, 2), (3, 2)))
        sizes = [(n - kernel) // stride + 1 for n in ((height, width) if both else (height,))]
        shape = (1, channels, *sizes, *(() if both else (1,)))
        window = {"kernel_shape": [kernel, kernel if both else 1], "pads": [0] * 4}
        self.net.add("MaxPool", shape, datatype, strides=[stride, stride if both else 1], **window)

    def _sums(self) -> None:
        channels = self.net.last[1][1]
        if self.random.random() < 0.5:
            kernel = self.random.choice((2, 3))
            self._spread_of(np.ones((1, kernel), np.int64))
            self.net.sum_pool(kernel)
        else:
            factors = self.values.integers(1, 9, channels)
            self._spread_of(factors[:, None])
            self.net.scale(factors)
        self._activation()

    def _parts(self) -> None:
        channels = self.net.last[1][1]
        if channels > 1:
            first, second = self.net.split(channels // 2, channels - channels // 2)
            self.net.at(second).concat(first)

    def _branch(self) -> None:
        tensor, (_, channels, *_), datatype = self.net.last
        self._conv(self._kernel() if not self.pictures else (1, 1), channels)
        if self.net.last[1][2:] != next(shape for name, shape, _ in self.net.tensors if name == tensor)[2:]:
            return
        self.net.quantise(datatype, self.spread)
        if self.random.random() < 0.5 and datatype.startswith("UINT"):
            self.net.residual(tensor)
            self.net.quantise(datatype, 2.0 ** DataType[datatype].bitwidth())
        else:
            self.net.concat(tensor)

    def _dense(self, neurons: int) -> None:
        values, datatype = self._weights((self.net.last[1][1], neurons))
        self._spread_of(values.T)
        self.net.add("MatMul", (1, neurons), "INT32", self.net.constant(values, datatype))


def folded(seed: int, board: Board) -> ModelWrapper:
    """Return the hardware graph of a drawn network, folded, with FIFOs of drawn depths.

    No estimate has a say in it: the same seed is the same graph, whatever the formulas are.
    """
    drawn = Drawn(seed)
    choose = drawn.random
    model = lower(drawn.build(), board.part, choose.choice((0, 1)))
    problem = Problem(model, board)
    chosen: dict[int, Choice] = {}
    for number, (layer, node) in enumerate(zip(problem.layers, model.graph.node, strict=True)):
        before = [edge for edge in problem.edges if edge.consumer == number]
        weights = weights_of(model, node)
        nonzero = 0 if weights is None else np.count_nonzero(weights)
        options = [choice for choice in layer.choices if _is_small(choice, nonzero)]
        ways = sorted({choice.implementation for choice in options})
        for _ in range(TRIES):
            way = choose.choice(ways)
            choice = choose.choice([one for one in options if one.implementation == way])
            if all(_go_together(problem, edge, chosen[edge.producer], choice) for edge in before):
                break
        chosen[number] = choice
    choices = {problem.layers[number].name: choice for number, choice in chosen.items()}
    model = insert_streams(apply(model, choices), board.part)
    for node in model.graph.node:
        if is_fifo(node.op_type):
            set_depth(node, choose.choice(DEPTHS[:2] if choose.random() < 0.6 else DEPTHS))
    return model


def _is_small(choice: Choice, nonzero: int) -> bool:
    lanes = dict(choice.folding)
    if "Digit" in lanes:
        return nonzero <= MOST_ADDED
    if "Lanes" in lanes:  # with fewer weights a lane its list is no list
        return lanes["Lanes"] <= max(1, min(MOST_LANES, nonzero // LEAST_LISTED))
    return math.prod(lanes.values()) <= MOST_LANES


def _go_together(problem: Problem, edge: Edge, before: Choice, here: Choice) -> bool:
    producer, consumer = problem.layers[edge.producer], problem.layers[edge.consumer]
    if (edge.producer, edge.consumer) in problem.coupled and not go_together(before, here):
        return False
    given = producer[before].lanes_out[edge.stream_out]
    taken = consumer[here].lanes_in[edge.stream_in]
    return math.lcm(given, taken) * edge.bits <= WIDEST


def operators(model: ModelWrapper) -> dict[str, str]:
    """Return the operator of each layer, and how it multiplies where that is a choice, by name."""
    found = {}
    for node in model.graph.node:
        layer = getCustomOp(node)
        kind = layer.get_nodeattr("resType") if "resType" in layer.get_nodeattr_types() else ""
        found[str(node.name)] = node.op_type + (f" {kind}" if kind and "Matrix" in node.op_type else "")
    return found


def described(model: ModelWrapper) -> dict[str, str]:
    """Return the attributes of each layer that say what it is, by name."""
    hidden = ("Network", "nonzero", "Solver", "code_gen_dir", "ipgen_path", "rtlsim", "exec_mode", "backend")
    return {
        str(node.name): " ".join(
            f"{key}={value}"
            for key, value in attributes_of(node).items()
            if not key.startswith(hidden) and value not in ("", b"")
        )
        for node in model.graph.node
    }
