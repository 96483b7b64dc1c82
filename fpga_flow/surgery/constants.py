"""Channels that are the same number at every position of every frame, and who can do without them.

A filter without weights still gives something: the constant that its batch norm and quantiser make of zero.
Behind a layer that pads its frames with zeros such a channel is needed at the edges, where the constant is
missing from the sums; elsewhere the sums can have it in the batch norm behind them.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fpga_flow.surgery.body import Body
from fpga_flow.surgery.graph import POOLS, Channel, Node


@dataclass(frozen=True)
class Constants:
    """Of the channels of one node: which are constant, and what they are (0 where they are not)."""

    known: Tensor
    """bool (channels,)"""
    values: Tensor
    """float32 (channels,)"""


def constants(body: Body) -> list[Constants]:
    """Return what is constant, for every node of the graph, in the network as it is deployed."""
    found: list[Constants] = []
    with torch.no_grad():
        for node in body.graph.nodes:
            found.append(_of(body, node, [found[source] for source in node.sources]))
    return found


def _of(body: Body, node: Node, before: list[Constants]) -> Constants:
    module: Any = body.exact.get_submodule(node.path) if node.path else None
    if node.kind == "input":
        return Constants(torch.zeros(len(node.channels), dtype=torch.bool), torch.zeros(len(node.channels)))
    if node.kind == "cat":
        return Constants(torch.cat([c.known for c in before]), torch.cat([c.values for c in before]))
    if node.kind == "add":
        return _clean(before[0].known & before[1].known, before[0].values + before[1].values)
    read = before[0]
    if node.kind in ("norm", "function"):
        rank = 4 if isinstance(module, nn.BatchNorm2d) else 2
        out = module(read.values.reshape((1, -1) + (1,) * (rank - 2)))
        return _clean(read.known, getattr(out, "value", out).flatten())
    if node.kind == "pass":
        mixes = isinstance(module, POOLS) and not isinstance(module, nn.MaxPool1d | nn.MaxPool2d)
        if mixes and is_padded(module):
            return _clean(read.known & (read.values == 0), read.values)
        return read
    weights = body.weights(node.path)
    moving = ~read.known | (read.values != 0) if is_padded(module) else ~read.known
    if node.kind == "depthwise":
        taps = weights.flatten(1)
        return _clean(~(moving & (taps != 0).any(1)), taps.sum(1) * read.values)
    taps = by_channel(weights, len(read.known))
    known = ~((taps != 0).any(2) & moving).any(1)
    values = (taps.double().sum(2) * read.values.double()).sum(1).float()
    return _clean(known, values if module.bias is None else values + module.bias)


def by_channel(weights: Tensor, channels: int) -> Tensor:
    """Shape weights (outputs, inputs[, kernel...]) as (outputs, channels, weights of a channel).

    A dense layer behind a flatten has the positions of a channel one after the other.
    """
    return weights.reshape(weights.shape[0], channels, -1)


def is_padded(module: Any) -> bool:
    """Whether a convolution or pool adds zeros at the edges."""
    padding: Any = getattr(module, "padding", 0)
    return any(padding) if isinstance(padding, tuple) else bool(padding)


def _clean(known: Tensor, values: Tensor) -> Constants:
    return Constants(known, torch.where(known, values, torch.zeros_like(values)))


def shiftable(body: Body, place: int) -> bool:
    """Whether a constant added to what the node at `place` makes comes, as it is, only into batch norms."""
    nodes = body.graph.nodes
    readers = [index for index, node in enumerate(nodes) if place in node.sources]
    if not readers:
        return False  # these are the logits

    def absorbs(index: int) -> bool:
        node = nodes[index]
        if node.kind == "pass" and node.path and is_padded(body.exact.get_submodule(node.path)):
            return False
        return node.kind == "norm" or (node.kind in ("pass", "cat", "add") and shiftable(body, index))

    return all(map(absorbs, readers))


def needed(body: Body, known: list[Constants]) -> tuple[set[Channel], set[Channel]]:
    """Return the channels that some layer cannot do without, and those of them that are constant there.

    The second ones are needed at the edges of frames alone, or because there is no batch norm to take them.
    """
    moving, constant = set[Channel](), set[Channel]()
    graph = body.graph
    for place, node in enumerate(graph.nodes):
        if node.kind != "layer":
            continue
        module: Any = body.exact.get_submodule(node.path)
        read, channels = known[node.sources[0]], graph.inputs(node)
        used = (by_channel(body.weights(node.path), len(channels)) != 0).any(2).any(0)
        folds = not is_padded(module) and (module.bias is not None or shiftable(body, place))
        for k, channel in enumerate(channels):
            if used[k] and not read.known[k]:
                moving.add(channel)
            elif used[k] and read.values[k] != 0 and not folds:
                constant.add(channel)
    return moving, constant - moving - graph.fixed
