"""Criteria: which of the remaining weights go next.

A criterion is a function (state, share) -> masks, entered in `CRITERIA` under its name in the recipe.
`share` is of the weights that are left; a criterion never gives a weight back.
"""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor

from fpga_flow.core.errors import InputError
from fpga_flow.prune.masks import Masks, masks_of
from fpga_flow.train.checkpoint import State

Criterion = Callable[[State, float], Masks]
Entry = tuple[str, int]
"""The key of a batch norm's scales in a module's checkpoint, and the entry of one channel."""


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
    """Take the filters (dense: neurons) with the smallest L1 norm, the same part of every layer but the last.

    As many go as it takes for `share` of the weights; one always stays (Li et al. 2017, section 3.1).
    """
    found = masks_of(state)
    ranks = {}
    for name in _but_last(state):
        rows = _rows(found[name])
        norms = state["layers"][name]["weight"].mul(found[name]).abs().flatten(1).sum(1)
        places = torch.argsort(torch.argsort(norms.masked_fill(~rows, torch.inf), stable=True))
        ranks[name] = (places + 1) / max(int(rows.sum()), 1)
    return _whole_rows(found, ranks, share)


def slimming(state: State, share: float) -> Masks:
    """Take the channels with the smallest batch-norm scales of all layers together (Liu et al. 2017).

    As many go as it takes for `share` of the weights; every layer keeps the one of the largest scale. Raises
    `InputError` for a layer without a batch norm behind it.
    """
    return _whole_rows(masks_of(state), {name: _scales(state, name) for name in _but_last(state)}, share)


def hardware(state: State, share: float) -> Masks:
    """Take the weights with the smallest |w| / sqrt(price) of all layers together; `share` is of the prices.

    It is reached with the last weight that goes.
    A price is what a weight takes of the hardware where it stands (`fitting.Hardware.prices`, in
    `state["prices"]`). To lose w is taken to cost w^2, as for equal curvature of the loss; of what is lost
    for each LUT that is saved, w^2 / price, the least goes first, which is the greedy way to fill a knapsack
    (Dantzig, "Discrete-variable extremum problems", 1957).
    """
    masks = masks_of(state)
    prices = torch.cat([state["prices"][name][mask] for name, mask in masks.items()]).double()
    weights = torch.cat([state["layers"][name]["weight"][mask] for name, mask in masks.items()])
    order = torch.argsort(weights.double().abs() / prices.sqrt(), stable=True)
    gone = torch.zeros(len(order), dtype=torch.bool)
    sorted_prices = prices[order]
    gone[order] = sorted_prices.cumsum(0) - sorted_prices < share * prices.sum()
    return _without_pieces(masks, gone)


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
    "hardware": hardware,
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
    kept = state["layers"][name]
    if "gamma" in kept:
        return cast(Tensor, kept["gamma"].abs())
    norms: list[list[Entry]] = state.get("norms", {}).get(name, [])
    if not norms or not all(norms):
        raise InputError(
            f"prune.criterion: slimming must have a batch norm behind every layer but the last, "
            f"{name} has none; use l1-filters or magnitude"
        )
    rest = state["rest"]
    return torch.stack([torch.stack([rest[key][entry].abs() for key, entry in own]).mean() for own in norms])


def _rows(mask: Tensor) -> Tensor:
    return mask.flatten(1).any(1)


def _whole_rows(masks: Masks, sizes: dict[str, Tensor], share: float) -> Masks:
    """Take the rows of the smallest sizes until `share` of all weights left are gone; a layer keeps one."""
    found = {name: mask.clone() for name, mask in masks.items()}
    wanted = share * sum(int(mask.sum()) for mask in masks.values())
    stay = {name: int(own.masked_fill(~_rows(masks[name]), -1).argmax()) for name, own in sizes.items()}
    order = sorted(
        (size, place, row)
        for place, (name, own) in enumerate(sizes.items())
        for row, size in enumerate(own.tolist())
        if row != stay[name] and masks[name][row].any()
    )
    names, gone = list(sizes), 0
    for _, place, row in order:
        if gone >= wanted - 1e-6:
            break
        mask = found[names[place]]
        gone += int(mask[row].sum())
        mask[row] = False
    return found


def _smallest_of_all(state: State, share: float, size: Callable[[Tensor], Tensor]) -> Masks:
    masks = masks_of(state)
    sizes = torch.cat([size(state["layers"][name]["weight"] * mask)[mask] for name, mask in masks.items()])
    gone = _smallest(sizes, round(share * sizes.numel()))
    return _without_pieces(masks, gone)


def _without_pieces(masks: Masks, gone: Tensor) -> Masks:
    """Return `masks` less those of their weights, one layer after the other, that are `gone`."""
    pieces = torch.split(gone, [int(mask.sum()) for mask in masks.values()])
    return {name: _without(mask, piece) for (name, mask), piece in zip(masks.items(), pieces, strict=True)}


def _smallest(sizes: Tensor, number: int) -> Tensor:
    # A stable sort takes exactly `number`, the first ones among equals.
    gone = torch.zeros_like(sizes, dtype=torch.bool)
    gone[torch.argsort(sizes, stable=True)[:number]] = True
    return gone


def _without(mask: Tensor, gone: Tensor) -> Tensor:
    result = mask.clone()
    result[mask] = ~gone
    return result
