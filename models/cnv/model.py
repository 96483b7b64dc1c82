"""CNV for pictures of 32 x 32: the network of FINN's first paper (Umuroglu et al. 2017).

Three times two 3 x 3 convolutions without padding, a max-pool by 2 behind the first two pairs, then three
dense layers. Batch norm and quantised ReLU (the sign, with one bit) behind each but the last.
"""

from torch import nn

from fpga_flow.recipe_parts import Recipe
from fpga_flow.train import layers

PAIRS = 3
POSITIONS = 1
"""What is left of 32 x 32 behind the last convolution: 32 -> 28 -> 14 -> 10 -> 5 -> 1."""


def build(recipe: Recipe, classes: int, channels: int) -> nn.Module:
    """Return the untrained network: float (N, channels, 32, 32) from 0 to 1, to logits (N, classes).

    The pairs have `model.width` (64 in the paper), twice and four times as many filters, the dense layers
    `model.dense` (512) neurons.
    """
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
    inputs = channels * POSITIONS
    for _ in range(2):
        parts += [
            layers.dense(inputs, recipe.model.dense, quant.weight_bits),
            nn.BatchNorm1d(recipe.model.dense),
            layers.activation(quant.act_bits),
        ]
        inputs = recipe.model.dense
    return nn.Sequential(*parts, layers.dense(inputs, classes, quant.weight_bits))
