"""Criteria: which of the remaining weights go next.

A criterion is a function (state, share) -> masks, entered in `CRITERIA` under its name in the recipe.
`share` is of the weights that are left; a criterion never gives a weight back.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from fpga_flow.prune.masks import Masks, masks_of
from fpga_flow.train.checkpoint import State


def magnitude(state: State, share: float) -> Masks:
    """Take the smallest absolute weights of all layers together (Han et al. 2015)."""
    masks = masks_of(state)
    sizes = torch.cat([state["layers"][name]["weight"][mask].abs() for name, mask in masks.items()])
    gone = _smallest(sizes, round(share * sizes.numel()))
    pieces = torch.split(gone, [int(mask.sum()) for mask in masks.values()])
    return {name: _without(mask, piece) for (name, mask), piece in zip(masks.items(), pieces, strict=True)}


def layer_magnitude(state: State, share: float) -> Masks:
    """Take the same share of the smallest absolute weights out of every layer."""
    masks = {}
    for name, mask in masks_of(state).items():
        sizes = state["layers"][name]["weight"][mask].abs()
        masks[name] = _without(mask, _smallest(sizes, round(share * sizes.numel())))
    return masks


CRITERIA: dict[str, Callable[[State, float], Masks]] = {
    "magnitude": magnitude,
    "layer-magnitude": layer_magnitude,
}


def _smallest(sizes: Tensor, number: int) -> Tensor:
    # A stable sort takes exactly `number`, the first ones among equals.
    gone = torch.zeros_like(sizes, dtype=torch.bool)
    gone[torch.argsort(sizes, stable=True)[:number]] = True
    return gone


def _without(mask: Tensor, gone: Tensor) -> Tensor:
    result = mask.clone()
    result[mask] = ~gone
    return result
