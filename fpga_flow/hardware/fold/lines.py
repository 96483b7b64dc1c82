"""The layers of a folded graph, as the report lists them."""

import math
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from fpga_flow.hardware.fold.latency import longest
from fpga_flow.hardware.fold.options import layer_attributes
from fpga_flow.layers.base import Timing, implementation_of, kind_of, streams_in
from fpga_flow.results.hardware import HardwareLayer


def layers(model: ModelWrapper) -> list[HardwareLayer]:
    """Return all layers in the order of the stream, with their predicted cycles per frame."""
    found = []
    for node in model.graph.node:
        layer = getCustomOp(node)
        types = layer.get_nodeattr_types()
        kind = kind_of(layer)
        weights = model.get_initializer(node.input[1]) if kind.has_weights else None
        nonzero = None if weights is None else int((weights != 0).sum())
        found.append(
            HardwareLayer(
                name=node.name,
                op=node.op_type,
                kind=kind.word,
                implementation=kind.built(layer).name,
                cycles=int(layer.get_exp_cycles()),
                pe=layer.get_nodeattr("PE") if "PE" in types else None,
                simd=layer.get_nodeattr("SIMD") if "SIMD" in types else None,
                weights=None if weights is None else int(weights.size),
                nonzero=nonzero,
                lane_use=None if nonzero is None else _lane_use(layer, nonzero),
            )
        )
    return found


def _lane_use(layer: Any, nonzero: int) -> float | None:
    """Return the share of its lanes' products that are with one of `nonzero` weights; None without lanes."""
    if implementation_of(layer).weights == "constant":
        return None
    get, types = layer.get_nodeattr, layer.get_nodeattr_types()
    lanes = get("Lanes") if "Lanes" in types else get("PE") * get("SIMD")
    positions = math.prod(int(size) for size in layer.get_normal_output_shape()[:-1])
    return float(nonzero * positions / (lanes * int(layer.get_exp_cycles())))


def latency(model: ModelWrapper) -> int:
    """Return the predicted cycles from a frame's first word in to its last word out (see `latency.longest`).

    `model` may have its width converters and FIFOs already; they count as what stands between layers.
    """
    times: list[Timing] = []
    edges: list[tuple[int, int]] = []
    source: dict[str, int | None] = {}
    """Tensor -> the number of the layer that it comes from, through FIFOs and width converters."""
    for node in model.graph.node:
        layer = getCustomOp(node)
        streams = streams_in(model, node)
        if kind_of(layer).between:
            source[node.output[0]] = source.get(streams[0])
            continue
        before = [source[name] for name in streams if source.get(name) is not None]
        edges += [(producer, len(times)) for producer in before if producer is not None]
        source |= dict.fromkeys(node.output, len(times))
        times.append(_timing(layer))
    return longest(times, edges)


def _timing(layer: Any) -> Timing:
    return implementation_of(layer).timing(layer_attributes(layer), int(layer.get_exp_cycles()))
