"""Taking out channels that do nothing: nobody reads them, or what they give is a constant that can be folded.

The network computes the same afterwards. Constants go into the mean of the batch norm behind the layer that
read them, or into its bias; weights that stay keep their codes. With APoT levels, which follow the weights
that are left, that holds only where those taken out were zero.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Any

import torch
from torch import Tensor

from fpga_flow.core.recipe_parts import Recipe
from fpga_flow.surgery.body import Body, Cut
from fpga_flow.surgery.constants import Constants, by_channel, constants, needed
from fpga_flow.surgery.graph import Channel, Graph
from fpga_flow.train.checkpoint import State

Keep = Callable[[int, int], int]
"""(channels that must stay, channels that there are) -> how many stay."""


def exactly(wanted: int, there: int) -> int:
    """Keep what must stay, and one channel at least."""
    return min(max(1, wanted), there)


def take_out_idle(body: Body, keep: Keep = exactly, silence: bool = False) -> None:
    """Take out the channels that do nothing; the network computes the same.

    A channel that is constant but needed at the edges of frames stays, unless `silence` says that its
    constant shall become zero first, which changes what the network computes there. `keep` says how many
    channels stay of those that one layer makes.
    """
    while True:
        known = constants(body)
        moving, constant = needed(body, known)
        if silence and constant and _silence(body, known, constant):
            continue
        idle = set(body.graph.made_by) - moving - constant - body.graph.fixed
        gone = _as_many(body.graph, idle, keep)
        if not gone:
            return
        _fold(body, known, gone)
        body.cut(cuts(body, gone))


def families(graph: Graph) -> dict[tuple[str, ...], list[Channel]]:
    """Return the channels by the layers that make them, in order; those that cannot go are left out."""
    found: dict[tuple[str, ...], list[Channel]] = {}
    for channel, paths in graph.made_by.items():
        if channel not in graph.fixed:
            found.setdefault(paths, []).append(channel)
    return found


def _as_many(graph: Graph, idle: set[Channel], keep: Keep) -> set[Channel]:
    gone = set[Channel]()
    for channels in families(graph).values():
        going = [channel for channel in channels if channel in idle]
        stay = keep(len(channels) - len(going), len(channels))
        gone.update(going[len(going) - (len(channels) - stay) :] if stay < len(channels) else [])
    return gone


def cuts(body: Body, gone: Collection[Channel]) -> dict[str, Cut]:
    """Return what stays of every layer and batch norm when the channels `gone` go, of those that change."""
    found: dict[str, Cut] = {}
    for node in body.graph.of("layer", "depthwise", "norm"):
        rows = [k for k, channel in enumerate(node.channels) if channel not in gone]
        columns: list[int] = []
        read = body.graph.inputs(node)
        if node.kind == "layer":
            layer: Any = body.module.get_submodule(node.path)
            positions = layer.weight.shape[1] // len(read)
            columns = [
                k * positions + position
                for k, channel in enumerate(read)
                if channel not in gone
                for position in range(positions)
            ]
        if len(rows) < len(node.channels) or any(channel in gone for channel in read):
            found[node.path] = Cut(rows, columns)
    return found


def _fold(body: Body, known: list[Constants], gone: set[Channel]) -> None:
    """Put what the constant channels among `gone` give into the batch norms and biases behind their
    readers."""
    shifts: list[Tensor] = []
    with torch.no_grad():
        for node in body.graph.nodes:
            module: Any = body.module.get_submodule(node.path) if node.path else None
            shift = torch.zeros(len(node.channels))
            if node.kind == "layer":
                read, channels = known[node.sources[0]], body.graph.inputs(node)
                going = torch.tensor([channel in gone for channel in channels])
                taps = by_channel(body.weights(node.path), len(channels)).double().sum(2)
                shift = (taps * torch.where(going, read.values, 0.0).double()).sum(1).float()
                if module.bias is not None:
                    module.bias += shift
                    shift = torch.zeros_like(shift)
            elif node.kind == "norm":
                module.running_mean -= shifts[node.sources[0]]
            elif node.kind in ("pass", "add"):
                shift = sum((shifts[source] for source in node.sources), shift)
            elif node.kind == "cat":
                shift = torch.cat([shifts[source] for source in node.sources])
            shifts.append(shift)


def _silence(body: Body, known: list[Constants], channels: Iterable[Channel]) -> bool:
    """Let these constant channels be zero behind every quantised ReLU; returns whether they were not.

    Their batch norms give -1 whatever comes in: below zero, where no gradient reaches them, so they stay
    silent through training.
    """
    quiet, changed = set(channels), False
    with torch.no_grad():
        for node in body.graph.of("norm"):
            norm: Any = body.module.get_submodule(node.path)
            read = known[node.sources[0]]
            for k, channel in enumerate(node.channels):
                if channel not in quiet or not read.known[k]:
                    continue
                silent = norm.running_mean[k] == read.values[k] and norm.bias[k] == -1
                changed = changed or not bool(silent)
                norm.running_mean[k], norm.running_var[k], norm.bias[k] = read.values[k], 1.0, -1.0
    if changed:
        body.save()
    return changed


def silence_idle(recipe: Recipe, state: State) -> State:
    """Return the checkpoint in which filters without weights give zero, as if their channels were not there.

    So pruning of whole filters is meant (Li et al. 2017): the feature map goes, with its batch norm.
    """
    body = Body(recipe, state)
    silence_empty(body)
    return body.state


def silence_empty(body: Body) -> None:
    """Let filters without weights give zero."""
    _silence(body, constants(body), _empty(body))


def _empty(body: Body) -> set[Channel]:
    """Return the channels all of whose filters have no weights."""
    found = set(body.graph.made_by) - body.graph.fixed
    for node in body.graph.of("layer", "depthwise"):
        rows = (body.weights(node.path) != 0).flatten(1).any(1)
        found -= {channel for channel, alive in zip(node.channels, rows, strict=True) if alive}
    return found
