"""Quantisers with uneven levels (APoT) in QONNX, which has no operator for them.

Weights: their values are put in the file already quantised; the `Quant` behind them, of enough bits for the
largest integer, leaves them as they are. Activations: a `MultiThreshold`, as FINN and qonnx have it, whose
output counts the thresholds that are reached; where the next level is two higher, two thresholds are equal.
"""

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import nn

from fpga_flow.errors import UnsupportedError
from fpga_flow.export.reader import QONNX_DOMAIN, module_path
from fpga_flow.train.apot import ApotActivations, ApotWeights, edges

_WEIGHT, _ACTIVATION = ".tensor_quant", ".act_quant.fused_activation_quant_proxy.tensor_quant"


def put_levels(module: nn.Module, model: onnx.ModelProto) -> None:
    """Put the uneven levels of `module` into `model`, which Brevitas made of it with evenly spaced ones.

    Raises `UnsupportedError` where a quantiser of `module` is not found in the file.
    """
    quantisers = {
        name.removesuffix(_ACTIVATION).removesuffix(_WEIGHT): part
        for name, part in module.named_modules()
        if isinstance(part, ApotWeights | ApotActivations)
    }
    placed: set[str] = set()
    with torch.no_grad():
        for node in model.graph.node:
            path = module_path(node)
            if node.op_type != "Quant" or path not in quantisers:
                continue
            quantiser = quantisers[path]
            if isinstance(quantiser, ApotWeights):
                weight = module.get_parameter(path.removesuffix("_quant"))
                _put_weights(quantiser, weight, node, model.graph)
            else:
                _put_thresholds(quantiser, node, model.graph)
            placed.add(path)
    if missing := quantisers.keys() - placed:
        raise UnsupportedError(
            min(missing), "a quantiser that the exported network does not use", "remove it from the module"
        )


def thresholds(grid: tuple[int, ...]) -> list[float]:
    """Return the edges between the unsigned integers of `grid`, each as often as the integer rises there."""
    rises = np.diff(grid)
    return [edge for edge, times in zip(edges(grid), rises, strict=True) for _ in range(times)]


def _put_weights(
    quantiser: ApotWeights, weight: torch.Tensor, node: onnx.NodeProto, graph: onnx.GraphProto
) -> None:
    name = f"{node.output[0]}_levels"
    graph.initializer.append(numpy_helper.from_array(quantiser(weight)[0].numpy(), name))
    node.input[0] = name


def _put_thresholds(quantiser: ApotActivations, node: onnx.NodeProto, graph: onnx.GraphProto) -> None:
    name, scale = f"{node.output[0]}_thresholds", float(quantiser.scale)
    rows = np.array([thresholds(quantiser.grid)], dtype=np.float32) * np.float32(scale)
    graph.initializer.append(numpy_helper.from_array(rows, name))
    made = helper.make_node(
        "MultiThreshold",
        [node.input[0], name],
        node.output,
        node.name,
        domain=QONNX_DOMAIN,
        out_dtype=f"UINT{quantiser.width}",
        out_scale=scale,
        out_bias=0.0,
    )
    made.metadata_props.extend(node.metadata_props)
    node.CopyFrom(made)
