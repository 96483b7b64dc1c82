"""The jet tagger of Duarte et al. 2018: 16 features, dense layers of 64, 32 and 32 neurons, five classes.

`model.parts` are other sizes of the hidden layers. The paper's network has biases and plain ReLU; here batch
norm and quantised ReLU (the sign, with one bit) stand behind each layer but the last, which has no bias.
"""

from torch import nn

from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train import layers
from fpga_flow.train.perceptron import perceptron

HIDDEN = (64, 32, 32)
REACH = 4.0
"""Standard deviations from the mean, on either side, that the input's codes cover: with 8 bits in 1/32."""


def build(recipe: Recipe, classes: int, channels: int) -> nn.Module:
    """Return the untrained network: float (N, channels), standardised features, to logits (N, classes)."""
    quantiser = layers.samples(recipe.quant.input_bits, REACH)
    return perceptron(quantiser, channels, recipe.model.parts or HIDDEN, classes, recipe.quant)
