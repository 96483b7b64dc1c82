"""Reader of any operator that computes each value from the one at its own place: no list of names decides.

Its inputs are functions of one integer tensor; what it gives is again one. It is evaluated in float64, by the
evaluator that checks an export.
"""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from fpga_flow.core.errors import UnsupportedError
from fpga_flow.export.chain import Chain, Floats, Pointwise
from fpga_flow.export.double import evaluator
from fpga_flow.export.nodes import Node
from fpga_flow.export.refusal import unsupported_operator
from fpga_flow.export.state import Walk
from fpga_flow.export.values import Value

_MAGNITUDES = (0.1, 1.0, 20.0)
"""Of the numbers that an operator is tried on."""


def pointwise(walk: Walk, node: Node) -> Value:
    """Read an operator whose computed inputs are functions of one integer tensor.

    Raises `UnsupportedError` where it is not computed place by place, or its inputs are of several tensors.
    """
    if not is_pointwise(walk, node):
        raise unsupported_operator(node)
    places = [i for i, name in enumerate(node.input) if name and walk.constant_named(name) is None]
    function = _function(walk, node)
    values = [_on_its_source(walk, walk.dynamic(node, index, any_layout=True)) for index in places]
    first = values[0]
    for index, value in zip(places, values, strict=True):
        if value.tensor is not first.tensor or not walk.layout(node, index).same(
            walk.layout(node, places[0])
        ):
            raise UnsupportedError(
                node.name,
                f"{node.op_type} of two computed tensors cannot be mapped to hardware",
                "use a network without gates (sums and concatenations can be)",
            )
    chains = dict(zip(places, (value.chain for value in values), strict=True))
    operands = tuple(
        chains[index] if index in chains else _constant(walk, node, index, places[0], first)
        for index, name in enumerate(node.input)
        if name
    )
    shared = any(value.shared for value in values)
    return Value(first.tensor, Chain((Pointwise(function, operands),)), shared, first.layout)


def is_pointwise(walk: Walk, node: Node) -> bool:
    """Whether `node` computes each value from those at its own place alone."""
    given = [name for name in node.input if name]
    if len(node.output) != 1 or all(walk.constant_named(name) is not None for name in given):
        return False
    try:
        function = _function(walk, node)
    except Exception:  # noqa: BLE001  onnx has no evaluator of the operator
        return False
    samples = [_sample(walk, name) for name in given]
    computed = [name for name, sample in zip(given, samples, strict=True) if sample is None]
    return _tried(function, samples, [_holds_truths(walk, name) for name in computed])


def _holds_truths(walk: Walk, name: str) -> bool:
    info = walk.model.get_tensor_valueinfo(name)
    return info is not None and info.type.tensor_type.elem_type == TensorProto.BOOL


def of_one_tensor(walk: Walk, node: Node) -> bool:
    """Whether the computed inputs of `node` are functions of one integer tensor."""
    known = [walk.known[name] for name in node.input if name and walk.constant_named(name) is None]
    values = [_on_its_source(walk, value) for value in known if isinstance(value, Value)]
    return len(values) == len(known) and all(value.tensor is values[0].tensor for value in values)


def _on_its_source(walk: Walk, value: Value) -> Value:
    """Return `value` as a function of the integers that were not negated for it (see `Walk.flip`)."""
    made = walk.negated.get(value.tensor.name)
    if made is None:
        return value
    return Value(made.x, value.chain.flipped(made.values < 0), True, value.layout)


def _constant(walk: Walk, node: Node, index: int, place: int, value: Value) -> NDArray[Any]:
    array = walk.constant(node, index)
    assert array is not None
    if array.dtype.kind != "f":
        if array.size != 1:
            raise UnsupportedError(
                node.name,
                f"a constant of shape {list(array.shape)} that holds {array.dtype}",
                "use float constants",
            )
        return array.reshape(())
    if array.size == 1:
        return array.reshape(()).astype(np.float64)
    return walk.per_channel(node, array, value.tensor.shape, place)


def _sample(walk: Walk, name: str) -> NDArray[Any] | None:
    """Return the constant `name` for the trial: one number of it, None where it is computed."""
    array = walk.constant_named(name)
    if array is None:
        return None
    flat = array.reshape(-1)
    return (flat[:1].reshape(()) if flat.size else flat).astype(
        np.float64 if array.dtype.kind == "f" else array.dtype
    )


def _function(walk: Walk, node: Node) -> Any:
    """Return what evaluates `node` on the arrays of its inputs, those that are left out left out."""
    given = [name for name in node.input if name]
    names = {name: f"x{index}" for index, name in enumerate(given)}
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.input[:] = [names.get(name, "") for name in node.input]
    copy.output[:] = ["y"]
    inputs = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in names.values()]
    graph = helper.make_graph(
        [copy], "function", inputs, [helper.make_tensor_value_info("y", TensorProto.DOUBLE, None)]
    )
    opsets = [o for o in walk.model.model.opset_import if o.domain == ""]
    session: Any = evaluator(helper.make_model(graph, opset_imports=opsets))

    def function(*arrays: NDArray[Any]) -> Floats:
        fed = {names[name]: array for name, array in zip(given, arrays, strict=True)}
        found: Floats = session.run(["y"], fed)[0]
        return found

    return function


def _tried(function: Any, constants: list[NDArray[Any] | None], truths: list[bool]) -> bool:
    """Whether each value that `function` gives depends on those at its own place alone, wherever that is.

    It is tried: one value after the other is changed, and all are turned round. `truths` says which of the
    computed inputs are truth values.
    """
    rng = np.random.default_rng(0)
    shape = (2, 3, 4)

    def run(arrays: list[NDArray[Any]]) -> NDArray[Any]:
        computed = iter(arrays)
        with np.errstate(all="ignore"):
            return np.asarray(function(*(next(computed) if c is None else c for c in constants)))

    def draw(magnitude: float, truth: bool) -> NDArray[Any]:
        drawn = rng.uniform(-magnitude, magnitude, shape)
        return drawn > 0 if truth else drawn

    def turned(array: NDArray[Any]) -> NDArray[Any]:
        return array[::-1, ::-1, ::-1]

    try:
        for magnitude in _MAGNITUDES:
            arrays = [draw(magnitude, truth) for truth in truths]
            whole = run(arrays)
            if whole.shape != shape or whole.dtype.kind not in "fb":
                return False
            if not _equal(run([turned(a) for a in arrays]), turned(whole)):
                return False
            for place in np.ndindex(shape):
                others = [a.copy() for a in arrays]
                for other, truth in zip(others, truths, strict=True):
                    other[place] = draw(2 * magnitude, truth)[place]
                found = run(others).copy()
                found[place] = whole[place]
                if not _equal(found, whole):
                    return False
    except Exception:  # noqa: BLE001  operators raise what they like
        return False
    return True


def _equal(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
