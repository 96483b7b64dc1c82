"""Taking out channels that do something, by a criterion, layer by layer.

The channels chosen are emptied first: their filters lose all weights and give zero. What is left of the
network then computes the same with and without them, through whatever joins its layers.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from fpga_flow.core.errors import InputError
from fpga_flow.core.recipe_parts.pruning import SurgeryRecipe
from fpga_flow.surgery.body import Body
from fpga_flow.surgery.constants import constants, needed
from fpga_flow.surgery.counts import fold_friendly
from fpga_flow.surgery.graph import Channel
from fpga_flow.surgery.idle import families, silence_empty
from fpga_flow.train.spec import matches

Importance = Callable[[Body], dict[Channel, float]]


def l1_norms(body: Body) -> dict[Channel, float]:
    """Return the L1 norm of every channel's filters, of all layers that a sum or a depthwise one ties."""
    found: dict[Channel, float] = {}
    for node in body.graph.of("layer", "depthwise"):
        weight = _weight(body, node.path)
        for channel, size in zip(node.channels, weight.abs().flatten(1).sum(1).tolist(), strict=True):
            found[channel] = found.get(channel, 0.0) + size
    return found


def norm_scales(body: Body) -> dict[Channel, float]:
    """Return the mean absolute scale of the batch norms that every channel passes (Liu et al. 2017).

    Raises `InputError` for a layer whose channels pass none.
    """
    scales: dict[Channel, list[float]] = {}
    for node in body.graph.of("norm"):
        norm = body.module.get_submodule(node.path)
        assert isinstance(norm, _BatchNorm)
        for channel, scale in zip(node.channels, norm.weight.detach().abs().tolist(), strict=True):
            scales.setdefault(channel, []).append(scale)
    for paths, channels in families(body.graph).items():
        if any(channel not in scales for channel in channels):
            raise InputError(
                "surgery.channels: slimming must have a batch norm behind every layer, "
                f"{body.name(paths[0])} has none; use l1-filters"
            )
    return {channel: sum(sizes) / len(sizes) for channel, sizes in scales.items()}


CRITERIA: dict[str, Importance] = {"l1-filters": l1_norms, "slimming": norm_scales}


def empty(body: Body) -> None:
    """Empty the channels that the recipe's `surgery` takes out of each layer.

    Their weights are zero, and masked; what they give is zero. Raises `InputError` naming a layer that does
    not exist, or whose channels cannot be made zero.
    """
    settings = body.recipe.surgery
    sizes = CRITERIA[settings.channels](body)
    doomed = set[Channel]()
    _check_names(body, settings)
    for paths, channels in families(body.graph).items():
        stay = _staying([body.name(path) for path in paths], len(channels), settings)
        smallest = sorted(channels, key=lambda channel: sizes[channel])  # stable: the first among equals
        doomed.update(smallest[: len(channels) - stay])
    if not doomed:
        return
    masks: dict[str, Tensor | None] = {}
    with torch.no_grad():
        for node in body.graph.of("layer", "depthwise"):
            rows = torch.tensor([channel not in doomed for channel in node.channels])
            if rows.all():
                continue
            layer: Any = body.module.get_submodule(node.path)
            before = body.mask(node.path)
            mask = rows.reshape((-1,) + (1,) * (layer.weight.dim() - 1)).expand_as(layer.weight)
            masks[body.name(node.path)] = mask.clone() if before is None else before & mask
            layer.weight.mul_(mask)
            if layer.bias is not None:
                layer.bias.mul_(rows)
    body.save(masks)
    silence_empty(body)
    _check_empty(body, doomed)


def _weight(body: Body, path: str) -> Tensor:
    layer: Any = body.module.get_submodule(path)
    mask = body.mask(path)
    weight: Tensor = layer.weight.detach()
    return weight if mask is None else weight * mask


def _staying(names: list[str], there: int, settings: SurgeryRecipe) -> int:
    share, number = settings.share, None
    for entry, own in settings.shares.items():
        if any(matches(entry, name) for name in names):
            share = own
    for entry, count in settings.keep.items():
        if any(matches(entry, name) for name in names):
            number = count
    wanted = there - round(share * there) if number is None else number
    return fold_friendly(wanted, there, settings.multiple)


def _check_names(body: Body, settings: SurgeryRecipe) -> None:
    makers = {body.name(path) for paths in families(body.graph) for path in paths}
    for key, entries in (("shares", settings.shares), ("keep", settings.keep)):
        for entry in entries:
            if not any(matches(entry, name) for name in makers):
                raise InputError(
                    f"surgery.{key}: {entry!r} is no layer whose channels can go; there are "
                    f"{', '.join(sorted(makers))}"
                )


def _check_empty(body: Body, doomed: set[Channel]) -> None:
    moving, constant = needed(body, constants(body))
    stuck = doomed & (moving | constant)
    if stuck:
        names = ", ".join(
            sorted({body.name(path) for channel in stuck for path in body.graph.made_by[channel]})
        )
        raise InputError(
            f"surgery.channels: those of {names} cannot go, as nothing makes them zero; there must be a "
            "batch norm and a quantised ReLU (2 bits or more) behind them. Give these layers a share of 0 "
            "(surgery.shares)"
        )
