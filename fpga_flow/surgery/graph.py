"""Which channels belong together: the network as a graph whose every channel has a name.

A channel is named by the layer and the filter that make it, and keeps that name through whatever passes
channels on (batch norm, quantiser, pool, depthwise convolution). A sum ties the channels it adds: they get
one name. A concatenation puts names one after the other. So a layer's inputs and outputs say by name which
rows, columns and batch norm's entries go when a channel goes.
"""

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from brevitas import nn as qnn
from torch import fx, nn
from torch.nn.modules.batchnorm import _BatchNorm

from fpga_flow.core.errors import UnsupportedError

Channel = tuple[str, int]
"""The path of the layer that makes it ("" for the network's input), and its row there."""
Kind = Literal["input", "layer", "depthwise", "norm", "function", "pass", "add", "cat"]

WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Linear)
POOLS = (nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d)
PASSING = (
    *POOLS,
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool1d,
    nn.AdaptiveMaxPool2d,
    nn.Flatten,
    nn.Identity,
    nn.Dropout,
)
"""What gives every channel back, of other positions."""
FUNCTIONS = (qnn.QuantReLU, qnn.QuantIdentity, nn.ReLU)
"""What treats every value alike."""
PASSING_CALLS: tuple[object, ...] = (torch.flatten, torch.amax, "flatten", "amax", "contiguous")
ADDING_CALLS: tuple[object, ...] = (operator.add, torch.add, "add")


@dataclass(frozen=True)
class Node:
    """One operation and the channels that it makes."""

    kind: Kind
    path: str
    """Of the module; "" where it is a function."""
    sources: tuple[int, ...]
    """Places in the graph of what it reads."""
    channels: tuple[Channel, ...]


@dataclass(frozen=True)
class Graph:
    """The operations in the order in which they run; the last one makes the logits."""

    nodes: tuple[Node, ...]

    def inputs(self, node: Node) -> tuple[Channel, ...]:
        """Return the channels that a node of one source reads."""
        return self.nodes[node.sources[0]].channels

    def of(self, *kinds: Kind) -> Iterator[Node]:
        """Go through the nodes of these kinds."""
        return (node for node in self.nodes if node.kind in kinds)

    @property
    def fixed(self) -> set[Channel]:
        """Channels that cannot go: those of the frames, and the classes."""
        ends = [node for node in self.nodes if node.kind == "input"] + [self.nodes[-1]]
        return {channel for node in ends for channel in node.channels}

    @property
    def made_by(self) -> dict[Channel, tuple[str, ...]]:
        """Channel -> the layers with a filter of its own for it, more than one where a sum ties them."""
        found: dict[Channel, list[str]] = {}
        for node in self.of("layer", "depthwise"):
            for channel in node.channels:
                found.setdefault(channel, []).append(node.path)
        return {channel: tuple(paths) for channel, paths in found.items()}


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        own = m.__module__.startswith(("torch.nn", "brevitas.nn"))
        return own and not isinstance(m, nn.Sequential | nn.ModuleList | nn.ModuleDict)


def trace(network: nn.Module, channels: int) -> Graph:
    """Return the graph of `network`, which takes frames of so many channels.

    Raises `UnsupportedError` naming an operation of which it is not known what it does to channels.
    """
    try:
        traced = _Tracer().trace(network)
    except (TypeError, ValueError, fx.proxy.TraceError) as error:
        raise UnsupportedError(
            type(network).__name__,
            f"the model cannot be followed ({error})",
            "make its forward free of branches on values",
        ) from None
    builder = _Builder(network, channels)
    for step in traced.nodes:
        builder.add(step)
    return builder.graph()


class _Builder:
    def __init__(self, network: nn.Module, channels: int) -> None:
        self.network, self.channels = network, channels
        self.nodes: list[Node] = []
        self.places: dict[fx.Node, int] = {}
        self.tied: dict[Channel, Channel] = {}

    def graph(self) -> Graph:
        return Graph(
            tuple(replace(node, channels=tuple(map(self._root, node.channels))) for node in self.nodes)
        )

    def add(self, step: fx.Node) -> None:
        if step.op == "output":
            return
        if step.op == "placeholder":
            node = Node("input", "", (), tuple(("", k) for k in range(self.channels)))
        elif step.op == "call_module":
            node = self._module(step)
        else:
            node = self._call(step)
        self.places[step] = len(self.nodes)
        self.nodes.append(node)

    def _module(self, step: fx.Node) -> Node:
        path = str(step.target)
        module: Any = self.network.get_submodule(path)
        (source,) = self._sources(step.all_input_nodes)
        passed = self.nodes[source].channels
        if isinstance(module, WEIGHTED):
            return self._layer(path, module, source)
        if isinstance(module, _BatchNorm):
            return Node("norm", path, (source,), passed)
        if isinstance(module, PASSING):
            return Node("pass", path, (source,), passed)
        if isinstance(module, FUNCTIONS):
            return Node("function", path, (source,), passed)
        raise _unknown(path, type(module).__name__)

    def _layer(self, path: str, module: Any, source: int) -> Node:
        read, groups = self.nodes[source].channels, getattr(module, "groups", 1)
        if groups == 1:
            return Node("layer", path, (source,), tuple((path, k) for k in range(module.weight.shape[0])))
        if not groups == module.in_channels == module.out_channels:
            raise UnsupportedError(
                path,
                f"a convolution of {groups} groups",
                "surgery takes channels out of ordinary and depthwise convolutions",
            )
        return Node("depthwise", path, (source,), read)

    def _call(self, step: fx.Node) -> Node:
        if step.target in PASSING_CALLS:
            (source,) = self._sources(step.all_input_nodes)
            return Node("pass", "", (source,), self.nodes[source].channels)
        if step.target in ADDING_CALLS and len(step.all_input_nodes) == 2:
            one, two = self._sources(step.all_input_nodes)
            pair = (self.nodes[one].channels, self.nodes[two].channels)
            if len(pair[0]) != len(pair[1]):
                raise UnsupportedError(
                    step.name,
                    f"a sum of {len(pair[0])} and {len(pair[1])} channels",
                    "both must have as many",
                )
            for a, b in zip(*pair, strict=True):
                self.tied[self._root(b)] = self._root(a)
            return Node("add", "", (one, two), self.nodes[one].channels)
        if step.target is torch.cat and (*step.args[1:], *step.kwargs.values()) == (1,):
            parts = step.args[0]
            assert isinstance(parts, Sequence)
            sources = self._sources(parts)
            joined = tuple(channel for source in sources for channel in self.nodes[source].channels)
            return Node("cat", "", sources, joined)
        raise _unknown(step.name, str(getattr(step.target, "__name__", step.target)))

    def _sources(self, read: Sequence[Any]) -> tuple[int, ...]:
        return tuple(self.places[node] for node in read)

    def _root(self, channel: Channel) -> Channel:
        while channel in self.tied and self.tied[channel] != channel:
            channel = self.tied[channel]
        return channel


def _unknown(name: str, what: str) -> UnsupportedError:
    known = "convolutions, dense layers, batch norms, quantisers, pools, flatten, sums and concatenations"
    return UnsupportedError(name, f"surgery does not know what {what} does to channels", f"it knows {known}")
