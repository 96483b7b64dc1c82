"""What a recipe says of bits, of scales, and of how a float network is quantised."""

from typing import Annotated, Literal

from pydantic import Field

from fpga_flow.core.recipe_parts.base import Bits, Count, Part, Share

Levels = Literal["uniform", "apot"]
"""The values of a quantiser: evenly spaced, or additive powers of two."""


class LayerQuant(Part):
    """What one layer, or all layers below one name, has of its own; None: as the others."""

    weight_bits: Bits | None = None
    """Of its weights."""
    act_bits: Bits | None = None
    """Of its activations."""
    weights: Levels | None = None
    """The values its weights have."""
    activations: Levels | None = None
    """The values its activations have."""


class QuantRecipe(Part):
    """Bits per weight, activation and input sample, the levels, and where the scales come from."""

    weight_bits: Bits = 4
    """Of all weights; with 1 they are -1 and 1."""
    act_bits: Bits = 4
    """Of all activations; with 1 they are -1 and 1."""
    input_bits: Annotated[int, Field(ge=2, le=8)] = 8
    """Of the numbers in a frame, as the host gives them."""
    weights: Levels = "uniform"
    """Evenly spaced values, or additive powers of two."""
    activations: Levels = "uniform"
    """The same, of activations."""
    scales: Literal["model", "fixed", "learned"] = "model"
    """`learned`: every scale is trained, `fixed`: none is, they stay as calibrated. `model`: as the model
    says; a chain has powers of two, other models learn the scales of activations."""
    layers: dict[str, LayerQuant] = {}
    """Layer, the name of a part that holds layers, or a pattern with * -> what differs there; of several that
    match, the last counts."""


class CalibrationRecipe(Part):
    """How scales are set from training frames when a float network is quantised."""

    frames: Count = 2048
    """For the statistics of dense layers' batch norms a few hundred are not enough."""
    method: Literal["quantile", "max", "mse"] = "mse"
    """What the largest value of an activation is: nearly the largest seen, the largest, or that of the least
    squared error."""
    quantile: Share = 0.999
    """Part of the positive values that are not clipped, where the method is quantile."""
