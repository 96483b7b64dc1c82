"""Folding: how many multiplications each layer does at once, for a wanted frame rate."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finn.transformation.fpgadataflow.set_folding import SetFolding
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.general import GiveUniqueNodeNames

from fpga_flow.errors import InputError
from fpga_flow.finn_adapter.ops import AsHls, UseOwnRtl
from fpga_flow.hardware.lower import transform
from fpga_flow.hardware.streams import insert_streams as insert_streams

ATTRIBUTES = ("PE", "SIMD", "parallel_window", "ram_style", "mem_mode", "inFIFODepths", "outFIFODepths")
"""What a folding file may set."""


def fold_to_cycles(model: ModelWrapper, cycles_per_frame: int) -> ModelWrapper:
    """Return `model` folded by FINN's `SetFolding` to at most `cycles_per_frame` where it can."""
    return transform(model, (AsHls(), SetFolding(cycles_per_frame), UseOwnRtl(), GiveUniqueNodeNames()))


def fold_from_file(model: ModelWrapper, path: Path) -> ModelWrapper:
    """Return `model` with the folding of `path` (JSON: layer -> attribute -> value).

    Raises `InputError` naming the file, the layer, the attribute and what it must be.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"hardware.folding: {path}: {error}") from None
    nodes = {node.name: node for node in model.graph.node}
    if not isinstance(table, dict) or table.keys() != nodes.keys():
        wrong = sorted(set(table) ^ set(nodes)) if isinstance(table, dict) else [type(table).__name__]
        raise InputError(f"{path}: must name the layers {', '.join(nodes)}; differs in {', '.join(wrong)}")
    for name, values in table.items():
        layer = getCustomOp(nodes[name])
        known = [key for key in ATTRIBUTES if key in layer.get_nodeattr_types()]
        for key, value in values.items():
            if key not in known:
                raise InputError(f"{path}: {name}: must be one of {', '.join(known)}, not {key!r}")
            try:
                layer.set_nodeattr(key, value)
                _check_folds(layer)
            except (AssertionError, AttributeError, TypeError, ValueError) as error:
                raise InputError(f"{path}: {name}.{key} = {value!r}: {error}") from None
    return model


def _check_folds(layer: Any) -> None:
    """Raise `ValueError` where the folding does not divide the layer's shapes."""
    for folded, whole in (
        (layer.get_folded_input_shape(), layer.get_normal_input_shape()),
        (layer.get_folded_output_shape(), layer.get_normal_output_shape()),
    ):
        if math.prod(folded) != math.prod(whole):
            raise ValueError(f"must divide the {whole[-1]} channels")


def write_folding(model: ModelWrapper, path: Path) -> None:
    """Write the folding of `model` as a file that `fold_from_file` reads."""
    table = {}
    for node in model.graph.node:
        layer = getCustomOp(node)
        types = layer.get_nodeattr_types()
        table[node.name] = {key: layer.get_nodeattr(key) for key in ATTRIBUTES if key in types}
    path.write_text(json.dumps(table, indent=2, default=_plain) + "\n", encoding="utf-8")


def _plain(value: object) -> object:
    return value.tolist() if hasattr(value, "tolist") else str(value)


@dataclass(frozen=True)
class Layer:
    """One line of the report's `hardware.layers`."""

    name: str
    op: str
    kind: str
    cycles: int
    pe: int | None
    simd: int | None
    weights: int | None
    nonzero: int | None


def latency(model: ModelWrapper) -> int:
    """Return the predicted cycles from a frame's first word in to its last word out.

    Layers that work on positions of a frame run side by side, at the pace of the slowest. A dense
    layer cannot end before it has the whole vector, so those come one after the other. What the
    sliding windows hold back at the start is left out.
    """
    streaming, dense = 0, 0
    for node in model.graph.node:
        layer = getCustomOp(node)
        cycles = int(layer.get_exp_cycles())
        if math.prod(layer.get_normal_output_shape()[:-1]) == 1 and node.op_type == "MVAU_rtl":
            dense += cycles
        else:
            streaming = max(streaming, cycles)
    return streaming + dense


KINDS = {
    "MVAU_rtl": "matrix",
    "Thresholding_rtl": "threshold",
    "ConvolutionInputGenerator_rtl": "window",
    "FMPadding_rtl": "padding",
    "Pool_rtl": "pool",
    "IntegerAdd_rtl": "add",
    "LabelSelect_rtl": "top-k",
    "StreamingDataWidthConverter_rtl": "width",
    "StreamingFIFO_rtl": "fifo",
}


def layers(model: ModelWrapper) -> list[Layer]:
    """Return all layers in the order of the stream, with their predicted cycles per frame."""
    found = []
    for node in model.graph.node:
        layer = getCustomOp(node)
        types = layer.get_nodeattr_types()
        weights = model.get_initializer(node.input[1]) if node.op_type == "MVAU_rtl" else None
        found.append(
            Layer(
                name=node.name,
                op=node.op_type,
                kind=KINDS.get(node.op_type, "other"),
                cycles=int(layer.get_exp_cycles()),
                pe=layer.get_nodeattr("PE") if "PE" in types else None,
                simd=layer.get_nodeattr("SIMD") if "SIMD" in types else None,
                weights=None if weights is None else int(weights.size),
                nonzero=None if weights is None else int((weights != 0).sum()),
            )
        )
    return found
