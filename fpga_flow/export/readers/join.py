"""Readers of what joins tensors: residual sums and concatenations."""

import numpy as np

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.chain import Affine, Chain, affine, joined
from fpga_flow.export.grid import MAX_MULTIPLE, common_grid
from fpga_flow.export.layout import Layout
from fpga_flow.export.nodes import Node, attributes_of
from fpga_flow.export.operations import Add, Concat
from fpga_flow.export.readers.open_sum import open_sum
from fpga_flow.export.readers.pool import flattened
from fpga_flow.export.state import SHARE_ONE_QUANTISER, Walk, unsettled
from fpga_flow.export.tensors import Tensor, bounded, integer_type
from fpga_flow.export.values import Value


def residual(walk: Walk, node: Node) -> Value:
    """Read the sum or difference of two computed tensors.

    Both must be affine functions of integers. Where their scales are small multiples of one step, they are
    brought on that step's grid by whole factors, and their offsets go into the sum's; else the sum is left
    open for the quantiser behind it.
    """
    (left, right), layouts = _inputs(walk, node, open_sum=True)
    if left.tensor.shape == right.tensor.shape and not layouts[0].same(layouts[1]):
        raise UnsupportedError(
            node.name, "its sides have their axes in different orders", "bring both to one order first"
        )
    if left.tensor.shape != right.tensor.shape:
        shapes = " and ".join(str(list(side.tensor.shape[1:])) for side in (left, right))
        raise UnsupportedError(
            node.name, f"it adds tensors of the shapes {shapes}", "bring both to one shape first"
        )
    if node.op_type == "Sub":
        right = right.then(affine(-1.0))
    lines = [_line(node, side, name) for side, name in ((left, "left"), (right, "right"))]
    before = left.open or right.open
    found = None if before else common_grid(lines[0].mul, lines[1].mul)
    if found is None:
        reason = before.reason if before else _different_grids(left, right)
        return open_sum(walk, node, [(left, lines[0]), (right, lines[1])], reason)
    step, *multiples = found
    parts = [
        walk.multiply(f"{node.name}_{name}", side.tensor, factor)
        for name, side, factor in zip(("left", "right"), (left, right), multiples, strict=True)
    ]
    low, high = (sum(ends) for ends in zip(*((part.low, part.high) for part in parts), strict=True))
    y = bounded(node.output[0], left.tensor.shape, np.asarray(low), np.asarray(high))
    chain = Chain((affine(step, lines[0].add + lines[1].add),))
    return Value(walk.add(Add(node.name, tuple(parts), (y,))), chain, layout=left.layout)


def _inputs(walk: Walk, node: Node, open_sum: bool = False) -> tuple[list[Value], list[Layout]]:
    """Return the computed inputs of `node` and how they lie in the file.

    Where some are rows of features and others features at one position, all become rows.
    """
    values = [walk.dynamic(node, index, True, open_sum) for index in range(len(node.input))]
    layouts = [walk.layout(node, index) for index in range(len(values))]
    if len({len(value.tensor.shape) for value in values}) > 1:
        for index, value in enumerate(values):
            if len(value.tensor.shape) > 2:
                if value.open:
                    raise unsettled(value.open, f"{node.op_type} {node.name!r}, as a row of features,")
                row = walk.fresh(f"{node.input[index]}_row")
                values[index] = flattened(walk, f"{node.name}_flat", row, value, layouts[index])
                layouts[index] = values[index].layout or Layout((0, 1))
    return values, layouts


def _line(node: Node, side: Value, name: str) -> Affine:
    line = side.chain.line
    if line is None:
        raise UnsupportedError(
            node.name,
            f"the {name} side of this {node.op_type} is an activation that is not quantised",
            SHARE_ONE_QUANTISER,
        )
    return line


def _different_grids(left: Value, right: Value) -> str:
    """Return why two sides have no common step."""
    scales = [side.chain.scale for side in (left, right)]
    if None in scales:
        sides = " and ".join(
            name for name, scale in zip(("left", "right"), scales, strict=True) if scale is None
        )
        return f"its {sides} side is not quantised and its scale is no small multiple of the other's"
    return (
        f"its sides have the scales {scales[0]:.6g} and {scales[1]:.6g}, which are no multiples (of at most "
        f"{MAX_MULTIPLE}) of one step"
    )


def concat(walk: Walk, node: Node) -> Value:
    """Read a concatenation of channels: each keeps its scale and offset."""
    values, layouts = _inputs(walk, node)
    rank = len(walk.shapes[node.output[0]])
    axis = int(attributes_of(node).get("axis", 1)) % rank
    flat = any(layout.order is not None for layout in layouts)
    if len(values) > 1 and (flat or not all(layout.same(layouts[0]) for layout in layouts)):
        raise UnsupportedError(
            node.name, "its inputs have their axes in different orders", "bring all to one order first"
        )
    if layouts[0].axes[axis] != 1:
        raise UnsupportedError(node.name, f"a concatenation along axis {axis}", "concatenate channels")
    if len(values) == 1:
        return values[0]
    chain = joined([(value.chain, value.tensor.channels) for value in values])
    if chain is None:
        raise UnsupportedError(
            node.name,
            "it joins activations that are not quantised with other functions",
            "put a quantiser (QuantReLU, QuantIdentity) behind each activation, in front of the Concat",
        )
    tensor = join(walk, node.name, node.output[0], [value.tensor for value in values])
    return Value(tensor, chain, layout=values[0].layout)


def join(walk: Walk, name: str, output: str, tensors: list[Tensor]) -> Tensor:
    """Append the concatenation of `tensors` and return it."""
    low, high = (np.concatenate([getattr(t, end) for t in tensors]) for end in ("low", "high"))
    types = {tensor.datatype for tensor in tensors}
    datatype = types.pop() if len(types) == 1 else integer_type(int(low.min()), int(high.max()))
    shape = (1, sum(tensor.channels for tensor in tensors), *tensors[0].shape[2:])
    return walk.add(Concat(name, tuple(tensors), (Tensor(output, shape, datatype, low, high),)))
