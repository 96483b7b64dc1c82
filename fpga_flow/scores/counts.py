"""All counts and scores of a network as JSON: of every layer, and of the whole."""

from collections.abc import Sequence
from typing import Any

from fpga_flow.export.cost import LayerCost, cost, layer_costs
from fpga_flow.export.operations import IntegerNetwork, Operation
from fpga_flow.results import export as results
from fpga_flow.scores.cifar_course import course_score
from fpga_flow.scores.micronet import micronet_score
from fpga_flow.scores.sparsity import sparsity

CIFAR = (3, 32, 32)
"""Frames of the contests whose scores compare with a network for CIFAR."""


def as_json(operations: Sequence[Operation]) -> dict[str, Any]:
    """Return {"layers": [...], "total": as in `report.json`, "course": {...}, "micronet": {...}}."""
    layers = layer_costs(operations)
    course, micronet = course_score(layers), micronet_score(operations)
    total = cost(operations)
    return {
        "layers": [_counted(layer).model_dump() for layer in layers],
        "total": {**total.model_dump(), "sparsity": sparsity(total.weights, total.nonzero)},
        "course": {"parameters": course.parameters, "operations": course.operations},
        "micronet": {
            "score": micronet.score,
            "parameters": micronet.parameters,
            "multiplications": micronet.multiplications,
            "additions": micronet.additions,
        },
    }


def _counted(layer: LayerCost) -> results.LayerCost:
    return results.LayerCost(
        name=layer.name,
        weights=layer.weights,
        nonzero=layer.nonzero,
        sparsity=sparsity(layer.weights, layer.nonzero),
        bits=layer.weight_bits_each,
        act_bits=layer.act_bits,
        macs=layer.macs,
        nonzero_macs=layer.nonzero_macs,
        bit_ops=layer.bit_ops,
        weight_bits=layer.weight_bits,
    )


def for_report(network: IntegerNetwork) -> results.Scores:
    """Return the layers' counts, and the scores meant for the network's frames.

    Those of the course and of MicroNet 2019 compare with networks for CIFAR, and are None where the network
    takes other frames; the ITU score, for radio signals, stands beside the cost in any case.
    """
    layers = layer_costs(network.operations)
    asked = tuple(network.host.frame_shape) == CIFAR
    course = course_score(layers) if asked else None
    return results.Scores(
        course_parameters=course.parameters if course else None,
        course_operations=course.operations if course else None,
        micronet=micronet_score(network.operations).score if asked else None,
        layers=[_counted(layer) for layer in layers],
    )
