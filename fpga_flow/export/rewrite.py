"""Small changes of a QONNX graph that leave its function as it is."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper

from fpga_flow.export.nodes import attributes_of, zeros_around
from fpga_flow.integer.moves import moved


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


def name_moves(wrapper: ModelWrapper) -> None:
    """Put one operator in the place of a Reshape, Transpose and Reshape that only move values about.

    It is a DepthToSpace, a SpaceToDepth or a Gather of channels, where they do the same, or two of them: so a
    shuffle of channels or of pixels is written by exporters.
    """
    for middle in [n for n in wrapper.graph.node if n.op_type == "Transpose"]:
        first, last = wrapper.find_producer(middle.input[0]), wrapper.find_consumers(middle.output[0])
        if first is None or len(last) != 1 or {first.op_type, last[0].op_type} != {"Reshape"}:
            continue
        if len(wrapper.find_consumers(first.output[0])) != 1:
            continue
        source, wanted, split = (
            tuple(wrapper.get_tensor_shape(name))
            for name in (first.input[0], last[0].output[0], first.output[0])
        )
        if len(source) != 4 or len(wanted) != 4 or not source[0] == wanted[0] == 1:
            continue
        places = np.arange(math.prod(source)).reshape(source)
        order = attributes_of(middle).get("perm") or range(len(split))[::-1]
        found = _as_moves(places, places.reshape(split).transpose(order).reshape(wanted))
        if found is not None:
            _replace(wrapper, (first, middle, last[0]), found)


Moves = list[tuple[str, dict[str, Any], NDArray[np.int64] | None]]
"""Operators of `integer.moves`, their attributes, and which channels a Gather takes."""


def _as_moves(before: NDArray[np.int64], after: NDArray[np.int64]) -> Moves | None:
    """Return what makes `after` of `before`, both (1, C, H, W) of distinct numbers; None: not known."""
    size, wanted = before.shape[2:], after.shape[2:]
    up, down = max(1, wanted[0] // size[0]), max(1, size[0] // wanted[0])
    if wanted == (size[0] * up, size[1] * up) and up > 1:
        tries: Moves = [("DepthToSpace", {"blocksize": up, "mode": mode}, None) for mode in ("DCR", "CRD")]
    elif size == (wanted[0] * down, wanted[1] * down) and down > 1:
        tries = [("SpaceToDepth", {"blocksize": down}, None)]
    else:
        tries = [("Gather", {"axis": 1}, np.arange(before.shape[1]))]
    for operator, attributes, indices in tries:
        coded = {
            key: value.encode() if isinstance(value, str) else value for key, value in attributes.items()
        }
        found = moved(before, operator, coded, indices)
        if found.shape != after.shape:
            continue
        channels = {int(value): place for place, value in enumerate(found[0, :, 0, 0])}
        taken = np.array([channels.get(int(value), 0) for value in after[0, :, 0, 0]])
        if np.array_equal(found[:, taken], after):
            gathers = not np.array_equal(taken, np.arange(len(taken)))
            kept: Moves = [] if operator == "Gather" else [(operator, attributes, None)]
            return kept + [("Gather", {"axis": 1}, taken)] * gathers
    return None


def _replace(wrapper: ModelWrapper, nodes: Sequence[onnx.NodeProto], moves: Moves) -> None:
    """Put `moves` in the place of `nodes`, which follow each other and whose last keeps its name."""
    graph, last = wrapper.graph, nodes[-1]
    at, source = list(graph.node).index(nodes[0]), nodes[0].input[0]
    for node in nodes:
        graph.node.remove(node)
    moves = moves or [("Identity", {}, None)]
    for number, (operator, attributes, indices) in enumerate(moves):
        ends = number == len(moves) - 1
        output = last.output[0] if ends else f"{last.name}_move{number}"
        inputs = [source]
        if indices is not None:
            inputs.append(f"{last.name}_channels")
            wrapper.set_initializer(inputs[1], indices)
        name = last.name if ends else f"{last.name}_{number}"
        graph.node.insert(at + number, helper.make_node(operator, inputs, [output], name, **attributes))
        if not ends:
            shape = wrapper.get_tensor_shape(source)
            places = moved(np.zeros(shape), operator, attributes, indices)
            wrapper.set_tensor_shape(output, list(places.shape))
        source = output
