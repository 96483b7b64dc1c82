"""Masks: which weights of a network are left.

A mask stands in the checkpoint beside its weight (`None`: nothing is pruned), so it comes back with
every reload. What is pruned is counted here, never computed from rates.
"""

import torch
from torch import Tensor

from fpga_flow.results.prune import LayerCount
from fpga_flow.train.checkpoint import State

Masks = dict[str, Tensor]
"""Layer name -> bool tensor shaped like the layer's weight; True is left."""


def masks_of(state: State) -> Masks:
    """Return the masks in `state`, all True where a layer has none."""
    return {
        name: torch.ones_like(kept["weight"], dtype=torch.bool) if kept["mask"] is None else kept["mask"]
        for name, kept in state["layers"].items()
    }


def masked(state: State, masks: Masks) -> State:
    """Return a copy of `state` with `masks` in force: what they take is exactly zero.

    A weight that was pruned stays so: masks can only shrink.
    """
    layers = {}
    for name, kept in state["layers"].items():
        mask = masks[name] if kept["mask"] is None else masks[name] & kept["mask"]
        layers[name] = kept | {"weight": kept["weight"] * mask, "mask": mask.clone()}
    return state | {"layers": layers}


def count(state: State, codes: dict[str, Tensor]) -> list[LayerCount]:
    """Count the weights of every layer, in the order of the layers; `codes` are their integers by name."""
    masks = masks_of(state)
    return [
        LayerCount(
            name=name,
            weights=kept["weight"].numel(),
            left=int(masks[name].sum()),
            nonzero=int((codes[name] != 0).sum()),
        )
        for name, kept in state["layers"].items()
    ]


def density(state: State) -> float:
    """Return the share of weights that the masks leave."""
    masks = masks_of(state).values()
    return sum(int(mask.sum()) for mask in masks) / sum(mask.numel() for mask in masks)
