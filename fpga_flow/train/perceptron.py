"""Dense layers in a row, which several models are made of."""

from collections.abc import Sequence

from torch import nn

from fpga_flow.core.recipe_parts.quant import QuantRecipe
from fpga_flow.train import layers


def perceptron(
    quantiser: nn.Module, inputs: int, hidden: Sequence[int], classes: int, quant: QuantRecipe
) -> nn.Module:
    """Return `quantiser`, then dense layers of `hidden` neurons, then one that gives logits (N, classes).

    It takes float frames (N, ...) of `inputs` values. Batch norm and quantised ReLU (the sign, with one bit)
    stand behind each layer but the last.
    """
    parts: list[nn.Module] = [quantiser, nn.Flatten()]
    for neurons in hidden:
        parts += [
            layers.dense(inputs, neurons, quant.weight_bits),
            nn.BatchNorm1d(neurons),
            layers.activation(quant.act_bits),
        ]
        inputs = neurons
    return nn.Sequential(*parts, layers.dense(inputs, classes, quant.weight_bits))
