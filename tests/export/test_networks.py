"""Networks of the kinds that people build in Brevitas, through export: equal on every integer."""

from pathlib import Path

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from brevitas.quant import (
    Int8WeightPerChannelFloat,
    SignedBinaryActPerTensorConst,
    SignedBinaryWeightPerTensorConst,
)
from brevitas_examples.bnn_pynq.models.CNV import CNV
from brevitas_examples.bnn_pynq.models.FC import FC
from torch import Tensor, nn

from fpga_flow import data
from fpga_flow.core.recipe_parts.data import DataRecipe
from fpga_flow.export import host
from fpga_flow.export.brevitas_export import BrevitasReference, export_module
from fpga_flow.export.checks import check_float, check_network
from fpga_flow.export.frames import random_frames
from fpga_flow.export.network import write_network
from fpga_flow.export.operations import Activation, Add, Concat, GlobalMax, GlobalSum, Matrix, Upsample
from fpga_flow.export.reference import FileReference
from fpga_flow.export.walk import to_integers
from tests.export.graphs import no_doubt_in_double, opened


def quantised(bits: int = 4) -> nn.Module:
    return qnn.QuantIdentity(bit_width=bits, return_quant_tensor=True)


def relu(bits: int = 4) -> nn.Module:
    return qnn.QuantReLU(bit_width=bits, return_quant_tensor=True)


def relu_per_channel(channels: int) -> nn.Module:
    """As Brevitas' MobileNet has it in front of its depthwise convolutions."""
    return qnn.QuantReLU(
        bit_width=6, return_quant_tensor=True, scaling_per_output_channel=True,
        per_channel_broadcastable_shape=(1, channels, 1, 1), scaling_stats_permute_dims=(1, 0, 2, 3),
    )  # fmt: skip


def conv(inputs: int, outputs: int, kernel: int = 3, bits: int = 4, **more: object) -> nn.Module:
    return qnn.QuantConv2d(
        inputs, outputs, kernel, padding=kernel // 2, weight_bit_width=bits, **{"bias": False, **more}
    )


class Block(nn.Module):
    """A residual block: one quantiser for both sides."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.left = nn.Sequential(
            conv(channels, channels), nn.BatchNorm2d(channels), relu(), conv(channels, channels),
            nn.BatchNorm2d(channels),
        )  # fmt: skip
        self.shared, self.out = quantised(), relu()

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.shared(self.left(x)) + self.shared(x))


class EltwiseBlock(Block):
    """The same with Brevitas' own layer."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.add = qnn.QuantEltwiseAdd(input_bit_width=4, output_bit_width=4)

    def forward(self, x: Tensor) -> Tensor:
        return self.add(self.left(x), x)


class Dense(nn.Module):
    """Convolutions of all that was before, batch norm first; averages between."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(quantised(8), conv(3, 8))
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(8 + 4 * i), qnn.QuantReLU(bit_width=4), conv(8 + 4 * i, 4))
            for i in range(3)
        )
        self.end = nn.Sequential(
            nn.BatchNorm2d(20),
            qnn.QuantReLU(bit_width=4),
            nn.AvgPool2d(2),
            quantised(),
            nn.AdaptiveMaxPool2d(1),
        )
        self.classes = qnn.QuantLinear(20, 10, bias=True, weight_bit_width=4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return self.classes(self.end(x).flatten(1))


class Radio(nn.Module):
    """One-dimensional: depthwise-separable, residual, averaged, with a global maximum."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(
            quantised(8), qnn.QuantConv1d(2, 8, 3, padding=1, bias=False, weight_bit_width=6),
            nn.BatchNorm1d(8), relu(6),
        )  # fmt: skip
        self.deep = nn.Sequential(
            qnn.QuantConv1d(8, 8, 5, padding=2, groups=8, bias=False, weight_bit_width=6), quantised(6),
            qnn.QuantConv1d(8, 8, 1, bias=False, weight_bit_width=6), nn.BatchNorm1d(8),
        )  # fmt: skip
        self.shared, self.small, self.last = quantised(6), quantised(6), quantised(6)
        self.average, self.largest = nn.AvgPool1d(2), nn.AdaptiveMaxPool1d(1)
        self.classes = qnn.QuantLinear(8, 24, bias=True, weight_bit_width=6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x = self.shared(x) + self.shared(self.deep(x))
        x = self.largest(self.small(self.average(x.value if hasattr(x, "value") else x)))
        return self.classes(self.last(x.flatten(1)))


def resnet() -> nn.Module:
    return nn.Sequential(
        quantised(8), conv(3, 8), nn.BatchNorm2d(8), relu(), Block(8), EltwiseBlock(8),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), quantised(),
        qnn.QuantLinear(8, 10, bias=True, weight_bit_width=4, weight_quant=Int8WeightPerChannelFloat),
    )  # fmt: skip


def mobile() -> nn.Module:
    return nn.Sequential(
        quantised(8), conv(3, 8, bits=6, stride=2), nn.BatchNorm2d(8), relu_per_channel(8),
        conv(8, 8, bits=6, groups=8, weight_quant=Int8WeightPerChannelFloat), nn.BatchNorm2d(8), relu(6),
        conv(8, 16, 1, bits=6), nn.BatchNorm2d(16), relu(6), qnn.TruncAvgPool2d(4, bit_width=6),
        nn.Flatten(), qnn.QuantLinear(16, 10, bias=True, weight_bit_width=6),
    )  # fmt: skip


def signs() -> nn.Module:
    """1-bit weights and activations, an 8-bit input, a batch norm at the end."""
    act = {"act_quant": SignedBinaryActPerTensorConst}
    weight = {"weight_quant": SignedBinaryWeightPerTensorConst, "bias": False}
    return nn.Sequential(
        quantised(8), qnn.QuantConv2d(3, 8, 3, **weight), nn.BatchNorm2d(8), qnn.QuantIdentity(**act),
        nn.MaxPool2d(2), qnn.QuantConv2d(8, 8, 2, **weight), nn.BatchNorm2d(8), qnn.QuantIdentity(**act),
        nn.Flatten(), qnn.QuantLinear(32, 10, **weight), nn.BatchNorm1d(10),
    )  # fmt: skip


def autoencoder(end: nn.Module) -> nn.Module:
    return nn.Sequential(
        quantised(8), conv(1, 8, stride=2), qnn.QuantReLU(bit_width=4), nn.Upsample(scale_factor=2), end
    )


def trained(network: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    """Give `network` scales from random frames, and batch norms of both signs."""
    for _ in range(3):
        network(torch.rand(8, *shape) * 2 - 1)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.weight.uniform_(-2, 2)
                module.bias.normal_(0, 0.5)
    return network.eval()


IMAGE = (3, 8, 8)
NETWORKS = {
    "residual": (resnet, IMAGE, [Add, GlobalSum]),
    "dense": (Dense, IMAGE, [Concat, GlobalMax]),
    "depthwise and truncated": (mobile, IMAGE, [Matrix, GlobalSum]),
    "one-dimensional": (Radio, (2, 32), [Add, GlobalMax]),
    "signs": (signs, IMAGE, [Activation]),
    "decoder": (
        lambda: autoencoder(nn.Sequential(conv(8, 1, bias=True), quantised(8))), (1, 8, 8), [Upsample],
    ),
    "segmentation": (
        lambda: autoencoder(conv(8, 3, bias=True, weight_quant=Int8WeightPerChannelFloat)),
        (1, 8, 8), [Upsample],
    ),
    "TFC, 1 bit": (lambda: FC(10, 1, 1, 1, 1, [64, 64]), (1, 28, 28), [Matrix]),
    "CNV, 1 bit": (lambda: CNV(10, 1, 1, 8, 3), (3, 32, 32), [Matrix]),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_integers_of_network(name: str, tmp_path: Path) -> None:
    build, shape, operations = NETWORKS[name]
    torch.manual_seed(3)
    module = trained(build(), shape)
    model = export_module(module, shape)
    net = to_integers(model)
    golden = opened(net, tmp_path)
    spec = host.describe(net.host, net.input)
    frames = 16 if shape[1] < 32 else 4
    source, indices = random_frames(spec, frames, 1), np.arange(frames)
    if shape == (1, 28, 28):
        source = data.load(DataRecipe(name="digits"), "test", tmp_path)
    codes = host.quantise(source.read(indices), spec)
    assert check_network(write_network(net), golden, codes, 8).differences == 0
    for reference in (BrevitasReference(module), FileReference(model)):
        found = check_float(net, golden, reference, source, indices, spec, "the float network")
        assert found.differences == found.class_differences - found.class_ties == 0
        no_doubt_in_double(net, golden, reference, source.prepared(indices[:1]), spec)
    assert set(operations) <= {type(operation) for operation in net.operations}
    if name == "residual":  # branches are named by their modules
        assert {"4", "5.add"} & {o.name.partition(".Add")[0] for o in net.operations if isinstance(o, Add)}
        assert [seen.node for seen in net.quantisers if ".add" in seen.node] == [
            "5.add.input_quant", "5.add.input_quant.Quant", "5.add.output_quant",
        ]  # fmt: skip
