"""BacalhauNet for modulation classification: depthwise-separable convolutions over long kernels.

The network that won the ITU challenge of 2021 on RadioML 2018.01A: five blocks of a depthwise and a pointwise
convolution, the largest value of every channel over all time, one dense layer.
"""

import torch
from torch import Tensor, nn

from fpga_flow.recipe_parts import Recipe
from fpga_flow.train import layers

KERNELS = (27, 21, 15, 9, 9)
STRIDES = (2, 1, 2, 1, 2)
WIDTHS = (1, 1, 2, 2, 2)
"""Channels behind each block, in units of `model.width`."""
LARGEST = 3.0
"""The input's range is -2..3; one scale for both signs makes that -3..3."""


class Block(nn.Module):
    """Depthwise, then pointwise convolution, each with batch norm and quantised ReLU.

    A block that keeps the shape adds its input. `before` is the quantiser that made this input: the block
    ends with the same one, so that both sides of the sum have one scale, and `out` brings the sum back to
    its bits.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, bits: tuple[int, int], before: nn.Module
    ) -> None:
        super().__init__()
        weight_bits, act_bits = bits
        self.residual = stride == 1 and inputs == outputs
        self.depthwise = layers.conv1d(inputs, inputs, kernel, weight_bits, stride=stride, groups=inputs)
        self.depthwise_norm = nn.BatchNorm1d(inputs)
        self.depthwise_act = layers.activation(act_bits)
        self.pointwise = layers.conv1d(inputs, outputs, 1, weight_bits)
        self.norm = nn.BatchNorm1d(outputs)
        self.act = before if self.residual else layers.activation(act_bits)
        self.out = layers.activation(act_bits) if self.residual else self.act

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, length) to (N, outputs, length / stride)."""
        y = self.depthwise_act(self.depthwise_norm(self.depthwise(x)))
        y = self.act(self.norm(self.pointwise(y)))
        result: Tensor = self.out(x + y) if self.residual else y
        return result


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
            block = Block(channels, outputs, kernel, stride, (weight_bits, act_bits), quantiser)
            blocks.append(block)
            channels, quantiser = outputs, block.out
        self.blocks = nn.Sequential(*blocks)
        self.classes = layers.dense(channels, classes, weight_bits)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        x = self.blocks(self.input(x))
        logits: Tensor = self.classes(torch.amax(x, dim=2))
        return logits


def build(recipe: Recipe, classes: int, channels: int) -> nn.Module:
    """Return the untrained network: float (N, channels, length) to logits (N, classes)."""
    quant = recipe.quant
    return BacalhauNet(
        classes, channels, recipe.model.width, quant.weight_bits, quant.act_bits, quant.input_bits
    )
