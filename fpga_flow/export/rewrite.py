"""Small changes of a QONNX graph that leave its function as it is."""

import onnx
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.export.nodes import attributes_of, zeros_around


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


def count_no_overhang(wrapper: ModelWrapper) -> None:
    """Take count_include_pad from averages without padding, where it means nothing.

    Below opset 19 onnxruntime counts what a window of ceil_mode has behind the input with it, as padding.
    """
    for node in wrapper.graph.node:
        settings = attributes_of(node)
        if node.op_type != "AveragePool" or any(settings.get("pads", [])) or settings.get("auto_pad"):
            continue
        kept = [a for a in node.attribute if a.name != "count_include_pad"]
        del node.attribute[:]
        node.attribute.extend(kept)
