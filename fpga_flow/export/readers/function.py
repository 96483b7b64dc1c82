"""Readers of functions of one number: batch norm, arithmetic with constants, activations."""

from typing import Any

import numpy as np

from fpga_flow.core.errors import UnsupportedError, WrongNodeError
from fpga_flow.export.chain import Clip, Leaky, affine
from fpga_flow.export.nodes import Node, attributes_of
from fpga_flow.export.readers.join import residual
from fpga_flow.export.readers.pointwise import of_one_tensor, pointwise
from fpga_flow.export.readers.product import product
from fpga_flow.export.state import Walk
from fpga_flow.export.values import HostValue, Known, Value


def batch_norm(walk: Walk, node: Node) -> Known:
    """Read a batch norm in eval mode: an affine function per channel, folded in float64."""
    parameters = [walk.constant(node, index) for index in (1, 2, 3, 4)]
    if any(p is None for p in parameters):
        raise UnsupportedError(node.name, "its parameters are computed", "export the network in eval mode")
    gamma, beta, mean, variance = (np.asarray(p, dtype=np.float64) for p in parameters)
    # The attribute is a float32; its exact value is what the other parameters are too.
    epsilon = float(attributes_of(node).get("epsilon", 1e-5))
    if variance.min() < 0 or variance.min() + epsilon <= 0:
        raise WrongNodeError(
            node.name,
            f"its variance must be 0 or more, and more than 0 with its epsilon ({epsilon:g}); its least is "
            f"{variance.min():g}",
            "export the trained network in eval mode",
        )
    factor = gamma / np.sqrt(variance + epsilon)
    term = beta - mean * factor
    if (known := walk.on_host(node)) is not None:
        if not factor.all():
            raise UnsupportedError(node.name, "it multiplies the input by 0", "leave that channel out")
        return known.then("mul", factor).then("add", term)
    value, order = walk.dynamic(node, any_layout=True, open_sum=True), walk.layout(node).in_order
    if len(value.tensor.shape) > 2 and walk.layout(node).channel_axis != 1:
        raise UnsupportedError(
            node.name, "its channels are not in axis 1", "transpose the channels to axis 1 in front of it"
        )
    return value.then(affine(order(factor), order(term)))


_ARITHMETIC = {"Mul": "mul", "Div": "div", "Add": "add", "Sub": "sub"}


def arithmetic(walk: Walk, node: Node) -> Known:
    """Read a sum, difference, product or quotient with a constant, or one of two computed tensors."""
    left, right = (walk.constant(node, index) for index in (0, 1))
    if left is None and right is None:
        lines = all(isinstance(v, Value) and v.chain.line for v in (walk.known[n] for n in node.input))
        additive = node.op_type in ("Add", "Sub")
        if of_one_tensor(walk, node) and not (lines and additive):
            return pointwise(walk, node)
        if additive:
            return residual(walk, node)
        if node.op_type == "Mul":
            return product(walk, node)
        raise UnsupportedError(
            node.name,
            f"{node.op_type} of two computed tensors cannot be mapped to hardware",
            "multiply by a function of the divisor that is quantised",
        )
    index, constant = (0, right) if right is not None else (1, left)
    if _in_general(walk, node, index) or (index == 1 and node.op_type == "Div"):
        return pointwise(walk, node)
    known = walk.known[node.input[index]]
    mirrored = index == 1 and node.op_type == "Sub"  # c - x is -x + c
    if node.op_type == "Div" and not np.all(constant):
        raise WrongNodeError(node.name, "it divides by 0", "divide by other numbers")
    if isinstance(known, HostValue):
        if mirrored:
            known = known.then("mul", np.array([-1.0]))
        if node.op_type == "Mul" and not np.all(constant):
            raise UnsupportedError(node.name, "it multiplies the input by 0", "leave that channel out")
        return _on_host(node, known, "add" if mirrored else _ARITHMETIC[node.op_type], constant)
    value = walk.dynamic(node, index, any_layout=True, open_sum=True)
    numbers = walk.per_channel(node, constant, value.tensor.shape, index)
    if node.op_type == "Div":
        return value.then(affine(1.0 / numbers))
    if node.op_type == "Mul":
        return value.then(affine(numbers))
    if mirrored:
        return value.then(affine(-1.0, numbers))
    return value.then(affine(1.0, numbers if node.op_type == "Add" else -numbers))


def _in_general(walk: Walk, node: Node, index: int = 0) -> bool:
    """Whether input `index` of `node` is behind an operator that the normal form does not have."""
    known = walk.known[node.input[index]]
    return isinstance(known, Value) and known.chain.general


def _on_host(node: Node, known: HostValue, step: str, constant: Any) -> HostValue:
    """Return `known` with a constant added or multiplied: one number, or one along some axis."""
    values = np.asarray(constant, dtype=np.float64)
    rank = len(known.shape) + 1
    aligned = values.reshape((1,) * max(0, rank - values.ndim) + values.shape)
    along = [axis for axis, size in enumerate(aligned.shape) if size > 1]
    if aligned.ndim > rank or len(along) > 1 or along == [0]:
        raise UnsupportedError(
            node.name,
            f"a constant of shape {list(values.shape)} is not one number along one axis of the input",
            "scale per tensor or per channel",
        )
    if along in ([], [1]):
        return known.then(step, values.reshape(-1))
    turn = list(range(rank))
    turn[1], turn[along[0]] = along[0], 1
    return known.transposed(turn).then(step, values.reshape(-1)).transposed(turn)


def negate(walk: Walk, node: Node) -> Known:
    """Read a change of sign."""
    if (known := walk.on_host(node)) is not None:
        return known.then("mul", np.array([-1.0]))
    if _in_general(walk, node):
        return pointwise(walk, node)
    return walk.dynamic(node, any_layout=True, open_sum=True).then(affine(-1.0))


def relu(walk: Walk, node: Node) -> Known:
    """Read a ReLU."""
    if (known := walk.on_host(node)) is not None:
        return known.then("max", np.array([0.0]))
    if _in_general(walk, node):
        return pointwise(walk, node)
    return walk.align(node, walk.dynamic(node, any_layout=True, open_sum=True)).then(Clip(0.0, np.inf))


def leaky_relu(walk: Walk, node: Node) -> Value:
    """Read a leaky ReLU."""
    slope = float(attributes_of(node).get("alpha", 0.01))
    if slope < 0 or _in_general(walk, node):
        return pointwise(walk, node)
    return walk.align(node, walk.dynamic(node, any_layout=True, open_sum=True)).then(Leaky(slope))


def clip(walk: Walk, node: Node) -> Known:
    """Read limits (HardTanh, ReLU6); they are attributes or inputs."""
    attributes = attributes_of(node)
    ends = [attributes.get("min", -np.inf), attributes.get("max", np.inf)]
    for index in (1, 2):
        if len(node.input) > index and node.input[index]:
            constant = walk.constant(node, index)
            if constant is None:
                raise UnsupportedError(node.name, "its limits are computed", "use constant limits")
            if constant.size != 1:
                raise UnsupportedError(
                    node.name, f"its limits have the shape {list(constant.shape)}", "use one number each"
                )
            ends[index - 1] = float(constant.reshape(-1)[0])
    if not ends[0] <= ends[1]:
        raise WrongNodeError(node.name, f"it limits to {ends[0]:g} to {ends[1]:g}", "use rising limits")
    if (known := walk.on_host(node)) is not None:
        limits = (("max", ends[0]), ("min", ends[1]))
        for step, end in limits:
            known = known.then(step, np.array([end])) if np.isfinite(end) else known
        return known
    if _in_general(walk, node):
        return pointwise(walk, node)
    value = walk.align(node, walk.dynamic(node, any_layout=True, open_sum=True))
    return value.then(Clip(float(ends[0]), float(ends[1])))
