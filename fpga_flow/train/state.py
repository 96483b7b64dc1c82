"""The state of a network before training, and the scales of its weights."""

import math

import torch
from torch import Tensor

from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.train.checkpoint import State, header, weight_shape
from fpga_flow.train.spec import Dense, chain, quant_of


def new_state(recipe: Recipe, classes: list[str], channels: int) -> State:
    """Return the state of an untrained network: He initialisation, seeded by `recipe.seed`."""
    generator = torch.Generator().manual_seed(recipe.seed)
    quant = quant_of(recipe)
    layers: dict[str, State] = {}
    for layer in chain(recipe, len(classes), channels):
        shape = weight_shape(layer)
        deviation = math.sqrt(2 / math.prod(shape[1:]))
        weight = torch.randn(shape, generator=generator) * deviation
        kept: State = {
            "weight": weight,
            "scale": fit_scale(weight, quant.layer(layer.name).weight_max),
            "mask": None,
        }
        if isinstance(layer, Dense) and layer.last:
            kept["bias"] = torch.zeros(layer.outputs)
        else:
            kept |= {
                "gamma": torch.ones(layer.outputs),
                "beta": torch.zeros(layer.outputs),
                "mean": torch.zeros(layer.outputs),
                "var": torch.ones(layer.outputs),
            }
        layers[layer.name] = kept
    return header(recipe, classes, channels) | {"layers": layers}


def fit_scale(weight: Tensor, largest_code: int, mask: Tensor | None = None) -> float:
    """Return the power of two that as step of codes up to `largest_code` makes the least squared error.

    With `mask`, statistics are taken over the weights that are left.
    """
    kept = weight if mask is None else weight[mask]
    largest = float(kept.abs().max()) if kept.numel() else 0.0
    if largest == 0.0:
        return 1.0
    top = math.ceil(math.log2(largest / largest_code))
    best, best_error = 1.0, math.inf
    for exponent in range(top, top - 4, -1):
        scale = 2.0**exponent
        codes = torch.round(kept / scale).clamp(-largest_code, largest_code)
        error = float(((codes * scale - kept) ** 2).sum())
        if error < best_error:
            best, best_error = scale, error
    return best
