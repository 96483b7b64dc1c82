"""From a description to a Brevitas module, its quantisers set by what goes through them."""

from math import prod
from typing import Any

import numpy as np
import torch
from brevitas import nn as qnn
from brevitas.inject.enum import RestrictValueType, ScalingImplType
from brevitas.quant import (
    Int8ActPerTensorFloat,
    Int8WeightPerChannelFloat,
    Int8WeightPerTensorFloat,
    SignedBinaryActPerTensorConst,
    SignedBinaryWeightPerTensorConst,
    Uint8ActPerTensorFloat,
)
from torch import Tensor, nn

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
from tests.search.qonnx_graph import EPSILON, awkward, generator
from tests.search.shapes import final

SAMPLES = 16
"""Random frames that set the activations' scales."""


class Padding(nn.Module):
    """Zeros around, different at the two ends of an axis."""

    def __init__(self, pads: tuple[int, ...]) -> None:
        super().__init__()
        axes = len(pads) // 2
        self.pads = [pad for axis in reversed(range(axes)) for pad in (pads[axis], pads[axis + axes])]

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.pad(x, self.pads)


FUNCTIONS: dict[str, type[nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "softplus": nn.Softplus,
}


class Sum(nn.Module):
    """Two ways, quantised alike, added; or each by itself, added or multiplied, and quantised again."""

    def __init__(
        self,
        main: nn.Module,
        skip: nn.Module,
        quantiser: nn.Module,
        own: tuple[nn.Module, ...] = (),
        gate: bool = False,
    ) -> None:
        super().__init__()
        self.gate = gate
        self.main, self.skip, self.quantiser = main, skip, quantiser
        self.own = nn.ModuleList(own)

    def forward(self, x: Tensor) -> Tensor:
        if self.own:
            main, skip = self.quantiser(self.main(x)), self.own[0](self.skip(x))
            return torch.as_tensor(self.own[1](main * skip if self.gate else main + skip))
        left: Tensor = self.quantiser(self.main(x))
        right: Tensor = self.quantiser(self.skip(x))
        return left + right


class Join(nn.Module):
    """Several ways, quantised alike, one behind the other; each takes all channels, or its group of them."""

    def __init__(self, ways: list[nn.Module], sizes: tuple[int, ...], quantiser: nn.Module) -> None:
        super().__init__()
        self.ways, self.sizes, self.quantiser = nn.ModuleList(ways), sizes, quantiser

    def forward(self, x: Tensor) -> Tensor:
        parts = torch.split(x, list(self.sizes), 1) if self.sizes else [x] * len(self.ways)
        return torch.cat([self.quantiser(way(p)) for way, p in zip(self.ways, parts, strict=True)], 1)


class _Builder:
    def __init__(self, network: Network) -> None:
        self.network = network

    def blocks(
        self, x: Tensor, blocks: tuple[Block, ...], place: tuple[object, ...]
    ) -> tuple[nn.Module, Tensor]:
        """Return the module of `blocks` and what it makes of `x`."""
        modules = []
        for index, block in enumerate(blocks):
            module = self.block(x, block, (*place, index)).eval()
            with torch.no_grad():
                x = module(x)
            modules.append(module)
        return nn.Sequential(*modules), x

    def block(self, x: Tensor, block: Block, place: tuple[object, ...]) -> Any:
        axes = x.dim() - 2
        match block:
            case Conv() | Dense():
                return self.matrix(x, block, place)
            case Norm():
                return self.norm(x, block, place)
            case Act():
                if not block.function:
                    return self.quantiser(x, block, place)
                function = FUNCTIONS[block.function]()
                return nn.Sequential(function, self.quantiser(function(x), block, place))
            case MaxPool():
                pool: Any = (nn.MaxPool1d, nn.MaxPool2d)[axes - 1]
                return pool(block.kernel, block.stride, block.pads[:axes])
            case AvgPool():
                average: Any = (nn.AvgPool1d, nn.AvgPool2d)[axes - 1]
                return average(block.kernel, block.stride)
            case GlobalPool():
                kinds = {
                    "max": (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d),
                    "average": (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d),
                }
                return kinds[block.kind][axes - 1](1)
            case Upsample():
                return nn.Upsample(scale_factor=tuple(map(float, block.factors)), mode="nearest")
            case Flatten():
                return nn.Flatten()
            case Residual():
                main, y = self.blocks(x, block.main, (*place, "main"))
                skip, z = self.blocks(x, block.skip, (*place, "skip"))
                quantiser = self.quantiser(y, block.act, place)
                if not block.unlike:
                    return Sum(main, skip, quantiser)
                sides = (
                    self.quantiser(z, block.act, (*place, "own")),
                    self.quantiser(y * z if block.gate else y + z, block.act, place),
                )
                return Sum(main, skip, quantiser, sides, block.gate)
            case Concat() | Split():
                sizes = block.sizes if isinstance(block, Split) else ()
                parts = torch.split(x, list(sizes), 1) if sizes else [x] * len(block.ways)
                pairs = zip(parts, block.ways, strict=True)
                made = [self.blocks(part, way, (*place, i)) for i, (part, way) in enumerate(pairs)]
                return Join([way for way, _ in made], sizes, self.quantiser(made[0][1], block.act, place))

    def quantiser(self, x: Tensor, act: Act, place: tuple[object, ...]) -> Any:
        """Return a quantiser whose range fits `x`."""
        scale = awkward(generator(self.network, *place, "scale"), 2.0 * _rms(x) / act.spread)
        settings = {
            "bit_width": act.bits,
            "scaling_impl_type": ScalingImplType.PARAMETER,
            "restrict_scaling_type": RestrictValueType.FP,
            "scaling_init": scale,
        }
        if act.kind == "bipolar":
            kind = type("Bipolar", (SignedBinaryActPerTensorConst,), {"scaling_const": scale})
            return qnn.QuantIdentity(act_quant=kind)
        if act.kind == "unsigned":
            kind = type("Unsigned", (Uint8ActPerTensorFloat,), settings)
            return (qnn.QuantReLU if act.relu else qnn.QuantIdentity)(act_quant=kind)
        settings["narrow_range"] = act.kind == "narrow"
        return qnn.QuantIdentity(act_quant=type("Signed", (Int8ActPerTensorFloat,), settings))

    def matrix(self, x: Tensor, block: Conv | Dense, place: tuple[object, ...]) -> nn.Module:
        rng, channels = generator(self.network, *place, "weights"), x.shape[1]
        options = {"bias": block.bias, "weight_quant": _weight_quantiser(block.weights)}
        padding: list[nn.Module] = []
        if isinstance(block, Dense):
            layer: Any = qnn.QuantLinear(channels, block.neurons, **options)
        else:
            axes = len(block.kernel)
            before, after = block.pads[:axes], block.pads[axes:]
            if before != after:
                padding, before = [Padding(block.pads)], (0,) * axes
            layer = (qnn.QuantConv1d, qnn.QuantConv2d)[axes - 1](
                channels,
                block.filters,
                block.kernel if axes > 1 else block.kernel[0],
                stride=block.stride if axes > 1 else block.stride[0],
                padding=before if axes > 1 else before[0],
                dilation=block.dilation if axes > 1 else block.dilation[0],
                groups=block.groups_of(channels),
                **options,
            )
        shape = tuple(layer.weight.shape)
        weights = rng.choice([-1.0, 1.0], shape) if block.weights.extreme else rng.normal(size=shape)
        if block.weights.kind == "unsigned":
            weights = np.abs(weights)
        if block.weights.zeros:
            weights[rng.random(shape) < block.weights.zeros] = 0
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(0.3 * weights))
            if block.bias:
                spread = 0.15 * np.sqrt(prod(shape[1:])) * _rms(x)
                layer.bias.copy_(torch.from_numpy(rng.normal(0, spread, shape[0])))
        return nn.Sequential(*padding, layer) if padding else layer

    def norm(self, x: Tensor, block: Norm, place: tuple[object, ...]) -> nn.Module:
        rng, channels = generator(self.network, *place, "norm"), x.shape[1]
        norm = (nn.BatchNorm1d if x.dim() < 4 else nn.BatchNorm2d)(channels, eps=EPSILON)
        gamma = rng.uniform(0.3, 1.5, channels)
        if block.gamma != "positive":
            gamma *= rng.choice([-1, 1], channels)
        if block.gamma == "zeros":
            gamma[rng.random(channels) < 0.3] = 0
        rms = _rms(x)
        parameters = {
            "weight": gamma,
            "bias": rng.normal(0, 0.3, channels),
            "running_mean": rng.normal(0, 0.3 * rms, channels),
            "running_var": (rms * rng.uniform(0.5, 1.5, channels)) ** 2,
        }
        with torch.no_grad():
            for name, values in parameters.items():
                getattr(norm, name).copy_(torch.from_numpy(values))
        return norm


def _rms(x: Tensor) -> float:
    return float(x.double().square().mean().sqrt()) + 1e-3


def _weight_quantiser(weights: Weights) -> type:
    if weights.kind == "bipolar":
        return type("BipolarWeight", (SignedBinaryWeightPerTensorConst,), {"scaling_const": 0.13})
    base = Int8WeightPerChannelFloat if weights.per_channel else Int8WeightPerTensorFloat
    settings = {
        "bit_width": weights.bits,
        "narrow_range": weights.kind == "narrow",
        "signed": weights.kind != "unsigned",
    }
    return type("IntegerWeight", (base,), settings)


def build(network: Network) -> nn.Module:
    """Return the Brevitas module of `network`, in eval mode."""
    final(network)
    torch.manual_seed(network.seed)
    builder = _Builder(network)
    x = torch.randn(SAMPLES, *network.shape)
    source = builder.quantiser(x, network.input, ("input",)).eval()
    with torch.no_grad():
        body, _ = builder.blocks(source(x), network.blocks, ())
    return nn.Sequential(source, body).eval()
