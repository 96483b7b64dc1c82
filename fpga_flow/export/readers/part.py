"""Readers of what takes some channels of a tensor: Split and Slice.

All nodes that take channels of one tensor are carried out by one Split into the pieces between all
their ends, so that every piece is sent once; a node that spans several pieces joins them again.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.nodes import Node, attributes_of
from fpga_flow.export.operations import Split
from fpga_flow.export.readers.join import join
from fpga_flow.export.state import Walk
from fpga_flow.export.tensors import Tensor
from fpga_flow.export.values import Value

Range = tuple[int, int]


def part(walk: Walk, node: Node) -> tuple[Value, ...]:
    """Read a Split or Slice along the channels."""
    pieces = walk.pieces.get(node.input[0])
    if pieces is None:
        pieces = walk.pieces[node.input[0]] = _split(walk, node)
    results = []
    for output, (start, stop) in _ranges(walk, node).items():
        inside = [value for (begin, end), value in pieces.items() if begin >= start and end <= stop]
        if len(inside) == 1:
            results.append(inside[0])
            continue
        whole = _whole(walk, node)
        tensor = join(walk, walk.fresh(node.name), output, [value.tensor for value in inside])
        chain = whole.chain.sliced(slice(start, stop))
        results.append(Value(tensor, chain, layout=whole.layout))
    return tuple(results)


def _whole(walk: Walk, node: Node) -> Value:
    """Return what `node` takes channels of; unit axes may have come or gone, which moves no channel."""
    value, layout = walk.dynamic(node, any_layout=True), walk.layout(node)
    return value if layout.order is None and layout.channel_axis == 1 else walk.dynamic(node)


def _split(walk: Walk, first: Node) -> dict[Range, Value]:
    """Append the Split of the tensor that `first` reads, for all that read parts of it."""
    source, value = first.input[0], _whole(walk, first)
    takers = [n for n in walk.graph.node if n.op_type in ("Split", "Slice") and n.input[0] == source]
    ranges = [r for n in takers for output, r in _ranges(walk, n).items() if walk.reads[output]]
    x = value.tensor
    ends = sorted({0, x.channels, *(end for r in ranges for end in r)})
    pieces = list(zip(ends[:-1], ends[1:], strict=True))
    for begin, end in pieces:
        if not any(start <= begin and end <= stop for start, stop in ranges):
            raise UnsupportedError(
                first.name,
                f"channels {begin} to {end - 1} of its input are used by no Split or Slice",
                "use every channel, or do not compute it",
            )
    if len(pieces) == 1:
        return {pieces[0]: value}
    ys = tuple(
        Tensor(
            walk.fresh(f"{source}_channels_{begin}"),
            (1, end - begin, *x.shape[2:]),
            x.datatype,
            x.low[begin:end].copy(),
            x.high[begin:end].copy(),
        )
        for begin, end in pieces
    )
    walk.add(Split(first.name, (x,), ys))
    return {
        piece: replace(value, tensor=y, chain=value.chain.sliced(slice(*piece)), shared=True)
        for piece, y in zip(pieces, ys, strict=True)
    }


def _ranges(walk: Walk, node: Node) -> dict[str, Range]:
    """Return the channels [start, stop) that each output of `node` takes."""
    shape = walk.shapes[node.input[0]]
    if node.op_type == "Slice":
        return {node.output[0]: _slice_range(walk, node, shape)}
    axis = int(attributes_of(node).get("axis", 0)) % len(shape)
    _only_channels(node, [axis])
    sizes = [walk.shapes[output][1] for output in node.output]
    ends = np.cumsum([0, *sizes]).tolist()
    return dict(zip(node.output, zip(ends[:-1], ends[1:], strict=True), strict=True))


def _slice_range(walk: Walk, node: Node, shape: tuple[int, ...]) -> Range:
    attributes = attributes_of(node)
    parameters: list[Any] = []
    for index, name in enumerate(("starts", "ends", "axes", "steps"), start=1):
        given = attributes.get(name)
        if given is None and len(node.input) > index and node.input[index]:
            constant = walk.constant(node, index)
            if constant is None:
                raise UnsupportedError(node.name, f"its {name} are computed", f"use constant {name}")
            given = constant.reshape(-1).tolist()
        parameters.append(given)
    starts, ends, axes, steps = parameters
    axes = [int(axis) % len(shape) for axis in (axes or range(len(starts)))]
    found = {
        axis: range(shape[axis])[slice(int(start), int(end), int(step))]
        for axis, start, end, step in zip(axes, starts, ends, steps or [1] * len(axes), strict=True)
    }
    taken = {axis: r for axis, r in found.items() if r != range(shape[axis])}
    _only_channels(node, list(taken))
    channels = taken.get(1, range(shape[1]))
    if channels.step != 1 or not len(channels):
        raise UnsupportedError(
            node.name, f"it takes every {channels.step}th channel", "take channels that lie side by side"
        )
    return channels.start, channels.stop


def _only_channels(node: Node, axes: list[int]) -> None:
    if any(axis != 1 for axis in axes):
        raise UnsupportedError(
            node.name, f"{node.op_type} along axis {axes[0]}", "split channels (axis 1) only"
        )
