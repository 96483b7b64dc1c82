"""Two convolutions, the second of stride 2 by its pool, and a dense layer: for pictures of 8 x 8."""

from torch import nn

from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train import layers


def build(recipe: Recipe, classes: int, channels: int) -> nn.Module:
    """Return the untrained network."""
    quant, width = recipe.quant, recipe.model.width
    return nn.Sequential(
        layers.pixels(quant.input_bits),
        layers.conv2d(channels, width, 3, quant.weight_bits),
        nn.BatchNorm2d(width),
        layers.activation(quant.act_bits),
        layers.conv2d(width, width, 3, quant.weight_bits),
        nn.BatchNorm2d(width),
        layers.activation(quant.act_bits),
        nn.MaxPool2d(2),
        nn.Flatten(),
        layers.dense(width * 4, classes, quant.weight_bits),
    )
