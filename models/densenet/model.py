"""DenseNet with bottlenecks (Huang, Liu, van der Maaten and Weinberger 2017) for pictures of 32 x 32.

Every layer reads what all layers of its block before it made. Batch norm and quantised ReLU stand in front of
each convolution; sums of convolutions are concatenated unquantised, as integers of their own scales.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train import layers

BLOCKS = {8: (6, 10, 20, 12), 12: (6, 12, 24, 16)}
"""Layers of the four blocks, by growth (`model.width`)."""
BOTTLENECK = 4
"""Channels of a bottleneck, in units of the growth."""
PICTURE = 32
"""Rows and columns of a picture."""
SUM_BITS = 8
"""Bits of what the last layer reads, at most: where the sums of its pool have more, they are quantised."""
REDUCTION = 0.5
"""Part of the channels that a transition keeps."""


def step(inputs: int, outputs: int, kernel: int, bits: tuple[int, int]) -> nn.Module:
    """Return batch norm, quantised ReLU and convolution (padded to keep the size)."""
    weight_bits, act_bits = bits
    return nn.Sequential(
        nn.BatchNorm2d(inputs),
        layers.activation(act_bits),
        layers.conv2d(inputs, outputs, kernel, weight_bits, padding=kernel // 2),
    )


class Layer(nn.Module):
    """Bottleneck and 3 x 3 convolution, appended to their input."""

    def __init__(self, inputs: int, growth: int, bits: tuple[int, int]) -> None:
        super().__init__()
        self.bottleneck = step(inputs, BOTTLENECK * growth, 1, bits)
        self.growth = step(BOTTLENECK * growth, growth, 3, bits)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, inputs + growth, H, W)."""
        return torch.cat([x, self.growth(self.bottleneck(x))], 1)


class DenseNet(nn.Module):
    """Float (N, channels, 32, 32) from 0 to 1, to logits (N, classes)."""

    def __init__(
        self,
        classes: int,
        channels: int,
        growth: int,
        blocks: Sequence[int],
        weight_bits: int,
        act_bits: int,
        input_bits: int,
    ) -> None:
        super().__init__()
        bits = (weight_bits, act_bits)
        self.input = layers.pixels(input_bits)
        width = 2 * growth
        self.first = layers.conv2d(channels, width, 3, weight_bits, padding=1)
        stages: list[nn.Module] = []
        for number, count in enumerate(blocks):
            stages += [Layer(width + k * growth, growth, bits) for k in range(count)]
            width += count * growth
            if number < len(blocks) - 1:
                kept = int(width * REDUCTION)
                stages += [step(width, kept, 1, bits), nn.AvgPool2d(2)]
                width = kept
        self.stages = nn.Sequential(*stages)
        size = PICTURE >> (len(blocks) - 1)
        self.last = nn.Sequential(nn.BatchNorm2d(width), layers.activation(act_bits), nn.AdaptiveAvgPool2d(1))
        if (((1 << act_bits) - 1) * size**2).bit_length() > SUM_BITS:
            self.last.append(layers.activation(SUM_BITS))
        self.classes = layers.dense(width, classes, weight_bits)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        x = self.stages(self.first(self.input(x)))
        logits: Tensor = self.classes(self.last(x).flatten(1))
        return logits


def block_sizes(recipe: Recipe) -> Sequence[int]:
    """Return the layers of each block: `model.parts`, or those known for the growth.

    Raises `InputError` where it is empty and `model.width` no growth whose blocks are known.
    """
    growth = recipe.model.width
    sizes = recipe.model.parts or BLOCKS.get(growth)
    if sizes is None:
        known = " or ".join(map(str, BLOCKS))
        raise InputError(
            f"model.width: is the growth of model densenet and must be {known}, not {growth}, "
            "unless model.parts says the layers of each block"
        )
    return sizes


def blocks(recipe: Recipe) -> dict[str, tuple[str, ...]]:
    """Return the dense blocks by name, block1 to block4, each as the parts of the network that it is."""
    found, first = {}, 0
    for number, count in enumerate(block_sizes(recipe), 1):
        found[f"block{number}"] = tuple(f"stages.{first + k}" for k in range(count))
        first += count + 2  # the transition's step and pool
    return found


def build(recipe: Recipe, classes: int, channels: int) -> nn.Module:
    """Return the untrained network: float (N, channels, 32, 32) to logits (N, classes).

    Raises `InputError` where the recipe does not say the layers of the blocks.
    """
    quant, growth = recipe.quant, recipe.model.width
    sizes = block_sizes(recipe)
    return DenseNet(classes, channels, growth, sizes, quant.weight_bits, quant.act_bits, quant.input_bits)
