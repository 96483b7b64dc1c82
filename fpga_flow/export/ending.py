"""What stands at the end of a file and need not be in hardware: the host applies it, or nobody has to.

A final softmax, sigmoid or activation, what is calculated or turned behind it, and the choice of the largest.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.core.progress import say
from fpga_flow.export.names import note_original_names, original_names
from fpga_flow.export.nodes import attributes_of
from fpga_flow.integer.output import DECISIONS, Step, decides, left_out, note_left_out

SOFTMAX_OF_ONE_AXIS = 13
"""Opset from which on a softmax runs over one axis, not over that and all behind it."""
_SHAPE = ("Flatten", "Reshape", "Squeeze", "Unsqueeze")
KEEPS_THE_LARGEST = ("Softmax", "LogSoftmax", "Sigmoid", "Tanh", "Identity", "Dropout", *_SHAPE)
"""Operators behind which the largest of a vector is the same."""


class _Node:
    """A node at the end, with the shapes of its input and output in the file."""

    def __init__(self, wrapper: ModelWrapper, node: onnx.NodeProto) -> None:
        self.wrapper, self.node = wrapper, node
        self.attributes = attributes_of(node)
        self.source = next((n for n in node.input if wrapper.get_initializer(n) is None), node.input[0])
        """What is computed of its inputs, the first of several."""
        self.shape: tuple[int, ...] = tuple(wrapper.get_tensor_shape(self.source) or ())
        self.out: tuple[int, ...] = tuple(wrapper.get_tensor_shape(node.output[0]) or ())

    @property
    def last(self) -> bool:
        """Whether nothing but this node reads what it works on, and another node computes that."""
        return (
            self.wrapper.find_producer(self.source) is not None
            and len(self.wrapper.find_consumers(self.source)) == 1
        )

    def constant(self, index: int) -> np.ndarray[Any, Any] | None:
        """Return the constant at input `index`, None where there is none."""
        names = self.node.input
        found = self.wrapper.get_initializer(names[index]) if index < len(names) and names[index] else None
        return None if found is None else np.asarray(found)


def _function(kind: str) -> Callable[[_Node], list[Step] | None]:
    return lambda _: [(kind, ())]


def _relu(_: _Node) -> list[Step] | None:
    return [("max", (0.0,))]


def _leaky_relu(end: _Node) -> list[Step] | None:
    return [("leaky_relu", (float(end.attributes.get("alpha", 0.01)),))]


def _clip(end: _Node) -> list[Step] | None:
    limits: list[Step] = []
    for index, (kind, name) in enumerate((("max", "min"), ("min", "max")), start=1):
        limit = end.attributes.get(name, end.constant(index))
        if limit is None and len(end.node.input) > index and end.node.input[index]:
            return None  # it is computed
        if limit is not None:
            limits.append((kind, (float(limit),)))
    return limits


def _softmax(kind: str) -> Callable[[_Node], list[Step] | None]:
    def steps(end: _Node) -> list[Step] | None:
        one = next(o.version for o in end.wrapper.model.opset_import if not o.domain) >= SOFTMAX_OF_ONE_AXIS
        axis = int(end.attributes.get("axis", -1 if one else 1)) % len(end.shape)
        axes = (axis,) if one else range(axis, len(end.shape))
        return [(kind, tuple(float(a) for a in axes))] if axis else None  # not over the batch

    return steps


def _turned(end: _Node) -> list[Step] | None:
    order = end.attributes.get("perm", list(reversed(range(len(end.shape)))))
    return [("transpose", tuple(float(axis) for axis in order))] if order[0] == 0 else None


def _reshaped(end: _Node) -> list[Step] | None:
    return [("reshape", tuple(float(size) for size in end.out[1:]))] if end.out[:1] == (1,) else None


def _calculated(kind: str) -> Callable[[_Node], list[Step] | None]:
    def steps(end: _Node) -> list[Step] | None:
        place = 1 if end.source == end.node.input[0] else 0
        constant = end.constant(place)
        if constant is None or end.shape != end.out or len(end.node.input) != 2:
            return None
        aligned = constant.reshape((1,) * (len(end.shape) - constant.ndim) + constant.shape)
        if constant.size not in (1, aligned.shape[1]):  # one, or one a channel
            return None
        numbers = tuple(float(number) for number in aligned.reshape(-1))
        if place == 1 or kind in ("mul", "add"):
            return [(kind, numbers)]
        return [("mul", (-1.0,)), ("add", numbers)] if kind == "sub" else None

    return steps


def _arg_max(end: _Node) -> list[Step] | None:
    axis = int(end.attributes.get("axis", 0)) % len(end.shape)
    if not axis or end.attributes.get("select_last_index", 0):
        return None
    return [("arg_max", (float(axis),)), ("reshape", tuple(float(size) for size in end.out[1:]))]


FUNCTIONS: dict[str, Callable[[_Node], list[Step] | None]] = {
    "Sigmoid": _function("sigmoid"),
    "Tanh": _function("tanh"),
    "Softmax": _softmax("softmax"),
    "LogSoftmax": _softmax("log_softmax"),
    "Relu": _relu,
    "LeakyRelu": _leaky_relu,
    "Clip": _clip,
}
"""Operators that hardware does not have at the end -> what the host does; None: it cannot."""
BEHIND: dict[str, Callable[[_Node], list[Step] | None]] = {
    **FUNCTIONS,
    **dict.fromkeys(_SHAPE, _reshaped),
    "Transpose": _turned,
    "Mul": _calculated("mul"),
    "Div": _calculated("div"),
    "Add": _calculated("add"),
    "Sub": _calculated("sub"),
    "Identity": lambda _: [],
    "Dropout": lambda _: [],
}
"""Operators that are the host's behind one of these."""


SAID = 10
"""Nodes that are left out with a line each, at most."""


def drop_ending(wrapper: ModelWrapper) -> None:
    """Take out of `wrapper` what the host applies or the accelerator decides, and note it there."""
    name = wrapper.graph.output[0].name
    last = wrapper.find_producer(name)
    if last is None:
        return
    decision = _Node(wrapper, last) if last.op_type in DECISIONS else None
    ends, ending = _ends(wrapper, name if decision is None else decision.source), left_out(wrapper)
    if decision is not None and decision.last:
        if prod(decision.shape) == 1:
            raise UnsupportedError(
                decision.node.name,
                f"{decision.node.op_type} over one number, whose index is always 0",
                "end the network in the number itself",
            )
        shape = ends[0].shape if ends else decision.shape
        if not decides(shape[1:], ("ArgMax",)):  # the host takes the largest at each place of a map
            ends.append(decision)
        elif _axis(decision) != 1:
            ends = []
        else:
            ending = ending._replace(operators=(decision.node.op_type,), k=_count(decision))
            _take_out(decision, "the accelerator gives the index of the largest")
            if any(end.node.op_type not in KEEPS_THE_LARGEST for end in ends):
                ends = []
    if any(_steps(end) is None for end in ends):
        ends = []
    for place, end in enumerate(reversed(ends)):
        names = (end.node.op_type, *ending.operators)
        ending = ending._replace(operators=names, steps=(*(_steps(end) or []), *ending.steps))
        kept = decides(end.shape[1:], names)
        why = "the largest logit stays the largest" if kept else "the host applies it"
        _take_out(end, why if place < SAID else None)
    if len(ends) > SAID:
        say(f"  {len(ends) - SAID} more nodes in front of it are left out")
    note_left_out(wrapper, ending)


def _ends(wrapper: ModelWrapper, name: str) -> list[_Node]:
    """Return the nodes that give tensor `name`, in order, from the first on that hardware does not have."""
    found: list[_Node] = []
    first = 0
    node = wrapper.find_producer(name)
    while node is not None and node.op_type in BEHIND:
        end = _Node(wrapper, node)
        if not end.last or _steps(end) is None:
            break
        found.append(end)
        if node.op_type in FUNCTIONS or (node.op_type in _SHAPE and _merges_axes(end)):
            first = len(found)
        node = wrapper.find_producer(end.source)
    return found[:first][::-1]


def _merges_axes(end: _Node) -> bool:
    """Whether a reshape mixes channels and positions."""
    before, behind = ([size for size in shape if size > 1] for shape in (end.shape, end.out))
    return before != behind and not (len(end.out) == 2 and end.shape[1] == 1)


def _steps(end: _Node) -> list[Step] | None:
    """Return what the host does in the place of a node, None where it cannot."""
    if end.node.op_type in DECISIONS:
        return _arg_max(end) if end.node.op_type == "ArgMax" else None
    return BEHIND[end.node.op_type](end)


def _axis(end: _Node) -> int:
    default = -1 if end.node.op_type == "TopK" else 0
    return int(end.attributes.get("axis", default)) % len(end.shape)


def _count(end: _Node) -> int:
    """Return how many indices a node gives."""
    if end.node.op_type == "ArgMax":
        return 1
    if not end.attributes.get("largest", 1):
        raise UnsupportedError(
            end.node.name, "it takes the smallest, the accelerator the largest", "negate the last layer"
        )
    return end.out[1]


def _take_out(end: _Node, why: str | None) -> None:
    """Take a node at the very end out of its graph, and say `why` that may be, where it is given."""
    wrapper, node = end.wrapper, end.node
    if why:
        say(f"  {node.name}: {node.op_type} at the end is left out: {why}")
    name, before = wrapper.graph.output[0].name, wrapper.find_producer(end.source)
    wrapper.graph.node.remove(node)
    for constant in node.input:  # a constant that another node reads too is a copy
        wrapper.del_initializer(constant)
    before.output[list(before.output).index(end.source)] = name
    names = original_names(wrapper)
    if names:
        note_original_names(wrapper, {**names, name: names[end.source]})
    kind = onnx.TensorProto.FLOAT
    wrapper.graph.output[0].CopyFrom(helper.make_tensor_value_info(name, kind, end.shape))
