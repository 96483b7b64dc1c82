"""A perceptron for pictures of 28 x 28, or frames of any shape: hidden dense layers of 300 and 100 neurons.

Or of `model.parts` neurons. LeNet-300-100 (LeCun, Bottou, Bengio and Haffner 1998), on which pruning is often
shown. Batch norm and quantised ReLU (the sign, with one bit) behind each layer but the last.
"""

from math import prod

from torch import nn

from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train import layers
from fpga_flow.train.perceptron import perceptron

PICTURE = (28, 28)
HIDDEN = (300, 100)


def build(recipe: Recipe, classes: int, channels: int, shape: tuple[int, ...] | None = None) -> nn.Module:
    """Return the untrained network: float (N, *shape) from 0 to 1, to logits (N, classes).

    Without a `shape`, frames are (channels, 28, 28).
    """
    quantiser = layers.pixels(recipe.quant.input_bits)
    inputs = prod(shape or (channels, *PICTURE))
    return perceptron(quantiser, inputs, recipe.model.parts or HIDDEN, classes, recipe.quant)
