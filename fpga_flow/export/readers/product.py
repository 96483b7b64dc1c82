"""Reader of products of two computed tensors: gates, as of squeeze-and-excitation, and masks."""

from dataclasses import replace

import numpy as np

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.chain import Chain, Floats, affine
from fpga_flow.export.grid import SCALE_TOLERANCE
from fpga_flow.export.nodes import Node
from fpga_flow.export.operations import Multiply, Upsample
from fpga_flow.export.state import Walk
from fpga_flow.export.tensors import Tensor, bounded
from fpga_flow.export.values import Value


def product(walk: Walk, node: Node) -> Value:
    """Read the product of two tensors of one shape, or of one and a number for each of its channels.

    Both must be scales times integers, an offset of whole steps included: the product is the product of the
    scales times that of the integers.
    """
    sides = [_whole(walk, node, index) for index in (0, 1)]
    scales = [scale for _, scale in sides]
    left, right = _of_one_shape(walk, node, [value for value, _ in sides])
    ends = np.array([a * b for a in (left.low, left.high) for b in (right.low, right.high)])
    y = bounded(node.output[0], left.shape, ends.min(axis=0), ends.max(axis=0))
    made = walk.add(Multiply(node.name, (left, right), (y,)))
    return Value(made, Chain((affine(scales[0] * scales[1]),)))


def _whole(walk: Walk, node: Node, index: int) -> tuple[Value, Floats]:
    """Return input `index` as integers, its offset added, and its scale, one or one for each channel."""
    value = walk.dynamic(node, index)
    line, name = value.chain.line, ("left", "right")[index]
    if line is None:
        raise UnsupportedError(
            node.name,
            f"the {name} side of this product is an activation that is not quantised",
            "put a quantiser (QuantIdentity, QuantReLU, QuantSigmoid) behind it",
        )
    steps = np.divide(
        line.add, line.mul, out=np.zeros(np.broadcast(line.add, line.mul).shape), where=line.mul != 0
    )
    whole = np.rint(steps)
    if np.any(np.abs(steps - whole) > SCALE_TOLERANCE * np.maximum(np.abs(steps), 1)):
        raise UnsupportedError(
            node.name,
            f"the {name} side of this product has an offset that is no multiple of its scale",
            "put a quantiser behind the offset (a bias, a batch norm)",
        )
    if np.any(whole):
        tensor = walk.shifted(f"{node.name}_{name}_offset", value.tensor, whole.astype(np.int64))
        value = replace(value, tensor=tensor)
    return value, line.mul


def _of_one_shape(walk: Walk, node: Node, values: list[Value]) -> tuple[Tensor, Tensor]:
    """Return both tensors; one with a number for each channel is repeated at every position of the other."""
    left, right = (value.tensor for value in values)
    if left.shape == right.shape:
        return left, right
    small, large = sorted((left, right), key=lambda tensor: int(np.prod(tensor.shape)))
    if len(large.shape) != 4 or small.shape != (1, large.channels, 1, 1):
        shapes = " and ".join(str(list(tensor.shape[1:])) for tensor in (left, right))
        raise UnsupportedError(
            node.name,
            f"it multiplies tensors of the shapes {shapes}",
            "bring both to one shape, or one of them to a number for each channel",
        )
    y = Tensor(walk.fresh(f"{small.name}_everywhere"), large.shape, small.datatype, small.low, small.high)
    name = walk.fresh(f"{node.name}_everywhere")
    repeated = walk.add(Upsample(name, (small,), (y,), (large.shape[2], large.shape[3])))
    return (repeated, right) if small is left else (left, repeated)
