"""VGG10 for modulation classification (O'Shea, Roy and Clancy 2018; A(MC) challenge, ITU 2021).

Seven 1-D convolutions, each with batch norm, quantised ReLU and max-pool by 2, then three dense layers.
"""

from torch import nn

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train.blocks import Chain
from fpga_flow.train.spec import Conv, Dense, Layer, quant_of

CONVOLUTIONS = 7
SHRINK = 2**CONVOLUTIONS
"""What the pools together divide the frame length by."""


def layers(recipe: Recipe, classes: int, channels: int) -> tuple[Layer, ...]:
    """Return the layers for frames of `channels` rows (I and Q) and `recipe.data.length` samples.

    Raises `InputError` where the length is no multiple of 128.
    """
    length, width, dense = recipe.data.length, recipe.model.width, recipe.model.dense
    if length % SHRINK:
        raise InputError(
            f"data.length: must be a multiple of {SHRINK} for model vgg10 "
            f"({CONVOLUTIONS} max-pools by 2), not {length}"
        )
    inputs = [channels] + [width] * (CONVOLUTIONS - 1)
    convolutions = [Conv(f"conv{k}", inputs[k - 1], width) for k in range(1, CONVOLUTIONS + 1)]
    return (
        *convolutions,
        Dense("dense1", width * (length // SHRINK), dense),
        Dense("dense2", dense, dense),
        Dense("classes", dense, classes, last=True),
    )


def build(recipe: Recipe, classes: int, channels: int) -> nn.Module:
    """Return the untrained Brevitas network: float (N, channels, length) to logits (N, classes)."""
    return Chain(layers(recipe, classes, channels), quant_of(recipe))
