"""TFC, SFC and LFC for pictures of 28 x 28, or frames of any shape: three hidden dense layers.

Of `model.width` neurons: 64 is TFC, 256 SFC, 1024 LFC (Umuroglu et al. 2017). Batch norm and quantised ReLU
(the sign, with one bit) behind each but the last.
"""

from math import prod

from torch import nn

from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train import layers
from fpga_flow.train.perceptron import perceptron

PICTURE = (28, 28)
HIDDEN = 3


def build(recipe: Recipe, classes: int, channels: int, shape: tuple[int, ...] | None = None) -> nn.Module:
    """Return the untrained network: float (N, *shape) from 0 to 1, to logits (N, classes).

    Without a `shape`, frames are (channels, 28, 28).
    """
    quantiser = layers.pixels(recipe.quant.input_bits)
    hidden = [recipe.model.width] * HIDDEN
    return perceptron(quantiser, prod(shape or (channels, *PICTURE)), hidden, classes, recipe.quant)
