"""From a description to a QONNX file: scales that are no powers of two, batch norms with negative gammas."""

import hashlib
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from tests.export.graphs import Graph
from tests.search.describe import (
    Act,
    AvgPool,
    Block,
    Concat,
    Conv,
    Dense,
    Flatten,
    GlobalPool,
    MaxPool,
    Network,
    Norm,
    Residual,
    Split,
    Upsample,
    Weights,
)
from tests.search.shapes import code_limits, final

EPSILON = 1e-5
Floats = NDArray[np.float64]


def generator(network: Network, *place: object) -> np.random.Generator:
    """Return the generator of random numbers for a place in the network, whatever stands elsewhere."""
    text = repr((network.seed, *place)).encode()
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text).digest()[:8], "little"))


@dataclass(frozen=True)
class Value:
    """A tensor of the graph under construction."""

    tensor: str
    shape: tuple[int, ...]
    """Without the batch."""
    rms: float
    """Root mean square, about."""
    scale: float
    """Of the integers behind it."""


def weight_codes(weights: Weights, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return integer weights of which about a third is zero, or more where pruned, if zero there is."""
    if weights.kind == "bipolar":
        return rng.choice(np.array([-1, 1]), shape)
    if weights.kind == "unsigned":
        low, high = 0, 2**weights.bits - 1
    else:
        low, high = -(2 ** (weights.bits - 1)) + (weights.kind == "narrow"), 2 ** (weights.bits - 1) - 1
    if weights.extreme:
        codes = rng.choice(np.array([low, high]), shape)
    else:
        codes = rng.integers(low, high + 1, shape)
        codes[rng.random(shape) < 0.3] = 0
    if weights.zeros:
        codes[rng.random(shape) < weights.zeros] = 0
    return codes


def awkward(rng: np.random.Generator, about: float) -> float:
    """Return a float32 number near `about` that is no power of two."""
    return float(np.float32(about * rng.uniform(0.7, 1.4)))


class _Writer:
    def __init__(self, network: Network) -> None:
        self.network = network
        self.graph = Graph((1, *network.shape), opset=13)

    def rng(self, *place: object) -> np.random.Generator:
        return generator(self.network, *place)

    def node(self, value: Value, operator: str, *more: Any, **attributes: Any) -> str:
        self.graph.last = value.tensor
        return self.graph.node(operator, *more, **attributes).last

    def quantise(self, value: Value, act: Act, scale: float, name: str) -> Value:
        tensor = value.tensor
        if act.relu and act.kind == "unsigned":
            tensor = self.node(value, "Relu")
        self.graph.last = tensor
        low, high = code_limits(act)
        if act.kind == "bipolar":
            self.graph.node("BipolarQuant", np.float32(scale), domain=self.graph.domain, name=name)
        else:
            self.graph.quant(
                scale, act.bits, int(act.kind != "unsigned"), int(act.kind == "narrow"), name=name
            )
        rms = scale * max(high, -low) * 0.5 if act.kind != "bipolar" else scale
        return Value(self.graph.last, value.shape, rms, scale)

    def scale_for(self, value: Value, act: Act, place: tuple[object, ...]) -> float:
        """Return a scale with which the values of `value` fill the codes of `act`."""
        codes = max(code_limits(act))
        fits = awkward(self.rng(*place, "scale"), 2.0 * value.rms / codes / act.spread)
        if not act.tie:
            return fits
        return float(np.float32(value.scale * 2.0 ** max(1, round(np.log2(fits / value.scale)))))

    def weights(
        self, spec: Weights, shape: tuple[int, ...], axis: int, rng: np.random.Generator
    ) -> tuple[str, float]:
        """Append the quantised weights; returns their tensor and their root mean square."""
        codes = weight_codes(spec, shape, rng)
        scale: Any = np.float32(awkward(rng, 0.13))
        if spec.per_channel:
            form = [1] * len(shape)
            form[axis] = shape[axis]
            scale = rng.uniform(0.05, 0.2, form).astype(np.float32)
        floats = codes * np.asarray(scale, dtype=np.float64)
        rms = float(np.sqrt(np.mean(floats**2)) + 1e-3)
        if spec.kind == "bipolar":
            self.graph.last, last = self.graph.constant(floats), self.graph.last
            self.graph.node("BipolarQuant", scale, domain=self.graph.domain)
            name, self.graph.last = self.graph.last, last
            return name, rms
        narrow, signed = int(spec.kind == "narrow"), int(spec.kind != "unsigned")
        return self.graph.weights(floats, scale, spec.bits, narrow=narrow, signed=signed), rms

    def blocks(self, value: Value, blocks: tuple[Block, ...], place: tuple[object, ...]) -> Value:
        for index, block in enumerate(blocks):
            value = self.block(value, block, (*place, index))
        return value

    def block(self, value: Value, block: Block, place: tuple[object, ...]) -> Value:
        match block:
            case Conv() | Dense():
                return self.matrix(value, block, place)
            case Norm():
                return self.norm(value, block, place)
            case Act():
                if block.function:
                    value = self.function(value, block.function)
                return self.quantise(value, block, self.scale_for(value, block, place), _name("act", place))
            case MaxPool():
                tensor = self.node(
                    value, "MaxPool", kernel_shape=block.kernel, strides=block.stride, pads=block.pads
                )
            case AvgPool():
                tensor = self.node(value, "AveragePool", kernel_shape=block.kernel, strides=block.stride)
                value = replace(value, scale=value.scale / prod(block.kernel))
            case GlobalPool():
                operator = {"max": "GlobalMaxPool", "average": "GlobalAveragePool"}[block.kind]
                tensor = self.node(value, operator)
                if block.kind == "average":
                    value = replace(value, scale=value.scale / prod(value.shape[1:]))
            case Upsample():
                scales = np.array([1, 1, *block.factors], dtype=np.float32)
                tensor = self.node(
                    value, "Resize", "", scales, mode="nearest", nearest_mode="floor",
                    coordinate_transformation_mode="asymmetric",
                )  # fmt: skip
            case Flatten():
                tensor = self.node(value, "Flatten", axis=1)
            case Residual():
                return self.residual(value, block, place)
            case Concat() | Split():
                return self.ways(value, block, place)
        return replace(value, tensor=tensor, shape=_shape(value.shape, block))

    def function(self, value: Value, kind: str) -> Value:
        """Append a function of each number."""
        if kind == "silu":
            tensor = self.node(value, "Mul", self.node(value, "Sigmoid"))
        else:
            operators = {"sigmoid": "Sigmoid", "tanh": "Tanh", "elu": "Elu", "softplus": "Softplus"}
            tensor = self.node(value, operators[kind])
        return replace(value, tensor=tensor, rms=max(0.6, value.rms if kind in ("silu", "softplus") else 0.6))

    def matrix(self, value: Value, block: Conv | Dense, place: tuple[object, ...]) -> Value:
        rng, channels = self.rng(*place, "weights"), value.shape[0]
        if isinstance(block, Dense):
            w, rms = self.weights(block.weights, (channels, block.neurons), 1, rng)
            terms, tensor = channels, self.node(value, "MatMul", w)
            form: tuple[int, ...] = (block.neurons,)
        else:
            group = block.groups_of(channels)
            terms = channels // group * prod(block.kernel)
            w, rms = self.weights(block.weights, (block.filters, channels // group, *block.kernel), 0, rng)
            tensor = self.node(
                value, "Conv", w, kernel_shape=block.kernel, strides=block.stride, pads=block.pads,
                dilations=block.dilation, group=group,
            )  # fmt: skip
            form = (block.filters, *[1] * len(block.kernel))
        spread = np.sqrt(terms) * rms * value.rms
        made = Value(tensor, _shape(value.shape, block), float(spread), value.scale * 0.13)
        if block.bias:
            bias = rng.normal(0, 0.5 * spread, form)
            made = replace(made, tensor=self.node(made, "Add", bias))
        return made

    def norm(self, value: Value, block: Norm, place: tuple[object, ...]) -> Value:
        rng, channels = self.rng(*place, "norm"), value.shape[0]
        gamma = rng.uniform(0.3, 1.5, channels)
        if block.gamma != "positive":
            gamma *= rng.choice([-1, 1], channels)
        if block.gamma == "zeros":
            gamma[rng.random(channels) < 0.3] = 0
        mean = rng.normal(0, 0.3 * value.rms, channels)
        variance = (value.rms * rng.uniform(0.5, 1.5, channels)) ** 2
        beta = rng.normal(0, 0.3, channels)
        tensor = self.node(value, "BatchNormalization", gamma, beta, mean, variance, epsilon=EPSILON)
        return replace(value, tensor=tensor, rms=1.0)

    def residual(self, value: Value, block: Residual, place: tuple[object, ...]) -> Value:
        ends = [
            self.blocks(value, way, (*place, name))
            for way, name in ((block.main, "main"), (block.skip, "skip"))
        ]
        if block.unlike:
            return self.unlike(ends, block, place)
        if block.skip or block.requantise:
            scale = self.scale_for(ends[0], replace(block.act, tie=False), place)
            left, right = (
                self.quantise(end, block.act, scale, _name(side, place))
                for end, side in zip(ends, ("main", "skip"), strict=True)
            )
        else:
            scale, right = value.scale, value
            left = self.quantise(ends[0], block.act, scale, _name("main", place))
        tensor = self.node(left, "Add", right.tensor)
        return Value(tensor, left.shape, 1.5 * max(left.rms, right.rms), scale)

    def unlike(self, ends: list[Value], block: Residual, place: tuple[object, ...]) -> Value:
        """Append a quantiser for each of two ways, their sum or product, and a quantiser of it."""
        act = replace(block.act, tie=False)
        left, right = (
            self.quantise(end, act, self.scale_for(end, act, (*place, side)), _name(side, place))
            for end, side in zip(ends, ("main", "skip"), strict=True)
        )
        operator, rms = (
            ("Mul", left.rms * right.rms) if block.gate else ("Add", 1.5 * max(left.rms, right.rms))
        )
        total = replace(left, tensor=self.node(left, operator, right.tensor), rms=rms)
        return self.quantise(total, act, self.scale_for(total, act, (*place, "sum")), _name("sum", place))

    def ways(self, value: Value, block: Concat | Split, place: tuple[object, ...]) -> Value:
        starts = [value] * len(block.ways)
        if isinstance(block, Split):
            starts = self.split(value, block.sizes)
        ends = [
            self.blocks(s, way, (*place, i))
            for i, (s, way) in enumerate(zip(starts, block.ways, strict=True))
        ]
        filled = [end for end, way in zip(ends, block.ways, strict=True) if way]
        alone = len(filled) < len(ends)  # one comes as it is, and gives the scale
        scale = value.scale if alone else self.scale_for(filled[0], replace(block.act, tie=False), place)
        ends = [
            self.quantise(end, block.act, scale, _name(f"way{i}", place)) if way else end
            for i, (end, way) in enumerate(zip(ends, block.ways, strict=True))
        ]
        tensor = self.node(ends[0], "Concat", *(end.tensor for end in ends[1:]), axis=1)
        channels = sum(end.shape[0] for end in ends)
        return Value(tensor, (channels, *ends[0].shape[1:]), max(end.rms for end in ends), scale)

    def split(self, value: Value, sizes: tuple[int, ...]) -> list[Value]:
        index = len(self.graph.nodes)
        names = [f"t{index}_{part}" for part in range(len(sizes))]
        constant = f"sizes{index}"
        self.graph.constants.append(onnx.numpy_helper.from_array(np.array(sizes, dtype=np.int64), constant))
        self.graph.nodes.append(
            onnx.helper.make_node("Split", [value.tensor, constant], names, f"Split_{index}", axis=1)
        )
        return [
            replace(value, tensor=name, shape=(size, *value.shape[1:]))
            for name, size in zip(names, sizes, strict=True)
        ]


def _name(word: str, place: tuple[object, ...]) -> str:
    return "_".join([word, *map(str, place)])


def _shape(shape: tuple[int, ...], block: Block) -> tuple[int, ...]:
    from tests.search.shapes import State, after

    return after(State(shape, 0, 1), block).shape


def write(network: Network) -> onnx.ModelProto:
    """Return the QONNX file of `network`; raises `IllegalError` where it is not legal."""
    rank = len(final(network).shape)
    writer = _Writer(network)
    scale = awkward(writer.rng("input"), 0.037)
    source = Value("x", network.shape, 1.0, scale)
    first = writer.quantise(source, replace(network.input, relu=False), scale, "input")
    last = writer.blocks(first, network.blocks, ())
    writer.graph.last = last.tensor
    return writer.graph.proto(tuple(f"d{i}" for i in range(rank + 1)))
