"""Sardine: modulation classification with as few bit operations and weight bits as we could.

A full convolution over the samples of both channels comes first and keeps every fourth position: signals are
sampled several times a symbol, so little is lost, and all that follows works on a quarter of the positions.
Then depthwise-separable blocks, the largest value of every channel over all time, one dense layer.
"""

from torch import Tensor, nn

from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train import layers
from fpga_flow.train.separable import SeparableBlock, largest_over_time

STEM = (15, 4)
"""Kernel and stride of the first convolution."""
KERNELS = (9, 9, 9, 9)
STRIDES = (1, 2, 1, 2)
WIDTHS = (2, 3, 3, 4)
"""Channels behind each block, in units of half of `model.width`."""
LARGEST = 2.0
"""Of the input's range."""


class Sardine(nn.Module):
    """Float (N, channels, length) to logits (N, classes)."""

    def __init__(
        self, classes: int, channels: int, width: int, weight_bits: int, act_bits: int, input_bits: int
    ) -> None:
        super().__init__()
        self.input = layers.samples(input_bits, LARGEST)
        kernel, stride = STEM
        self.stem = layers.conv1d(channels, width, kernel, weight_bits, stride=stride)
        self.stem_norm = nn.BatchNorm1d(width)
        self.stem_act = layers.activation(act_bits)
        channels, quantiser = width, self.stem_act
        blocks = []
        for kernel, stride, halves in zip(KERNELS, STRIDES, WIDTHS, strict=True):
            outputs = halves * width // 2
            block = SeparableBlock(channels, outputs, kernel, stride, (weight_bits, act_bits), quantiser)
            blocks.append(block)
            channels, quantiser = outputs, block.out
        self.blocks = nn.Sequential(*blocks)
        self.classes = layers.dense(channels, classes, weight_bits)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        x = self.blocks(self.stem_act(self.stem_norm(self.stem(self.input(x)))))
        logits: Tensor = self.classes(largest_over_time(x))
        return logits


def build(recipe: Recipe, classes: int, channels: int) -> nn.Module:
    """Return the untrained network: float (N, channels, length) to logits (N, classes)."""
    quant = recipe.quant
    return Sardine(classes, channels, recipe.model.width, quant.weight_bits, quant.act_bits, quant.input_bits)
