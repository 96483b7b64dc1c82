"""A perceptron for pictures of 28 x 28: hidden dense layers of `model.parts` neurons, else 300 and 100.

LeNet-300-100 (LeCun, Bottou, Bengio and Haffner 1998), on which pruning is often shown. Batch norm and
quantised ReLU (the sign, with one bit) behind each layer but the last.
"""

from torch import nn

from fpga_flow.recipe_parts import Recipe
from fpga_flow.train import layers
from fpga_flow.train.perceptron import perceptron

PIXELS = 28 * 28
HIDDEN = (300, 100)


def build(recipe: Recipe, classes: int, channels: int) -> nn.Module:
    """Return the untrained network: float (N, channels, 28, 28) from 0 to 1, to logits (N, classes)."""
    quantiser = layers.pixels(recipe.quant.input_bits)
    return perceptron(quantiser, channels * PIXELS, recipe.model.parts or HIDDEN, classes, recipe.quant)
