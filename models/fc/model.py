"""TFC, SFC and LFC for pictures of 28 x 28: three hidden dense layers (Umuroglu et al. 2017).

Of `model.width` neurons: 64 is TFC, 256 SFC, 1024 LFC. Batch norm and quantised ReLU (the sign, with one bit)
behind each but the last.
"""

from torch import nn

from fpga_flow.recipe_parts import Recipe
from fpga_flow.train import layers
from fpga_flow.train.perceptron import perceptron

PIXELS = 28 * 28
HIDDEN = 3


def build(recipe: Recipe, classes: int, channels: int) -> nn.Module:
    """Return the untrained network: float (N, channels, 28, 28) from 0 to 1, to logits (N, classes)."""
    quantiser = layers.pixels(recipe.quant.input_bits)
    hidden = [recipe.model.width] * HIDDEN
    return perceptron(quantiser, channels * PIXELS, hidden, classes, recipe.quant)
