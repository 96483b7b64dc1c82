"""CNV for pictures of 32 x 32, or larger ones: the network of FINN's first paper (Umuroglu et al. 2017).

Three times two 3 x 3 convolutions without padding, a max-pool by 2 behind the first two pairs, then three
dense layers. Batch norm and quantised ReLU (the sign, with one bit) behind each but the last.
"""

from math import prod

from torch import nn

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train import layers

PAIRS = 3
PICTURE = (32, 32)


def positions(size: int) -> int:
    """Return how many positions are left of `size` behind the last convolution: 32, 28, 14, 10, 5, 1."""
    for pair in range(PAIRS):
        size -= 4
        size //= 2 if pair < PAIRS - 1 else 1
    return size


def build(recipe: Recipe, classes: int, channels: int, shape: tuple[int, ...] | None = None) -> nn.Module:
    """Return the untrained network: float (N, *shape) from 0 to 1, to logits (N, classes).

    Without a `shape`, frames are (channels, 32, 32). Raises `InputError` where they are no pictures, or
    smaller ones.

    The pairs have `model.width` (64 in the paper), twice and four times as many filters, the dense layers
    `model.dense` (512) neurons.
    """
    channels, *size = shape or (channels, *PICTURE)
    left = prod(positions(length) for length in size)
    if len(size) != 2 or min(size) < min(PICTURE):
        raise InputError(
            "model.name: cnv takes pictures (channels, height, width) of 32 x 32 and larger, not frames of "
            f"{(channels, *size)}"
        )
    quant = recipe.quant
    parts: list[nn.Module] = [layers.pixels(quant.input_bits)]
    for pair in range(PAIRS):
        filters = recipe.model.width * 2**pair
        for _ in range(2):
            parts += [
                layers.conv2d(channels, filters, 3, quant.weight_bits),
                nn.BatchNorm2d(filters),
                layers.activation(quant.act_bits),
            ]
            channels = filters
        if pair < PAIRS - 1:
            parts.append(nn.MaxPool2d(2))
    parts.append(nn.Flatten())
    inputs = channels * left
    for _ in range(2):
        parts += [
            layers.dense(inputs, recipe.model.dense, quant.weight_bits),
            nn.BatchNorm1d(recipe.model.dense),
            layers.activation(quant.act_bits),
        ]
        inputs = recipe.model.dense
    return nn.Sequential(*parts, layers.dense(inputs, classes, quant.weight_bits))
