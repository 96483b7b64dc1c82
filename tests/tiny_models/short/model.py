"""Two convolutions and two dense layers: a chain for I and Q, 16 samples long."""

from torch import nn

from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train.blocks import Chain
from fpga_flow.train.spec import Conv, Dense, Layer, quant_of


def layers(recipe: Recipe, classes: int, channels: int) -> tuple[Layer, ...]:
    """Return the layers."""
    width = recipe.model.width
    return (
        Conv("conv1", channels, width),
        Conv("conv2", width, width),
        Dense("hidden", width * (recipe.data.length // 4), width),
        Dense("classes", width, classes, last=True),
    )


def build(recipe: Recipe, classes: int, channels: int) -> nn.Module:
    """Return the untrained network."""
    return Chain(layers(recipe, classes, channels), quant_of(recipe))
