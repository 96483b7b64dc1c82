"""BacalhauNet for modulation classification: depthwise-separable convolutions over long kernels.

The network that won the ITU challenge of 2021 on RadioML 2018.01A: five blocks of a depthwise and a pointwise
convolution, the largest value of every channel over all time, one dense layer.
"""

from torch import Tensor, nn

from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train import layers
from fpga_flow.train.separable import SeparableBlock, largest_over_time

KERNELS = (27, 21, 15, 9, 9)
STRIDES = (2, 1, 2, 1, 2)
WIDTHS = (1, 1, 2, 2, 2)
"""Channels behind each block, in units of `model.width`."""
LARGEST = 3.0
"""The input's range is -2..3; one scale for both signs makes that -3..3."""


class BacalhauNet(nn.Module):
    """Float (N, channels, length) to logits (N, classes)."""

    def __init__(
        self, classes: int, channels: int, width: int, weight_bits: int, act_bits: int, input_bits: int
    ) -> None:
        super().__init__()
        self.input = layers.samples(input_bits, LARGEST)
        quantiser: nn.Module = self.input
        blocks = []
        for kernel, stride, factor in zip(KERNELS, STRIDES, WIDTHS, strict=True):
            outputs = factor * width
            block = SeparableBlock(channels, outputs, kernel, stride, (weight_bits, act_bits), quantiser)
            blocks.append(block)
            channels, quantiser = outputs, block.out
        self.blocks = nn.Sequential(*blocks)
        self.classes = layers.dense(channels, classes, weight_bits)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        x = self.blocks(self.input(x))
        logits: Tensor = self.classes(largest_over_time(x))
        return logits


def build(recipe: Recipe, classes: int, channels: int) -> nn.Module:
    """Return the untrained network: float (N, channels, length) to logits (N, classes)."""
    quant = recipe.quant
    return BacalhauNet(
        classes, channels, recipe.model.width, quant.weight_bits, quant.act_bits, quant.input_bits
    )
