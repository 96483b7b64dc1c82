"""Walks a QONNX graph once, in order, and turns it into an `IntegerNetwork`.

Every tensor is one of the kinds of `values`; every operator has one small reader in `readers`.
"""

from dataclasses import replace

import numpy as np
import onnx
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.core.errors import UnsupportedError, WrongNodeError, joined
from fpga_flow.export.chain import Chain, affine
from fpga_flow.export.logits import finish
from fpga_flow.export.operations import IntegerNetwork, Operation
from fpga_flow.export.readers import READERS
from fpga_flow.export.readers.inputs import declare
from fpga_flow.export.readers.pointwise import is_pointwise, pointwise
from fpga_flow.export.readers.quant import checked_spec
from fpga_flow.export.refusal import unsupported_operator
from fpga_flow.export.state import QUANTISE_FIRST, Walk, unsettled
from fpga_flow.export.tensors import Tensor
from fpga_flow.export.values import (
    QUANTISERS,
    Constant,
    HostValue,
    Known,
    QuantSpec,
    Refused,
    Value,
    annotated_input,
)
from fpga_flow.integer.output import left_out

MAX_STEPS = 100
"""Of the function between two quantisers."""


def to_integers(model: ModelWrapper, declared: QuantSpec | None = None) -> IntegerNetwork:
    """Return the integer network of a cleaned QONNX model (see `reader.read`).

    `declared` quantises its input where no node of it does.
    Raises `UnsupportedError` naming every node that cannot be mapped.
    """
    walk = Walk(model)
    _declare_input(walk, declared)
    refused = _read_all(walk)
    if refused:
        raise joined(refused)
    return _finish(walk)


def countable(model: ModelWrapper) -> list[Operation]:
    """Return what can be counted of a cleaned QONNX model, mapped or not: its operations, of any bits."""
    walk = Walk(model, counting=True)
    _declare_input(walk)
    _read_all(walk)
    return walk.operations


def _declare_input(walk: Walk, declared: QuantSpec | None = None) -> None:
    """Quantise the input as `declared` says, or the model itself, where no node of it does."""
    source = walk.graph.input[0].name
    spec = declared or annotated_input(walk.model, source)
    if spec is not None and source in walk.readers:
        declare(walk, source, spec)


def _read_all(walk: Walk) -> list[UnsupportedError]:
    """Read all nodes; returns what was refused."""
    refused: list[UnsupportedError] = []
    for node in walk.graph.node:
        try:
            results = _read(walk, node)
        except UnsupportedError as error:
            refused.append(error)
            results = (Refused(),) * len(node.output)
        walk.known.update(zip(node.output, results, strict=False))
    return refused


def _read(walk: Walk, node: onnx.NodeProto) -> tuple[Known, ...]:
    """Return what is known of the outputs of `node`."""
    if any(isinstance(walk.known.get(name), Refused) for name in node.input):
        if node.op_type not in READERS and not is_pointwise(walk, node):
            raise unsupported_operator(node)
        return _behind_refused(walk, node)
    made = READERS.get(node.op_type, pointwise)(walk, node)
    results = made if isinstance(made, tuple) else (made,)
    for output, result in zip(node.output, results, strict=False):
        _check(walk, node, output, result)
    for output in node.output[len(results) :]:
        if walk.reads[output]:
            raise UnsupportedError(
                node.name, f"another output of this {node.op_type} is used", "use its first output only"
            )
    return results


def _behind_refused(walk: Walk, node: onnx.NodeProto) -> tuple[Known, ...]:
    """Return what is known behind a node that was refused, so that the rest of the network is looked at.

    A quantiser's values are known whatever comes in.
    """
    nothing = (Refused(),) * len(node.output)
    if node.op_type not in QUANTISERS or not isinstance(walk.known.get(node.input[0]), Refused):
        return nothing
    spec = checked_spec(walk, node)
    shape = walk.shapes[node.output[0]]
    if not 2 <= len(shape) <= 4:
        return nothing
    shape = (*shape, 1) if len(shape) == 3 else shape
    scale = affine(walk.per_channel(node, spec.scale, shape))
    limits = [np.full(shape[1], end, dtype=np.int64) for end in (spec.quantiser.low, spec.quantiser.high)]
    return (Value(Tensor(node.output[0], shape, spec.quantiser.datatype, *limits), Chain((scale,))),)


def _check(walk: Walk, node: onnx.NodeProto, output: str, result: Known) -> None:
    """Check what a reader made of `node` against the shape that ONNX gives to its `output`."""
    if isinstance(result, Value):
        found = result.layout.shape(result.tensor.shape) if result.layout else result.tensor.shape
        if not result.chain.fits(result.tensor.channels):
            raise UnsupportedError(
                node.name, "its factors are not finite, or not one per channel", "use other scales"
            )
        if result.chain.depth > MAX_STEPS:
            raise UnsupportedError(
                node.name,
                f"more than {MAX_STEPS} functions one behind the other without a quantiser",
                "quantise in between",
            )
    elif isinstance(result, Refused):
        return
    elif isinstance(result, HostValue):
        if not all(np.isfinite(values).all() for _, values in result.steps):
            raise UnsupportedError(node.name, "its factors are not finite", "use other scales")
        found = (1, *result.shape)
    else:
        found = (result.array if isinstance(result, Constant) else result.integers).shape
    shape = walk.shapes[output]
    if found not in (shape, (*shape, 1)):  # a 1-D network has a unit axis more here than in its file
        raise WrongNodeError(
            node.name,
            f"its inputs do not fit: they give {list(found)} where ONNX has {list(shape)}",
            "bring them to one shape first",
        )


def _drop_unread(walk: Walk, output: Tensor) -> None:
    """Take out changes of sign whose integers nothing reads: a function was read back through them."""
    for product in walk.negated.values():
        if product.y is not output and not any(product.y is x for o in walk.operations for x in o.xs):
            walk.operations.remove(product)


def _finish(walk: Walk) -> IntegerNetwork:
    name, last = walk.graph.output[0].name, walk.graph.node[-1]
    if not isinstance(walk.known.get(name), Value) or walk.host is None or walk.input is None:
        raise UnsupportedError(last.name, "the output is not computed from a quantised input", QUANTISE_FIRST)
    known = walk.known[name]
    assert isinstance(known, Value)
    if known.open:
        raise unsettled(known.open, "the network's output")
    if not walk.operations:
        raise UnsupportedError(
            last.name, "the output is the quantised input as it is", "export a network with layers"
        )
    last = walk.model.find_producer(name) or last
    logits = finish(walk, last, name, replace(known, shared=known.shared or walk.reads[name] > 1))
    _drop_unread(walk, logits.tensor)
    return IntegerNetwork(
        host=walk.host,
        input=walk.input,
        operations=walk.operations,
        output=logits.tensor,
        logit_scale=logits.scale,
        logit_offset=logits.offset,
        logit_error=logits.error,
        quantisers=walk.quantisers,
        layout=known.layout,
        left_out=left_out(walk.model),
        file_shape=walk.shapes[name],
    )
