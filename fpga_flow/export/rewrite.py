"""Small changes of a QONNX graph that leave its function, or its class, as it is."""

from typing import Any

import numpy as np
import onnx
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.export.readers.common import attributes_of
from fpga_flow.progress import say


def drop_decision(wrapper: ModelWrapper) -> None:
    """Take out a softmax, sigmoid or argmax over classes at the very end: the largest stays the largest."""
    name = wrapper.graph.output[0].name
    last = wrapper.find_producer(name)
    while last is not None and len(last.input) == 1 and len(wrapper.find_consumers(last.input[0])) == 1:
        shape, before = wrapper.get_tensor_shape(last.input[0]), wrapper.find_producer(last.input[0])
        axis = int(attributes_of(last).get("axis", 0 if last.op_type == "ArgMax" else -1))
        decides = last.op_type == "ArgMax" and len(shape) == 2 and axis in (1, -1)
        if before is None or not (decides or last.op_type in ("Softmax", "LogSoftmax", "Sigmoid")):
            return
        say(f"  {last.name}: {last.op_type} at the end is left out: the largest logit stays the largest")
        wrapper.graph.node.remove(last)
        before.output[list(before.output).index(last.input[0])] = name
        kind = onnx.TensorProto.FLOAT
        wrapper.graph.output[0].CopyFrom(helper.make_tensor_value_info(name, kind, shape))
        last = before


def merge_padding(wrapper: ModelWrapper) -> None:
    """Give the zeros of a Pad to the convolutions that read it."""
    for node in [n for n in wrapper.graph.node if n.op_type == "Pad"]:
        readers = wrapper.find_consumers(node.output[0])
        pads = _zeros_around(wrapper, node)
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


def _zeros_around(wrapper: ModelWrapper, node: onnx.NodeProto) -> list[int] | None:
    """Return the spatial pads (all begins, then all ends) of a Pad that adds zeros there only, else None."""
    attributes, rank = attributes_of(node), len(wrapper.get_tensor_shape(node.input[0]))

    def parameter(index: int, name: str, default: Any) -> Any:
        if len(node.input) > index and node.input[index]:
            return wrapper.get_initializer(node.input[index])
        return attributes.get(name, default)

    pads, value = parameter(1, "pads", None), parameter(2, "value", 0.0)
    axes = parameter(3, "axes", range(rank))
    if attributes.get("mode", b"constant") != b"constant" or pads is None or value is None or axes is None:
        return None
    value = np.asarray(value).reshape(-1)
    if len(pads) != 2 * len(axes) or value.size > 1:
        return None
    begins, ends = [0] * rank, [0] * rank
    for index, axis in enumerate(axes):
        begins[int(axis) % rank], ends[int(axis) % rank] = int(pads[index]), int(pads[index + len(axes)])
    if value.any() or any(begins[:2] + ends[:2]) or min(begins + ends) < 0:
        return None
    return begins[2:] + ends[2:]
