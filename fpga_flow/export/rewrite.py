"""Small changes of a QONNX graph that leave its function, or its class, as it is."""

from math import prod

import onnx
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.errors import UnsupportedError
from fpga_flow.export.readers.common import attributes_of, zeros_around
from fpga_flow.output import decides, note_left_out
from fpga_flow.progress import say


def drop_decision(wrapper: ModelWrapper) -> None:
    """Take out softmax, sigmoid and argmax at the very end, and note them (see `output.left_out`).

    Where they are over classes the largest stays the largest; else the host has to apply them.
    """
    name = wrapper.graph.output[0].name
    last = wrapper.find_producer(name)
    found: list[str] = []
    while last is not None and len(last.input) == 1 and len(wrapper.find_consumers(last.input[0])) == 1:
        shape, before = wrapper.get_tensor_shape(last.input[0]), wrapper.find_producer(last.input[0])
        if before is None or not _can_be_left_out(last, shape):
            break
        found.insert(0, last.op_type)
        why = (
            "the largest logit stays the largest"
            if decides(tuple(shape[1:]), tuple(found))
            else "the accelerator gives what goes into it"
        )
        say(f"  {last.name}: {last.op_type} at the end is left out: {why}")
        wrapper.graph.node.remove(last)
        before.output[list(before.output).index(last.input[0])] = name
        kind = onnx.TensorProto.FLOAT
        wrapper.graph.output[0].CopyFrom(helper.make_tensor_value_info(name, kind, shape))
        last = before
    note_left_out(wrapper, tuple(found))


def _can_be_left_out(node: onnx.NodeProto, shape: list[int]) -> bool:
    """Whether `node`, at the end, on an input of `shape` (with the batch), need not be in hardware."""
    if node.op_type != "ArgMax":
        return node.op_type in ("Softmax", "LogSoftmax", "Sigmoid")
    if prod(shape) == 1:
        raise UnsupportedError(
            node.name, "an arg-max over one number, which is always 0", "end the network in the number itself"
        )
    axis = int(attributes_of(node).get("axis", 0)) % len(shape)
    return decides(tuple(shape[1:]), ("ArgMax",)) and axis == 1


def merge_padding(wrapper: ModelWrapper) -> None:
    """Give the zeros of a Pad to the convolutions that read it."""
    for node in [n for n in wrapper.graph.node if n.op_type == "Pad"]:
        readers = wrapper.find_consumers(node.output[0])
        pads = _around_positions(wrapper, node)
        if pads is None or not readers or any(not _takes_padding(reader, node) for reader in readers):
            continue
        for reader in readers:
            reader.input[0] = node.input[0]
            settings = attributes_of(reader)
            total = [
                own + more for own, more in zip(settings.get("pads", [0] * len(pads)), pads, strict=True)
            ]
            kept = [a for a in reader.attribute if a.name not in ("pads", "auto_pad")]
            del reader.attribute[:]
            reader.attribute.extend([*kept, helper.make_attribute("pads", total)])
        wrapper.graph.node.remove(node)


def _takes_padding(reader: onnx.NodeProto, pad: onnx.NodeProto) -> bool:
    automatic = attributes_of(reader).get("auto_pad", b"NOTSET")
    return bool(
        reader.op_type == "Conv"
        and reader.input[0] == pad.output[0]
        and automatic in (b"NOTSET", b"VALID", b"")
    )


def _around_positions(wrapper: ModelWrapper, node: onnx.NodeProto) -> list[int] | None:
    """Return the spatial pads (all begins, then all ends) of a Pad that adds zeros there only, else None."""
    around = zeros_around(wrapper, node)
    if around is None or any(size for ends in around for size in ends[:2]):
        return None
    return around[0][2:] + around[1][2:]
