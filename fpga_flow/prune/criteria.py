"""Criteria: which of the remaining weights go next.

A criterion is a function (state, share) -> masks, entered in `CRITERIA` under its name in the recipe.
`share` is of the weights that are left; a criterion never gives a weight back.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from fpga_flow.errors import InputError
from fpga_flow.prune.masks import Masks, masks_of
from fpga_flow.train.checkpoint import State

Criterion = Callable[[State, float], Masks]


def magnitude(state: State, share: float) -> Masks:
    """Take the smallest absolute weights of all layers together (Han et al. 2015)."""
    return _smallest_of_all(state, share, lambda weight: weight.abs())


def relative_magnitude(state: State, share: float) -> Masks:
    """Take the weights with the smallest |w| / max|w| of their layer, of all layers together.

    `share` is the percentile of that ratio below which weights go (Duarte et al. 2018, section 2.2).
    """
    return _smallest_of_all(state, share, lambda weight: weight.abs() / weight.abs().max().clamp(min=1e-30))


def layer_magnitude(state: State, share: float) -> Masks:
    """Take the same share of the smallest absolute weights out of every layer."""
    masks = {}
    for name, mask in masks_of(state).items():
        sizes = state["layers"][name]["weight"][mask].abs()
        masks[name] = _without(mask, _smallest(sizes, round(share * sizes.numel())))
    return masks


def l1_filters(state: State, share: float) -> Masks:
    """Take the filters (dense: neurons) with the smallest L1 norm out of every layer but the last.

    `share` is of the filters that are left in a layer; one always stays (Li et al. 2017, section 3.1).
    """
    masks = masks_of(state)
    for name in _but_last(state):
        rows = masks[name].flatten(1).any(1)
        norms = state["layers"][name]["weight"].mul(masks[name]).abs().flatten(1).sum(1)[rows]
        number = min(round(share * len(norms)), len(norms) - 1)
        masks[name] = _without_rows(masks[name], rows, _smallest(norms, number))
    return masks


def slimming(state: State, share: float) -> Masks:
    """Take the channels with the smallest batch-norm scales of all layers together (Liu et al. 2017).

    `share` is of the channels that are left; every layer keeps the one of the largest scale. Raises
    `InputError` for a layer without a batch norm of its own.
    """
    masks = masks_of(state)
    names = _but_last(state)
    rows = {name: masks[name].flatten(1).any(1) for name in names}
    sizes, first = [], []
    for name in names:
        own = _scales(state, name).abs()[rows[name]]
        sizes.append(own)
        kept = torch.zeros_like(own, dtype=torch.bool)
        if len(own):
            kept[own.argmax()] = True
        first.append(kept)
    if not sizes:
        return masks
    together = torch.cat(sizes)
    number = min(round(share * len(together)), int((~torch.cat(first)).sum()))
    gone = _smallest(together.masked_fill(torch.cat(first), torch.inf), number)
    for name, piece in zip(names, torch.split(gone, [len(own) for own in sizes]), strict=True):
        masks[name] = _without_rows(masks[name], rows[name], piece)
    return masks


def below(state: State, threshold: float) -> Masks:
    """Take the weights whose absolute value is less than `threshold`, out of every layer.

    Raises `InputError` where a layer would have none left.
    """
    masks = {}
    for name, mask in masks_of(state).items():
        sizes = state["layers"][name]["weight"].abs()
        masks[name] = mask & (sizes >= threshold)
        if mask.any() and not masks[name].any():
            raise InputError(
                f"prune.thresholds: must leave weights in every layer; {threshold:g} takes all of {name}, "
                f"whose largest is {float(sizes[mask].max()):.3g}"
            )
    return masks


CRITERIA: dict[str, Criterion] = {
    "magnitude": magnitude,
    "layer-magnitude": layer_magnitude,
    "l1-filters": l1_filters,
    "slimming": slimming,
    "relative-magnitude": relative_magnitude,
}


def by_kind(convolution: Criterion, dense: Criterion) -> Criterion:
    """Return a criterion that looks at convolutions and dense layers apart, each with its own rule."""

    def both(state: State, share: float) -> Masks:
        found = masks_of(state)
        for criterion, is_dense in ((convolution, False), (dense, True)):
            layers = {
                name: kept
                for name, kept in state["layers"].items()
                if (kept["weight"].dim() == 2) == is_dense
            }
            if layers:
                last = state.get("last", next(reversed(state["layers"])))
                found |= criterion(state | {"layers": layers, "last": last}, share)
        return found

    return both


def _but_last(state: State) -> list[str]:
    # The last layer's outputs are the classes. A part of a network says which layer that is.
    last = state.get("last", next(reversed(state["layers"]), None))
    return [name for name in state["layers"] if name != last]


def _scales(state: State, name: str) -> Tensor:
    kept, rest = state["layers"][name], state.get("rest", {})
    found = kept.get("gamma", rest.get(f"blocks.{name}.norm.weight"))
    if not isinstance(found, Tensor):
        raise InputError(
            f"prune.criterion: slimming must have a batch norm right behind every layer, {name} has none "
            "that is known to be its own; use l1-filters or magnitude"
        )
    return found


def _smallest_of_all(state: State, share: float, size: Callable[[Tensor], Tensor]) -> Masks:
    masks = masks_of(state)
    sizes = torch.cat([size(state["layers"][name]["weight"] * mask)[mask] for name, mask in masks.items()])
    gone = _smallest(sizes, round(share * sizes.numel()))
    pieces = torch.split(gone, [int(mask.sum()) for mask in masks.values()])
    return {name: _without(mask, piece) for (name, mask), piece in zip(masks.items(), pieces, strict=True)}


def _without_rows(mask: Tensor, rows: Tensor, gone: Tensor) -> Tensor:
    result = mask.clone()
    result[rows.nonzero().flatten()[gone]] = False
    return result


def _smallest(sizes: Tensor, number: int) -> Tensor:
    # A stable sort takes exactly `number`, the first ones among equals.
    gone = torch.zeros_like(sizes, dtype=torch.bool)
    gone[torch.argsort(sizes, stable=True)[:number]] = True
    return gone


def _without(mask: Tensor, gone: Tensor) -> Tensor:
    result = mask.clone()
    result[mask] = ~gone
    return result
