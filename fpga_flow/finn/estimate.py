"""FINN's own estimate of a hardware graph, to compare with.

FINN has no figure for some layers and resources, where its methods return 0 all the same. Such a
figure is None here, and it is counted how many layers a sum leaves out.
"""

from typing import Any

from fpga_flow.target.resources import LIMITED

METHODS = {"lut": "lut_estimation", "bram18": "bram_estimation", "dsp": "dsp_estimation"}
"""FINN's method by resource. It has none for flip-flops."""

PLACEHOLDERS = {("MVAU_rtl", "lut"), ("VVAU_rtl", "lut")}
"""Methods that a layer's class does define, but as a constant 0."""


def finn_estimate(model: Any, part: str) -> dict[str, Any]:
    """Return what `model`, a hardware graph (a `ModelWrapper` of FINN's layers), will take of `part`.

    The result has the sum of each limited resource (None where no layer has a figure), `layers` (name ->
    resource -> amount or None) and `missing` (resource -> number of layers without a figure).
    """
    from qonnx.custom_op.registry import getCustomOp  # only here: it imports onnx

    layers = {node.name: _figures(getCustomOp(node), part) for node in model.graph.node}
    known = {key: [row[key] for row in layers.values() if row[key] is not None] for key in LIMITED}
    return {
        **{key: sum(amounts) if amounts else None for key, amounts in known.items()},
        "layers": layers,
        "missing": {key: len(layers) - len(amounts) for key, amounts in known.items()},
    }


def _figures(layer: Any, part: str) -> dict[str, int | None]:
    """Return FINN's figures for `layer`; None where its class does not define the method."""
    figures: dict[str, int | None] = dict.fromkeys(LIMITED)
    for key, method in METHODS.items():
        if _defines(layer, method) and (layer.onnx_node.op_type, key) not in PLACEHOLDERS:
            figures[key] = int(round(getattr(layer, method)(part)))
    return figures


def _defines(layer: Any, method: str) -> bool:
    """Return whether a class below FINN's base, whose methods return 0, defines `method`."""
    owner = next(kind for kind in type(layer).__mro__ if method in vars(kind))
    return owner.__name__ != "HWCustomOp"
