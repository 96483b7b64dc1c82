"""Damages a network's file at random, as a broken exporter, a careless editor or a bad disk would."""

import random
from collections.abc import Callable

import numpy as np
import onnx
from onnx import AttributeProto, NodeProto, TensorProto, helper, numpy_helper

INTEGERS = (0, -1, 1, 2, 3, 7, -2, 1000, 65536, 2**31, 2**62, -(2**63))
FLOATS = (0.0, -1.0, 1e-45, 1e38, float("nan"), float("inf"), 0.5)
WORDS = (b"SAME_UPPER", b"VALID", b"\xff\xfe", b"", b"FLOOR", b"linear", b"ceil")
TYPES = (np.float64, np.float16, np.int64, np.int8, np.uint8, np.bool_, np.complex64)


def damaged(proto: onnx.ModelProto, seed: int) -> bytes:
    """Return the file of `proto` with one to three damages."""
    rng = random.Random(seed)
    model = onnx.ModelProto()
    model.CopyFrom(proto)
    if rng.random() < 0.15:
        return _flipped(model.SerializeToString(), rng)
    for _ in range(rng.choice((1, 1, 2, 3))):
        rng.choice(DAMAGES)(model.graph, rng)
    return model.SerializeToString()


def _flipped(data: bytes, rng: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(4):
        found[rng.randrange(len(found))] = rng.randrange(256)
    return bytes(found[: rng.choice((len(found), rng.randrange(len(found))))])


def _names(graph: onnx.GraphProto) -> list[str]:
    return [
        "",
        graph.input[0].name,
        *(t.name for t in graph.initializer),
        *(o for n in graph.node for o in n.output),
    ]


def _node(graph: onnx.GraphProto, rng: random.Random) -> NodeProto:
    return rng.choice(list(graph.node))


def _attribute(graph: onnx.GraphProto, rng: random.Random) -> None:
    with_some = [node for node in graph.node if node.attribute]
    attribute = rng.choice(list(rng.choice(with_some).attribute)) if with_some else AttributeProto()
    if attribute.type == AttributeProto.INT:
        attribute.i = rng.choice(INTEGERS)
    elif attribute.type == AttributeProto.INTS and attribute.ints:
        attribute.ints[rng.randrange(len(attribute.ints))] = rng.choice(INTEGERS)
        if rng.random() < 0.3:
            attribute.ints.append(rng.choice(INTEGERS))
    elif attribute.type == AttributeProto.FLOAT:
        attribute.f = rng.choice(FLOATS)
    elif attribute.type == AttributeProto.STRING:
        attribute.s = rng.choice(WORDS)


def _kind(graph: onnx.GraphProto, rng: random.Random) -> None:
    node = _node(graph, rng)
    if node.attribute:
        rng.choice(list(node.attribute)).type = rng.randrange(1, 12)


def _more(graph: onnx.GraphProto, rng: random.Random) -> None:
    key = rng.choice(("strides", "pads", "group", "axis", "auto_pad", "alpha", "keepdims", "signed", "mode"))
    value = rng.choice((rng.choice(INTEGERS), rng.choice(FLOATS), rng.choice(WORDS), [rng.choice(INTEGERS)]))
    _node(graph, rng).attribute.append(helper.make_attribute(key, value))


def _input(graph: onnx.GraphProto, rng: random.Random) -> None:
    inputs = _node(graph, rng).input
    if not inputs or rng.random() < 0.3:
        inputs.append(rng.choice(_names(graph)))
    elif rng.random() < 0.5:
        inputs.pop(rng.randrange(len(inputs)))
    else:
        inputs[rng.randrange(len(inputs))] = rng.choice(_names(graph))


def _output(graph: onnx.GraphProto, rng: random.Random) -> None:
    outputs = _node(graph, rng).output
    if rng.random() < 0.5:
        outputs[rng.randrange(len(outputs))] = rng.choice(_names(graph))
    else:
        outputs.append(rng.choice(_names(graph)))


def _operator(graph: onnx.GraphProto, rng: random.Random) -> None:
    _node(graph, rng).op_type = _node(graph, rng).op_type


def _bypass(graph: onnx.GraphProto, rng: random.Random) -> None:
    gone = _node(graph, rng)
    for node in graph.node:
        for index, name in enumerate(node.input):
            if name in gone.output and gone.input:
                node.input[index] = gone.input[0]


def _order(graph: onnx.GraphProto, rng: random.Random) -> None:
    nodes = [NodeProto.FromString(node.SerializeToString()) for node in graph.node]
    rng.shuffle(nodes)
    del graph.node[:]
    graph.node.extend(nodes[: rng.choice((len(nodes), len(nodes) - 1))])


def _values(graph: onnx.GraphProto, rng: random.Random) -> None:
    tensor = rng.choice(list(graph.initializer))
    values = numpy_helper.to_array(tensor).copy()
    if values.dtype.kind not in "fi":  # an earlier damage
        return
    values.reshape(-1)[: rng.choice((1, values.size))] = rng.choice(FLOATS) if values.dtype.kind == "f" else 7
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _type(graph: onnx.GraphProto, rng: random.Random) -> None:
    tensor = rng.choice(list(graph.initializer))
    with np.errstate(all="ignore"):
        values = numpy_helper.to_array(tensor).astype(rng.choice(TYPES))
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _shape(graph: onnx.GraphProto, rng: random.Random) -> None:
    tensor = rng.choice(list(graph.initializer))
    values = numpy_helper.to_array(tensor)
    changed = rng.choice(
        (values.T, values.reshape(-1), values[None], values.reshape(-1)[:0], values.reshape(-1)[:1])
    )
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(changed), tensor.name))
    if rng.random() < 0.2:
        tensor.dims.append(rng.choice(INTEGERS))


def _source(graph: onnx.GraphProto, rng: random.Random) -> None:
    kind = graph.input[0].type.tensor_type
    if rng.random() < 0.2:
        kind.elem_type = rng.choice((TensorProto.DOUBLE, TensorProto.STRING, TensorProto.UINT8))
    kind.shape.dim[rng.randrange(len(kind.shape.dim))].dim_value = rng.choice((*INTEGERS, 4, 8))


DAMAGES: tuple[Callable[[onnx.GraphProto, random.Random], None], ...] = (
    *(_attribute, _attribute, _kind, _more, _input, _output, _operator, _bypass, _order, _values, _type),
    *(_shape, _source),
)
