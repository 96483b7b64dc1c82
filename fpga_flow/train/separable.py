"""Depthwise-separable blocks of 1-D models: what MobileNet (Howard et al. 2017) does, in time."""

import torch
from torch import Tensor, nn

from fpga_flow.train import layers


class SeparableBlock(nn.Module):
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


def largest_over_time(x: Tensor) -> Tensor:
    """(N, channels, length) to (N, channels)."""
    return torch.amax(x, dim=2)
