"""Readers of pools: maxima and averages over windows or over all positions."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.chain import Affine, Chain, Integers, affine
from fpga_flow.export.layout import Layout
from fpga_flow.export.nodes import Node, attributes_of, window, window_shape, with_overhang
from fpga_flow.export.operations import Flatten, GlobalMax, GlobalSum, MaxPool, MulPositions, SumPool
from fpga_flow.export.state import Walk
from fpga_flow.export.tensors import Tensor, bounded
from fpga_flow.export.values import Value


def max_pool(walk: Walk, node: Node) -> Value:
    """Read a max-pool over one or two axes."""
    value = _increasing(walk, node, walk.dynamic(node))
    x = value.tensor
    settings = window(node, list(attributes_of(node)["kernel_shape"]), x.shape[2:])
    if any(d != 1 for d in settings["dilations"]):
        raise UnsupportedError(node.name, "max-pool with dilation", "use dilation 1")
    settings = _ceiled(walk, node, settings, x.shape[2:])
    least = int(x.low.min())
    if not any(settings["pads"]) or least >= 0:
        return _max(walk, node, value, settings)
    # The hardware pads with zeros, which must not be larger than a value of the window.
    value = replace(value, tensor=walk.shifted(f"{node.name}_up", x, -least))
    value = _max(walk, node, value, settings, walk.fresh(f"{node.output[0]}_up"))
    return replace(value, tensor=walk.shifted(f"{node.name}_down", value.tensor, least))


def _increasing(walk: Walk, node: Node, value: Value) -> Value:
    """Return `value` as an increasing function, of which the maximum is that of the largest integer."""
    if value.chain.general:
        raise _not_quantised(node)
    return walk.align(node, value)


def _max(walk: Walk, node: Node, value: Value, settings: dict[str, Any], output: str | None = None) -> Value:
    x = value.tensor
    shape = (*x.shape[:2], *window_shape(x.shape[2:], settings))
    y = Tensor(output or node.output[0], shape, x.datatype, x.low.copy(), x.high.copy())
    attributes = {key: given for key, given in settings.items() if key != "dilations"}
    return replace(value, tensor=walk.add(MaxPool(node.name, (x,), (y,), attributes)))


def average_pool(walk: Walk, node: Node) -> Value:
    """Read an average over windows: their sums, divided by the number of values."""
    value, attributes = walk.dynamic(node), attributes_of(node)
    size = value.tensor.shape[2:]
    settings = window(node, list(attributes["kernel_shape"]), size)
    if any(d != 1 for d in settings["dilations"]):
        raise UnsupportedError(node.name, "an average pool with dilation", "use dilation 1")
    reach = _ceiled(walk, node, settings, size)
    own = settings["pads"] if attributes.get("count_include_pad", 0) else [0, 0, 0, 0]
    if any(own) and reach["pads"] != settings["pads"] and walk.opset < COUNTS_OVERHANG:
        raise UnsupportedError(
            node.name,
            "ceil_mode and count_include_pad together, for which ONNX changed the number it divides by",
            f"use count_include_pad=False, or export with opset {COUNTS_OVERHANG}",
        )
    return _sums(walk, node, value, reach, mean=True, counts=_counts(reach, size, own))


COUNTS_OVERHANG = 19
"""The opset from which on an average leaves out what stands out over the padding."""


def _ceiled(walk: Walk, node: Node, settings: dict[str, Any], size: tuple[int, ...]) -> dict[str, Any]:
    """Return `settings` with its overhang; raises `UnsupportedError` where the file's shapes have more."""
    reach = with_overhang(node, settings, size)
    found, wanted = window_shape(size, reach), walk.shapes[node.output[0]][2:]
    if found[: len(wanted)] != wanted:
        raise UnsupportedError(
            node.name,
            f"ceil_mode with a window that starts behind its input, so that ONNX infers {list(wanted)} "
            f"positions, and onnxruntime gives {list(found[: len(wanted)])}",
            "use explicit pads, ceil_mode=0",
        )
    return reach


def _counts(settings: dict[str, Any], size: tuple[int, ...], pads: Sequence[int]) -> tuple[Integers, ...]:
    """Return how many rows, and how many columns, each window has within the input and `pads` around it."""
    found = []
    for axis, (length, stride) in enumerate(zip(settings["kernel_shape"], settings["strides"], strict=True)):
        start = np.arange(window_shape(size, settings)[axis]) * stride - settings["pads"][axis]
        first, last = np.maximum(start, -pads[axis]), np.minimum(start + length, size[axis] + pads[axis + 2])
        found.append(last - first)
    return tuple(found)


def _sums(
    walk: Walk,
    node: Node,
    value: Value,
    settings: dict[str, Any],
    mean: bool,
    counts: tuple[Integers, ...] = (),
) -> Value:
    """Append sums over windows, and return them or, where `mean`, their average.

    `counts` are the rows and columns of each window that a mean divides by the product of; none: all of them.
    Where they differ, each sum becomes one of as many values as their least common multiple.
    """
    x, count = value.tensor, prod(settings["kernel_shape"])
    line = _line(node, value)
    if any(settings["pads"]):
        if line.add.any():
            raise UnsupportedError(
                node.name,
                "it pads a tensor whose zero is no integer zero (behind a bias or batch norm)",
                "put a quantiser in front of it, or use no padding",
            )
        if x.datatype == "BIPOLAR":
            raise UnsupportedError(
                node.name, "zero padding of an input that holds only -1 and 1", "use no padding, or 2 bits"
            )
    low, high = count * x.low, count * x.high
    if any(settings["pads"]):
        low, high = np.minimum(low, 0), np.maximum(high, 0)
    shape = (*x.shape[:2], *window_shape(x.shape[2:], settings))
    y = bounded(node.output[0], shape, low, high)
    operation: SumPool | GlobalSum
    if settings["kernel_shape"] == list(x.shape[2:]) and not any(settings["pads"]):
        operation = GlobalSum(node.name, (x,), (y,))
    else:
        attributes = {key: given for key, given in settings.items() if key != "dilations"}
        operation = SumPool(node.name, (x,), (y,), attributes)
    sums = walk.add(operation)
    if counts:
        multiples = [np.lcm.reduce(numbers) // numbers for numbers in counts]
        count = prod(int(np.lcm.reduce(numbers)) for numbers in counts)
        sums = _multiplied(walk, node, sums, multiples, (count * x.low, count * x.high))
    # the sum of mul * x + add is mul * (the sum of x) + count * add
    chain = Chain((affine(line.mul / count, line.add) if mean else affine(line.mul, line.add * count),))
    return Value(sums, chain)


def _multiplied(
    walk: Walk, node: Node, x: Tensor, factors: list[Integers], limits: tuple[Integers, Integers]
) -> Tensor:
    """Append a product of each position with a factor of its row and one of its column, within `limits`."""
    if all(np.all(each == 1) for each in factors):
        return x
    y = bounded(walk.fresh(f"{x.name}_of_alike"), x.shape, *limits)
    return walk.add(MulPositions(walk.fresh(f"{node.name}_share"), (x,), (y,), *factors))


def _line(node: Node, value: Value) -> Affine:
    line = value.chain.line
    if line is None:
        raise _not_quantised(node)
    return line


def _not_quantised(node: Node) -> UnsupportedError:
    return UnsupportedError(
        node.name,
        f"the input of this {node.op_type} is an activation that is not quantised",
        "put a quantiser (QuantReLU, QuantIdentity) in front of it",
    )


def reduce(walk: Walk, node: Node) -> Value:
    """Read a maximum, mean or sum over all positions (GlobalMaxPool and the like too), or along one axis."""
    value, layout = walk.dynamic(node, any_layout=True), walk.layout(node)
    shape = walk.shapes[node.input[0]]
    everywhere = node.op_type.startswith("Global")
    named = list(range(2, len(shape))) if everywhere else _axes_of(walk, node, len(shape))
    axes = [layout.axes[axis] for axis in named if shape[axis] > 1]
    if len(value.tensor.shape) != 4 or not named or any(axis < 2 for axis in axes):
        raise UnsupportedError(
            node.name, f"{node.op_type} over the axes {named}", "reduce over positions, not over channels"
        )
    keep = everywhere or bool(attributes_of(node).get("keepdims", 1))
    size = value.tensor.shape[2:]
    whole = all(axis in axes or length == 1 for axis, length in enumerate(size, start=2))
    if not whole and (value.layout is not None or not keep):
        raise UnsupportedError(
            node.name,
            f"{node.op_type} over the axes {named} only",
            "reduce over all positions, or keep the axes",
        )
    kernel = list(size) if whole else [n if axis in axes else 1 for axis, n in enumerate(size, start=2)]
    settings = {"kernel_shape": kernel, "strides": [1, 1], "dilations": [1, 1], "pads": [0, 0, 0, 0]}
    if "Max" not in node.op_type:
        result = _sums(walk, node, value, settings, mean=node.op_type != "ReduceSum")
    elif whole:
        value = _increasing(walk, node, value)
        x = value.tensor
        y = Tensor(node.output[0], (*x.shape[:2], 1, 1), x.datatype, x.low.copy(), x.high.copy())
        result = replace(value, tensor=walk.add(GlobalMax(node.name, (x,), (y,))))
    else:
        result = _max(walk, node, _increasing(walk, node, value), settings)
    if keep:
        return replace(result, layout=value.layout)
    return flattened(walk, f"{node.name}_flat", node.output[0], result, layout)


def flattened(walk: Walk, name: str, output: str, value: Value, layout: Layout) -> Value:
    """Append a Flatten to (batch, features) of a tensor that lies as `layout` in the file."""
    x = value.tensor
    order = layout.flat_order(x.shape)
    positions = prod(x.shape[2:])
    if x.name == output:
        x.name = walk.fresh(f"{output}_positions")
    low, high = np.repeat(x.low, positions), np.repeat(x.high, positions)
    y = Tensor(output, (1, prod(x.shape[1:])), x.datatype, low, high)
    tensor = walk.add(Flatten(walk.fresh(name), (x,), (y,)))
    lying = None if order is None else Layout((0, 1), order)
    return replace(value, tensor=tensor, chain=value.chain.repeated(positions), layout=lying)


def _axes_of(walk: Walk, node: Node, rank: int, default: list[int] | None = None) -> list[int]:
    """Return the axes that `node` names, as an attribute or as its second input, counted from 0."""
    axes: Any = attributes_of(node).get("axes")
    if axes is None and len(node.input) > 1 and node.input[1]:
        axes = walk.constant(node, 1)
        if axes is None:
            raise UnsupportedError(node.name, "its axes are computed", "use constant axes")
    if axes is None:
        return list(range(rank)) if default is None else default
    return sorted(int(axis) % rank for axis in np.asarray(axes).reshape(-1))
