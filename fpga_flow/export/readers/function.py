"""Readers of functions of one number: batch norm, arithmetic with constants, activations."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fpga_flow.errors import UnsupportedError
from fpga_flow.export.chain import Clip, Leaky, affine
from fpga_flow.export.readers.common import Node, attributes_of, one_per_channel
from fpga_flow.export.readers.join import residual
from fpga_flow.export.values import HostValue, Known, Value

if TYPE_CHECKING:
    from fpga_flow.export.walk import Walk


def batch_norm(walk: "Walk", node: Node) -> Value:
    """Read a batch norm in eval mode: an affine function per channel, folded in float64."""
    value = walk.dynamic(node)
    parameters = [walk.constant(node, index) for index in (1, 2, 3, 4)]
    if any(p is None for p in parameters):
        raise UnsupportedError(node.name, "its parameters are computed", "export the network in eval mode")
    gamma, beta, mean, variance = (np.asarray(p, dtype=np.float64) for p in parameters)
    # The attribute is a float32; its exact value is what the other parameters are too.
    epsilon = float(attributes_of(node).get("epsilon", 1e-5))
    if variance.min() < 0 or variance.min() + epsilon <= 0:
        raise UnsupportedError(
            node.name,
            f"its variance must be 0 or more, and more than 0 with its epsilon ({epsilon:g}); its least is "
            f"{variance.min():g}",
            "export the trained network in eval mode",
        )
    factor = gamma / np.sqrt(variance + epsilon)
    return value.then(affine(factor, beta - mean * factor))


_ARITHMETIC = {"Mul": "mul", "Div": "div", "Add": "add", "Sub": "sub"}


def arithmetic(walk: "Walk", node: Node) -> Known:
    """Read a sum, difference, product or quotient with a constant, or a sum of two computed tensors."""
    left, right = (walk.constant(node, index) for index in (0, 1))
    if left is None and right is None:
        if node.op_type in ("Add", "Sub"):
            return residual(walk, node)
        raise UnsupportedError(
            node.name,
            f"{node.op_type} of two computed tensors cannot be mapped to hardware",
            "use a network without gates (sums and concatenations can be)",
        )
    index, constant = (0, right) if right is not None else (1, left)
    if index == 1 and node.op_type == "Div":
        raise UnsupportedError(node.name, "a constant divided by a computed tensor", "write it as a product")
    known = walk.known[node.input[index]]
    mirrored = index == 1 and node.op_type == "Sub"  # c - x is -x + c
    if node.op_type == "Div" and not np.all(constant):
        raise UnsupportedError(node.name, "it divides by 0", "divide by other numbers")
    if isinstance(known, HostValue):
        if mirrored:
            known = replace(known, steps=(*known.steps, ("mul", [-1.0])))
        values = one_per_channel(node, constant, (1, *known.shape))
        if node.op_type == "Mul" and not np.all(values):
            raise UnsupportedError(node.name, "it multiplies the input by 0", "leave that channel out")
        step = "add" if mirrored else _ARITHMETIC[node.op_type]
        return replace(known, steps=(*known.steps, (step, values.tolist())))
    value = walk.dynamic(node, index)
    numbers = one_per_channel(node, constant, value.tensor.shape)
    if node.op_type == "Div":
        return value.then(affine(1.0 / numbers))
    if node.op_type == "Mul":
        return value.then(affine(numbers))
    if mirrored:
        return value.then(affine(-1.0, numbers))
    return value.then(affine(1.0, numbers if node.op_type == "Add" else -numbers))


def negate(walk: "Walk", node: Node) -> Value:
    """Read a change of sign."""
    return walk.dynamic(node).then(affine(-1.0))


def relu(walk: "Walk", node: Node) -> Value:
    """Read a ReLU."""
    return walk.align(node, walk.dynamic(node)).then(Clip(0.0, np.inf))


def leaky_relu(walk: "Walk", node: Node) -> Value:
    """Read a leaky ReLU."""
    slope = float(attributes_of(node).get("alpha", 0.01))
    if slope < 0:
        raise UnsupportedError(node.name, f"its slope is {slope:g}", "use a slope of 0 or more")
    return walk.align(node, walk.dynamic(node)).then(Leaky(slope))


def clip(walk: "Walk", node: Node) -> Value:
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
        raise UnsupportedError(node.name, f"it limits to {ends[0]:g} to {ends[1]:g}", "use rising limits")
    return walk.align(node, walk.dynamic(node)).then(Clip(float(ends[0]), float(ends[1])))
